"""Who acts: verified tokens, the actor in them, and whether their session still lives."""
