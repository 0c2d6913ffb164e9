"""Events of a turn → the message in one piece."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...errors import SessionLostError
from ...turns import (
    Event,
    JsonObject,
    RedactedThinking,
    TextDelta,
    TextEnded,
    Thinking,
    ThinkingDelta,
    ThinkingEnded,
    ToolCallDelta,
    ToolCallStarted,
    TurnEnded,
    TurnStarted,
)
from ..dialect import Asked, Stamp
from .options import Options
from .signature import seal, seal_redacted
from .usage import write_usage

Block = dict[str, Any]


def write_message(asked: Asked, stamp: Stamp, events: Sequence[Event]) -> JsonObject:
    """Write the message; raises `SessionLostError` if the events stop before the turn's end."""
    end = events[-1] if events else None
    if not isinstance(end, TurnEnded):
        raise SessionLostError("The answer has no end.")
    options: Options = asked.options or Options()
    return {
        "id": stamp.id,
        "type": "message",
        "role": "assistant",
        "model": asked.requested_model,
        "content": write_blocks(events, omit_thinking=options.omit_thinking),
        "stop_reason": end.stop_reason,
        "stop_sequence": end.stop_sequence,
        "usage": write_usage(end.usage),
    }


def write_blocks(events: Sequence[Event], *, omit_thinking: bool = False) -> list[Block]:
    """Write the content blocks, as a reader of the stream would join them."""
    blocks: list[Block] = []
    pieces: list[str] = []
    kind = model = ""

    def close(signature: str = "") -> None:
        nonlocal kind
        text = "".join(pieces)
        if kind == "text":
            blocks.append({"type": "text", "text": text})
        elif kind == "thinking":
            sealed = seal(Thinking(text, signature, model), omitted=omit_thinking)
            blocks.append({"type": "thinking", "thinking": "" if omit_thinking else text, "signature": sealed})
        elif kind == "tool_use":
            blocks[-1]["input"] = _arguments(text)
        pieces.clear()
        kind = ""

    def switch(to: str) -> None:
        nonlocal kind
        if kind != to:
            close()
            kind = to

    for event in events:
        match event:
            case TurnStarted(started):
                model = started
            case TextDelta(text) if text:
                switch("text")
                pieces.append(text)
            case TextEnded(citations) if kind == "text":
                close()
                if citations:
                    blocks[-1]["citations"] = list(citations)
            case ThinkingDelta(text):
                switch("thinking")
                pieces.append(text)
            case ThinkingEnded(signature):
                switch("thinking")
                close(signature)
            case RedactedThinking():
                close()
                blocks.append({"type": "redacted_thinking", "data": seal_redacted(replace(event, model=model))})
            case ToolCallStarted(_, call_id, name):
                close()
                blocks.append({"type": "tool_use", "id": call_id, "name": name, "input": {}})
                kind = "tool_use"
            case ToolCallDelta(_, piece):
                pieces.append(piece)
    close()
    return blocks


def _arguments(text: str) -> Any:
    """Parse the joined pieces of one call: an object, or empty."""
    return json.loads(text) if text.strip() else {}
