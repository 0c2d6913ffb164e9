"""Events of a turn → chunks of a chat completion. Owns the chunk grammar.

The grammar: the role once and first; then content, reasoning, calls and a refusal as they come; then the finish reason,
on a chunk of its own. Usage is on a chunk without choices, after all choices have ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...turns import (
    Event,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallStarted,
    TurnEnded,
    TurnStarted,
    Usage,
)
from ..answer import REFUSAL
from ..dialect import Asked, Frame, Stamp
from ..frames import json_frame, text_frames
from .read import ChatOptions
from .usage import write_usage
from .wire import Chunk, Delta, FinishReason, FunctionDelta, ToolCallPiece

_FINISH: Mapping[StopReason, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}


class ChunkWriter:
    """Write the chunks of one choice. `model` is the model that answers, once that is known.

    `usage` is the turn's usage, known once it has ended.
    """

    def __init__(self, asked: Asked, stamp: Stamp, index: int = 0) -> None:
        options: ChatOptions = asked.options
        self.model = asked.turn.model
        self.usage = Usage()
        self._id, self._created, self._index = stamp.id, stamp.created, index
        self._legacy = options.legacy_functions
        self._begun = False
        self._text_frame: Callable[[str], Frame] | None = None

    def write(self, event: Event) -> Sequence[Frame]:
        """Make the frames of `event`: none, one or several."""
        if type(event) is TextDelta and self._begun:
            if self._text_frame is None:
                self._text_frame = text_frames(self._chunk({"content": ""}), "content")
            return (self._text_frame(event.text),)
        return [json_frame(chunk) for chunk in self.chunks(event)]

    def chunks(self, event: Event) -> list[Chunk]:
        """Make the chunks of `event`."""
        if isinstance(event, TextDelta):
            return [*self._begin(""), self._chunk({"content": event.text})]
        if isinstance(event, ThinkingDelta):
            return [*self._begin(None), self._chunk({"reasoning_content": event.text})]
        if isinstance(event, ToolCallStarted):
            return self._call(event)
        if isinstance(event, ToolCallDelta):
            return self._arguments(event)
        if isinstance(event, TurnEnded):
            return self._end(event)
        if isinstance(event, TurnStarted):
            self.model = event.model or self.model
        return []

    def _call(self, event: ToolCallStarted) -> list[Chunk]:
        function: FunctionDelta = {"name": event.name, "arguments": ""}
        if not self._legacy:
            call: ToolCallPiece = {"index": event.index, "id": event.id, "type": "function", "function": function}
            return [*self._begin(None), self._chunk({"tool_calls": [call]})]
        if event.index:
            return []  # the older form has one call only
        return [*self._begin(None), self._chunk({"function_call": function})]

    def _arguments(self, event: ToolCallDelta) -> list[Chunk]:
        function: FunctionDelta = {"arguments": event.partial_json}
        if not self._legacy:
            return [self._chunk({"tool_calls": [{"index": event.index, "function": function}]})]
        return [] if event.index else [self._chunk({"function_call": function})]

    def _end(self, event: TurnEnded) -> list[Chunk]:
        self.usage = event.usage
        reason = _FINISH[event.stop_reason]
        if reason == "content_filter":
            return [*self._begin(None), self._chunk({"refusal": REFUSAL}), self._chunk({}, reason)]
        if reason == "tool_calls" and self._legacy:
            reason = "function_call"
        return [*self._begin(""), self._chunk({}, reason)]

    def _begin(self, content: str | None) -> list[Chunk]:
        """Write the role, once; content is null where something other than text comes first, as at OpenAI."""
        if self._begun:
            return []
        self._begun = True
        return [self._chunk({"role": "assistant", "content": content})]

    def _chunk(self, delta: Delta, finish_reason: FinishReason | None = None) -> Chunk:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self.model,
            "choices": [{"index": self._index, "delta": delta, "finish_reason": finish_reason}],
        }


def usage_chunk(stamp: Stamp, model: str, usage: Usage) -> Chunk:
    """Make the last chunk of a stream whose client asked for usage: one for all choices."""
    return {
        "id": stamp.id,
        "object": "chat.completion.chunk",
        "created": stamp.created,
        "model": model,
        "choices": [],
        "usage": write_usage(usage),
    }
