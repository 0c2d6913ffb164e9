"""Usage of a turn → OpenAI's usage object."""

from __future__ import annotations

from collections.abc import Iterable

from ...turns import Usage
from .wire import CompletionUsage


def write_usage(usage: Usage) -> CompletionUsage:
    """Write the usage. Write the usage. OpenAI's prompt tokens include the cached ones, which the Messages API counts
    apart.
    """
    prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_creation_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output_tokens,
        "total_tokens": prompt + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.thinking_tokens},
    }


def sum_usage(usages: Iterable[Usage]) -> Usage:
    """Add up the usage of several answers to one request: each was a request of its own upstream."""
    total = Usage()
    for usage in usages:
        total = Usage(
            total.input_tokens + usage.input_tokens,
            total.output_tokens + usage.output_tokens,
            total.cache_read_tokens + usage.cache_read_tokens,
            total.cache_creation_tokens + usage.cache_creation_tokens,
            total.thinking_tokens + usage.thinking_tokens,
        )
    return total
