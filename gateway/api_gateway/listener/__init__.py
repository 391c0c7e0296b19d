"""The socket's side of HTTP: what is refused before there is a request, and how the server is set up."""
