"""Responses (`POST /v1/responses`), OpenAI's newest dialect: items in, items out, and stored answers."""
