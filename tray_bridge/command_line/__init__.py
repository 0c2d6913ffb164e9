"""The commands. Each sends HTTP requests to a running bridge, as any client does, or reads this user's own files."""
