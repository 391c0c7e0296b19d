"""What auth-service does for people and applications: accounts, sessions, API keys, public keys."""
