"""Prompt Sphere on one machine: embedded Redis, migrations, three services and the gateway, supervised."""
