"""The settings: what can be set, the file that keeps it, and the words for it."""
