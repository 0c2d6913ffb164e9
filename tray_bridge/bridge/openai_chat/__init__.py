"""Chat Completions (`POST /v1/chat/completions`), OpenAI's first dialect and the most spoken one."""
