"""Usage as the Messages API writes it: `input_tokens` excludes what came from the cache or went into it."""

from __future__ import annotations

from typing import Any

from ...turns import Usage


def write_usage(usage: Usage) -> dict[str, Any]:
    """Every figure that clients add up; all are integers."""
    return {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_creation_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
    }
