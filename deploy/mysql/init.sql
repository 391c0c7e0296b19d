-- Three schemas, one user each, no grant across. Run once by an administrator; safe to run again.
-- The users are locked until they have a password, which does not stand here: the container sets them from secret
-- files (passwords.sh). By hand, for each of the three:
--   ALTER USER 'promptsphere_auth'@'%' IDENTIFIED BY '...' ACCOUNT UNLOCK;

CREATE DATABASE IF NOT EXISTS promptsphere_auth CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS promptsphere_prompt CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS promptsphere_generation CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE USER IF NOT EXISTS 'promptsphere_auth'@'%' ACCOUNT LOCK;
CREATE USER IF NOT EXISTS 'promptsphere_prompt'@'%' ACCOUNT LOCK;
CREATE USER IF NOT EXISTS 'promptsphere_generation'@'%' ACCOUNT LOCK;

-- Rows, and what migrations need; no GRANT OPTION, no FILE, nothing global.
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE TEMPORARY TABLES
    ON promptsphere_auth.* TO 'promptsphere_auth'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE TEMPORARY TABLES
    ON promptsphere_prompt.* TO 'promptsphere_prompt'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE TEMPORARY TABLES
    ON promptsphere_generation.* TO 'promptsphere_generation'@'%';
