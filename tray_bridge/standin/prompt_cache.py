"""Count a request's input as the Messages API does, prompt cache included. Must not know replies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

CHARS_PER_TOKEN = 4
BILLING_NOTE = "x-anthropic-billing-header"


class PromptCache:
    """Remember every prefix (system and tools, then message by message) that it has seen."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def usage(self, body: Mapping[str, Any]) -> dict[str, int]:
        """Count input tokens, those read from the cache apart, and cache the request."""
        system = body.get("system") or ()
        if not isinstance(system, str):  # the CLI's billing note differs from request to request
            system = [block for block in system if not str(block.get("text", "")).startswith(BILLING_NOTE)]
        digest, chars, cached = 0, 0, 0
        for part in ([body.get("model"), system, body.get("tools")], *body.get("messages", ())):
            text = json.dumps(unmarked(part))
            digest, chars = hash((digest, text)), chars + len(text)
            if digest in self._seen:
                cached = chars
            self._seen.add(digest)
        read, total = cached // CHARS_PER_TOKEN, chars // CHARS_PER_TOKEN
        return {
            "input_tokens": max(1, total - read),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": read,
        }


def unmarked(value: Any) -> Any:
    """Copy without cache marks, which move from message to message; plain strings become text blocks."""
    if isinstance(value, list):
        return [unmarked(item) for item in value]
    if not isinstance(value, dict):
        return value
    copy = {key: unmarked(item) for key, item in value.items() if key != "cache_control"}
    if isinstance(copy.get("content"), str):
        copy["content"] = [{"type": "text", "text": copy["content"]}]
    return copy
