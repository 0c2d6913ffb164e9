"""A file of the log → its document, with every field of the type that its readers expect.

Owns what a field may hold. Somebody may have changed a file by hand, and a later version may write other values: such
a field is left out here, once, so that no reader has to look again. What a request holds is any JSON, and stays.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from ..turns import MAX_DEPTH, is_deeper
from .exchange import Outcome

MOST_LEVELS = MAX_DEPTH + 20  # a turn has some around what was sent
MOST_SECONDS = 1e9
MOST_TOKENS = 10**12
TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens", "thinking_tokens")
BLOB = re.compile(r"[0-9a-f]{64}(\.\w{1,16})?")
_OUTCOMES = (*get_args(Outcome), "unfinished")


class NoExchangeError(ValueError):
    """A file that holds no exchange; the message says why."""


def read_document(path: Path) -> dict[str, Any]:
    """Read the exchange in `path`. Raises OSError, and NoExchangeError."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file")
    try:
        raw = json.loads(path.read_bytes(), parse_constant=_nothing, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise NoExchangeError(f"it is no JSON that can be read: {error}") from None
    return checked(raw)


def checked(raw: object) -> dict[str, Any]:
    """Give a document whose fields have their types. Raises NoExchangeError if it is no exchange's."""
    if not isinstance(raw, dict) or not raw.keys() >= {"id", "received", "outcome", "process"}:
        raise NoExchangeError("it is not in the form of an exchange")
    if not _is_id(raw["id"]):
        raise NoExchangeError("its id is no text")
    received = _moment(raw["received"])
    if received is None:
        raise NoExchangeError("`received` is no time")
    raw = {name: None if _is_deep(value) else value for name, value in raw.items()}
    return {**raw, **{name: check(raw.get(name)) for name, check in _ALWAYS.items()}, "received": received} | {
        name: check(raw[name]) for name, check in _SOMETIMES.items() if name in raw
    }


def _nothing(_: str) -> None:
    """Read NaN and infinities, which JSON does not have, as null."""


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _is_id(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(value.encode())
    except UnicodeEncodeError:
        return False


def _moment(value: object) -> str | None:
    try:
        moment = datetime.fromisoformat(value)  # type: ignore[arg-type]
        moment.timestamp()
        return moment.astimezone().isoformat(timespec="milliseconds") if moment.tzinfo is None else str(value)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _is_deep(value: object) -> bool:
    return isinstance(value, (dict, list)) and is_deeper(value, MOST_LEVELS)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _said(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _number(value: object, most: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most


def _timings(value: object) -> dict[str, float]:
    return {name: seconds for name, seconds in (_mapping(value) or {}).items() if _number(seconds, MOST_SECONDS)}


def _usage(value: object) -> dict[str, int] | None:
    found = _mapping(value) or {}
    whole = {name: found[name] for name in TOKENS if isinstance(found.get(name), int)}
    kept = {name: number for name, number in whole.items() if _number(number, MOST_TOKENS)}
    return {name: kept.get(name, 0) for name in TOKENS} if kept else None


def _process(value: object) -> dict[str, Any]:
    found = _mapping(value) or {}
    fits = isinstance(found.get("pid"), int) and _number(found["pid"], 2**31) and _number(found.get("alive_at"), 1e12)
    return found if fits else {}


def _error(value: object) -> dict[str, Any] | None:
    found = _mapping(value)
    told = {name: text for name, text in (found or {}).items() if isinstance(text, str)}
    return {"title": "Error", **told} if found is not None else None


def _calls(value: object) -> list[dict[str, Any]]:
    calls = [call for call in value if isinstance(call, dict)] if isinstance(value, list) else []
    return [
        {**({"id": _text(call["id"])} if "id" in call else {}), "name": call["name"], "arguments": _said(arguments)}
        for call in calls
        for arguments in [call.get("arguments")]
        if isinstance(call.get("name"), str)
    ]


def _conversation(value: object) -> dict[str, str | None] | None:
    found = _mapping(value) or {}
    names = ("thread", "tip", "parent")
    return {name: _text(found[name]) for name in names if name in found} if _text(found.get("thread")) else None


def _turn(value: object) -> dict[str, Any] | None:
    """Give a turn if its messages and tools have the form that the log gives them; else the request is read."""
    turn = _mapping(value)
    if turn is None or not isinstance(turn.get("messages"), list):
        return None
    tools, system = turn.get("tools", []), turn.get("system", [])
    return (
        turn
        if all(_is_message(message) for message in turn["messages"])
        and isinstance(tools, list)
        and all(isinstance(tool, dict) and isinstance(tool.get("name"), str) for tool in tools)
        and isinstance(system, list)
        and all(isinstance(text, str) for text in system)
        else None
    )


def _is_message(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("role"), str)
        and isinstance(value.get("content"), list)
        and all(_is_block(block) for block in value["content"])
    )


def _is_block(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return False
    texts = all(isinstance(value[name], str) for name in ("text", "name", "id", "data", "tool_use_id") if name in value)
    inner = value.get("content", [])
    return texts and isinstance(inner, list) and all(_is_block(block) for block in inner)


def _blobs(value: object) -> list[str]:
    return [name for name in value if isinstance(name, str) and BLOB.fullmatch(name)] if isinstance(value, list) else []


_ALWAYS: Mapping[str, Callable[[object], Any]] = {
    "endpoint": _said,
    "dialect": lambda value: _said(value) or "openai_chat",
    "client": _said,
    "key_name": _text,
    "model": _text,
    "answered_by": _text,
    "streamed": lambda value: value is True,
    "outcome": lambda value: value if value is None or value in _OUTCOMES else "unfinished",
    "status": lambda value: value if isinstance(value, int) and 100 <= value <= 599 else None,
    "session": _text,
    "timings": _timings,
    "stop_reason": _text,
    "usage": _usage,
    "process": _process,
    "error": _error,
    "blobs": _blobs,
}
# Those that an exchange without its texts does not have.
_SOMETIMES: Mapping[str, Callable[[object], Any]] = {
    "answer": _said,
    "reasoning": _said,
    "tool_calls": _calls,
    "request": _mapping,
    "turn": _turn,
    "conversation": _conversation,
    "response": _mapping,
}
