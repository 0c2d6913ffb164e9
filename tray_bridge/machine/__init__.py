"""The machine: where files lie, the ports, the CLI program and the API keys. Knows no server and no face."""
