"""Live CLI sessions: processes, conversations and the pool that lends them. Knows nothing of OpenAI's shapes."""
