"""Vendors faked at their wire; each keeps its own request log, which is the truth for billing."""
