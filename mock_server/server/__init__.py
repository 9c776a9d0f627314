"""The edge: the ASGI application, HTTP in and out, the sessions, the running process."""
