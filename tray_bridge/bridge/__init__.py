"""OpenAI's Chat Completions ⇄ turns: pure functions, no await, no I/O. Knows neither HTTP nor the CLI."""
