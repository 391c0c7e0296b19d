"""The person: their row, what makes it valid, and what they may change of it."""
