"""Events of a turn → Ollama's answer in one piece: the lines of a stream, joined."""

from __future__ import annotations

from collections.abc import Sequence

from ...turns import Event, JsonObject, TurnStarted
from ..dialect import Asked, Stamp
from .read import Options
from .write import Line, LineWriter, last_line


def write_answer(asked: Asked, stamp: Stamp, events: Sequence[Event]) -> JsonObject:
    """Write the answer; `events` end with the turn's end."""
    options: Options = asked.options
    writer = LineWriter(asked, stamp)
    # When the model began is known of a stream alone. Without it all of the time is the answer's: were it the prompt's,
    # clients would show an absurd speed.
    lines = [line for event in events if not isinstance(event, TurnStarted) for line in writer.lines(event)]
    parts: list[Line] = lines if options.generates else [line["message"] for line in lines]
    found = dict(lines[-1])
    joined = {"content": "".join(part.get("response" if options.generates else "content", "") for part in parts)}
    if thinking := "".join(part.get("thinking", "") for part in parts):
        joined["thinking"] = thinking
    calls = [call for part in parts for call in part.get("tool_calls", ())]
    more = {"tool_calls": calls} if calls else {}
    if options.generates:
        text = joined.pop("content")
        return {**found, "response": text, **joined, **more}
    return {**found, "message": {"role": "assistant", **joined, **more}}


def write_load(asked: Asked, stamp: Stamp) -> Line:
    """Write the answer to a request without a question."""
    options: Options = asked.options
    return last_line(asked, stamp, options.load)
