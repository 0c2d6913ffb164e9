"""Events of a turn → the events of a streamed message. Owns their grammar, which strict clients check.

`message_start`, then the blocks, numbered from 0 and one open at a time (`content_block_start`, its deltas,
`content_block_stop`), then `message_delta` with the stop reason and the usage, then `message_stop`.
https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from json.encoder import encode_basestring_ascii
from typing import Any

from ...turns import (
    Event,
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
    Usage,
)
from ..dialect import Asked, Frame, Stamp
from ..estimate_tokens import estimate_turn
from ..frames import json_frame
from .options import Options
from .signature import seal, seal_redacted
from .usage import write_usage

_DELTA = "content_block_delta"


def frame(name: str, fields: Mapping[str, Any]) -> Frame:
    """Make one event; its name is in its data too."""
    return json_frame({"type": name, **fields}, name)


class MessageWriter:
    """Write one streamed message. `begun` is True once something of it was written."""

    def __init__(self, asked: Asked, stamp: Stamp) -> None:
        self._asked, self._id = asked, stamp.id
        self._options: Options = asked.options or Options()
        self.begun = False
        self._model = ""
        self._index = -1
        self._open = ""  # the type of the block that is open
        self._thought: list[str] = []
        self._before_text = b""

    def write(self, event: Event) -> list[Frame]:
        """Make the frames of `event`."""
        if type(event) is TextDelta and self._open == "text" and event.text:
            # What comes thousands of times: its JSON but for the text is made once.
            return [Frame(self._before_text + encode_basestring_ascii(event.text).encode("ascii") + b"}}", _DELTA)]
        match event:
            case TextDelta(text):
                return self._text(text)
            case TextEnded(citations) if self._open == "text":
                cited = [self._delta({"type": "citations_delta", "citation": each}) for each in citations]
                return [*cited, *self._stop()]
            case ThinkingDelta(text):
                return self._thinking(text)
            case ThinkingEnded(signature):
                return self._end_thinking(signature)
            case RedactedThinking():
                start = {"type": "redacted_thinking", "data": seal_redacted(replace(event, model=self._model))}
                return [*self._begin(), *self._start(start), *self._stop()]
            case ToolCallStarted(_, call_id, name):
                call: dict[str, Any] = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
                return [*self._begin(), *self._start(call)]
            case ToolCallDelta(_, piece):
                return [self._delta({"type": "input_json_delta", "partial_json": piece})] if piece else []
            case TurnStarted(model, usage):
                self._model = model
                return self._begin(usage)
            case TurnEnded():
                return self._end(event)
        return []

    def _begin(self, usage: Usage | None = None) -> list[Frame]:
        """Write the message's start, once. Its input is never 0: clients show from it how full the context is."""
        if self.begun:
            return []
        self.begun = True
        usage = usage or Usage()
        if not usage.input_tokens + usage.cache_read_tokens + usage.cache_creation_tokens:
            usage = Usage(estimate_turn(self._asked.turn), usage.output_tokens)
        message: dict[str, Any] = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._asked.requested_model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(usage),
        }
        return [frame("message_start", {"message": message})]

    def _text(self, text: str) -> list[Frame]:
        if not text:
            return []
        opening = [*self._begin(), *self._start({"type": "text", "text": ""})]
        whole = self._delta({"type": "text_delta", "text": ""}).data
        self._before_text = whole.removesuffix(b'""}}')
        return [*opening, self._delta({"type": "text_delta", "text": text})]

    def _thinking(self, text: str) -> list[Frame]:
        frames = self._open_thinking()
        self._thought.append(text)
        if text and not self._options.omit_thinking:
            frames.append(self._delta({"type": "thinking_delta", "thinking": text}))
        return frames

    def _open_thinking(self) -> list[Frame]:
        if self._open == "thinking":
            return []
        return [*self._begin(), *self._start({"type": "thinking", "thinking": "", "signature": ""})]

    def _end_thinking(self, signature: str) -> list[Frame]:
        return [*self._open_thinking(), *self._stop(signature)]

    def _end(self, event: TurnEnded) -> list[Frame]:
        delta = {"stop_reason": event.stop_reason, "stop_sequence": event.stop_sequence}
        end = frame("message_delta", {"delta": delta, "usage": write_usage(event.usage)})
        return [*self._begin(event.usage), *self._stop(), end, frame("message_stop", {})]

    def _start(self, block: Mapping[str, Any]) -> list[Frame]:
        closing = self._stop()
        self._index += 1
        self._open = str(block["type"])
        return [*closing, frame("content_block_start", {"index": self._index, "content_block": block})]

    def _stop(self, signature: str = "") -> list[Frame]:
        """Close the open block, if any; thinking gets its signature first."""
        if not self._open:
            return []
        frames = []
        if self._open == "thinking":
            thinking = Thinking("".join(self._thought), signature, self._model)
            sealed = seal(thinking, omitted=self._options.omit_thinking)
            frames.append(self._delta({"type": "signature_delta", "signature": sealed}))
            self._thought.clear()
        self._open = ""
        return [*frames, frame("content_block_stop", {"index": self._index})]

    def _delta(self, delta: Mapping[str, Any]) -> Frame:
        return frame(_DELTA, {"index": self._index, "delta": delta})
