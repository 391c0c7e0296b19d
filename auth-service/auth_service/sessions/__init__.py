"""Families of rotating refresh tokens, and the live records by which every gateway knows them."""
