"""The gRPC spine: server, client, the error status both ways, and what a handler may know of its call."""
