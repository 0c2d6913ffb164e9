"""Tray Bridge: every OpenAI client can use the Claude that its user is signed in to."""

__version__ = "0.1.0"
