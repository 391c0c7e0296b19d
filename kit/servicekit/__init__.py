"""What it takes to be a Prompt Sphere service: needed by at least two of them, knowing no product noun."""
