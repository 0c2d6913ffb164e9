"""Usage in the Messages API's shape: `input_tokens` excludes what was read from the cache or written to it."""

from __future__ import annotations

from typing import Any

from ...turns import Usage


def write_usage(usage: Usage) -> dict[str, Any]:
    """Write every figure that clients add up; all are integers."""
    return {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_creation_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
    }
