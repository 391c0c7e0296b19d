"""How parent and worker talk: a pickle behind its length, in this many bytes, big end first."""

LENGTH_BYTES = 8
