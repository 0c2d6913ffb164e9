"""The machine: paths, ports, the CLI program, signals and the API keys. Must not know a server or a user interface."""
