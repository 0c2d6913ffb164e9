"""The response object with all fields of openresponses.org, in every state, and its usage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...turns import JsonObject, StopReason, Usage
from ..dialect import Stamp

# Why an answer is incomplete; with every other stop reason it is complete.
INCOMPLETE: Mapping[StopReason, str] = {
    "max_tokens": "max_output_tokens",
    "model_context_window_exceeded": "max_output_tokens",
    "refusal": "content_filter",
}


def write_object(
    stamp: Stamp,
    echo: JsonObject,
    model: str,
    status: str,
    output: Sequence[JsonObject] = (),
    *,
    completed_at: int | None = None,
    incomplete: str | None = None,
    error: JsonObject | None = None,
    usage: Usage | None = None,
) -> dict[str, Any]:
    """Write the response object."""
    return {
        "id": stamp.id,
        "object": "response",
        "created_at": stamp.created,
        "completed_at": completed_at,
        "status": status,
        "incomplete_details": {"reason": incomplete} if incomplete else None,
        "error": error,
        "model": model,
        "output": list(output),
        **echo,
        "usage": None if usage is None else write_usage(usage),
    }


def write_usage(usage: Usage) -> dict[str, Any]:
    """Write the usage. OpenAI's input tokens include the cached ones, which the Messages API counts apart."""
    prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_creation_tokens
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_creation_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.thinking_tokens},
        "total_tokens": prompt + usage.output_tokens,
    }
