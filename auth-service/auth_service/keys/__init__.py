"""The ring of keys that sign access tokens."""
