"""Tray Bridge: programs that speak an LLM API use the Claude that their user is signed in to."""

__version__ = "0.2.0"
