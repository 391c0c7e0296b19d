"""Keys with which applications call."""
