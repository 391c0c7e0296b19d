#!/bin/bash
# Run by the MySQL image after init.sql, when the data folder is new: each user gets the password of its secret
# file and is unlocked. The client reads the statement from standard input, so that no process list shows it.
for service in auth prompt generation; do
    password=$(cat "/run/secrets/mysql_${service}_password")
    case $password in
        "" | *[!A-Za-z0-9_-]*) echo "mysql_${service}_password must be letters, digits, - or _" >&2; exit 1 ;;
    esac
    MYSQL_PWD=$(cat "${MYSQL_ROOT_PASSWORD_FILE:-/run/secrets/mysql_root_password}") \
        mysql --protocol=socket --user=root <<SQL
ALTER USER 'promptsphere_${service}'@'%' IDENTIFIED BY '${password}' ACCOUNT UNLOCK;
SQL
done
