"""Pure ASGI middleware: what every request passes, from the outside in: envelope, overload, body limit, heads."""
