"""What the fake model says: deterministic, and good enough to go through every gate."""
