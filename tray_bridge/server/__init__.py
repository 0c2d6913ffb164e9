"""The server: a thread that any program can start, and one run of it inside its event loop."""
