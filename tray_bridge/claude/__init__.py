"""Workers: CLI processes, their conversations, and the pool that lends them. Must not know a dialect."""
