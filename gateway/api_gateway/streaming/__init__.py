"""Server-sent events of runs."""
