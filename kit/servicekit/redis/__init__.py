"""The shared Redis: a client that fails fast while it is away, and what is kept or announced there."""
