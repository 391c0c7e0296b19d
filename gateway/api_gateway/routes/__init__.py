"""One module a resource: its JSON shapes, its handlers, its conversions to and from the services' messages."""
