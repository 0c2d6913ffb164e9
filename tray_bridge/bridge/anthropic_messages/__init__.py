"""Anthropic's Messages API (`POST /v1/messages`), the dialect of Anthropic's libraries and of Claude Code."""
