"""Changing workspaces and their members, with all that follows for sessions and keys; tables: `memberships.models`."""
