"""Strict reads of what the CLI prints: a value of another type must not reach a client."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ..errors import UpstreamError
from ..turns import JsonObject, Usage, read_arguments


def read_input(name: str, arguments: str) -> JsonObject:
    """Raise UpstreamError for arguments that are not a JSON object: the CLI does not make such a call."""
    read = read_arguments(arguments)
    if "_raw" in read and read["_raw"] == arguments:
        raise UpstreamError(f"The model called `{name}` with arguments that are no JSON object.", status=502)
    return read


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Read the counts of a message, 0 for each that is missing. Raise TypeError for anything but finite numbers."""
    details = usage.get("output_tokens_details") or {}
    return Usage(
        input_tokens=int(read_number(usage, "input_tokens")),
        output_tokens=int(read_number(usage, "output_tokens")),
        cache_read_tokens=int(read_number(usage, "cache_read_input_tokens")),
        cache_creation_tokens=int(read_number(usage, "cache_creation_input_tokens")),
        thinking_tokens=int(read_number(details, "thinking_tokens")),
    )


def read_text(block: Mapping[str, Any], key: str) -> str:
    """Return a text; raise TypeError for any other value, which must not reach a client."""
    text = block.get(key)
    if text is not None and not isinstance(text, str):
        raise TypeError(key)
    return text or ""


def read_number(values: Mapping[str, Any], key: str) -> float:
    """Return a finite number, 0 for None, also of digits as text; raise TypeError or ValueError for any other value."""
    number = values.get(key) or 0
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < 16:
        return int(number)  # some gateways write counts so
    if not isinstance(number, (int, float)) or not math.isfinite(number):
        raise TypeError(key)
    return number


def whole_input(block: Mapping[str, Any]) -> str:
    """Return the arguments in the start of a call, where some gateways send them; empty for none."""
    given = block.get("input")
    return json.dumps(given, ensure_ascii=False) if isinstance(given, Mapping) and given else ""


TOOLS_LEFT_OUT = 500  # tokens that Claude Code takes off a count of tools


def read_count(summary: Mapping[str, Any], full: Mapping[str, Any], *, has_tools: bool) -> int | None:
    """Return the tokens of `full`, an answer to `get_context_usage`; None where upstream has not counted all of them.

    Claude Code does not tell. It has not where it goes by the usage of an earlier answer, or says of messages or tools
    what it estimates in the `summary`. Of few tools it gives no count.
    """
    kinds = ("messages", "mcp_tools") if has_tools else ("messages",)
    counted, estimated = _by_kind(full), _by_kind(summary)
    total = full.get("totalTokens")
    if full.get("apiUsage") is not None or type(total) is not int:
        return None
    if any(not counted.get(kind) or counted[kind] == estimated.get(kind) for kind in kinds):
        return None
    return total + (TOOLS_LEFT_OUT if has_tools else 0)


def _by_kind(usage: Mapping[str, Any]) -> Mapping[Any, Any]:
    categories = (each for each in usage.get("categories") or () if isinstance(each, Mapping))
    return {each.get("id"): each.get("tokens") for each in categories}
