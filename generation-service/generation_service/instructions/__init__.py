"""Our own instructions to models, as text files, and the guard that keeps them from leaking."""
