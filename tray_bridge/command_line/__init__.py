"""The commands: each talks HTTP to a running bridge, as any client would, or reads this user's own files."""
