"""Families of rotating refresh tokens."""
