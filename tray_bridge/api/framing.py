"""`Frame` → bytes: how each framing writes one, keeps a silent stream alive, and ends. Must not know a dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from ..bridge.dialect import Frame, Framing


@dataclass(frozen=True, slots=True)
class Wire:
    """One framing. `keep_alive` is sent during a silence, `end` after the last frame of an answer that did not fail.

    SSE's keep-alive is a comment, as OpenRouter sends it: standard parsers skip it. No frame has an `id:` line, because
    openai-python before 2.38 would then read the comment as an event.
    """

    media_type: str
    encode: Callable[[Frame], bytes]
    keep_alive: bytes
    end: bytes


def _data(frame: Frame) -> bytes:
    return b"data: %b\n\n" % frame.data


def _named(frame: Frame) -> bytes:
    data, name = frame
    return b"event: %b\ndata: %b\n\n" % (_name(name), data)


@cache
def _name(name: str) -> bytes:
    """An event's name, of which each dialect has a few."""
    return name.encode("ascii")


def _line(frame: Frame) -> bytes:
    return frame.data + b"\n"


WIRES: Mapping[Framing, Wire] = {
    "sse": Wire("text/event-stream", _data, b": keep-alive\n\n", b"data: [DONE]\n\n"),
    "named_sse": Wire("text/event-stream", _named, b": keep-alive\n\n", b""),
    # Clients parse each line, so an empty one would be an error: only the headers can be sent early.
    "ndjson": Wire("application/x-ndjson", _line, b"", b""),
}
