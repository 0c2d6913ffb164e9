"""Chat Completions (`POST /v1/chat/completions`), OpenAI's dialect that most clients speak."""
