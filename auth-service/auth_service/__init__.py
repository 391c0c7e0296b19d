"""People, sessions, workspaces, API keys and the keys that sign access tokens."""
