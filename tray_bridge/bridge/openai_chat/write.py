"""Events of a turn → chunks of a chat completion. Owns the chunk grammar; SSE framing is `api/sse.py`'s.

The grammar: the role once and first, then content, reasoning and calls as they come, a refusal if there is
one, the finish reason once on a chunk of its own, and last, only where asked for, usage on a chunk without
choices.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii

from ...errors import UpstreamError
from ...turns import (
    Event,
    Restarted,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallStarted,
    TurnEnded,
    TurnStarted,
    Usage,
)
from ..stop_cutter import StopCutter
from .read import ChatRequest
from .usage import write_usage
from .wire import Chunk, Delta, FinishReason, FunctionDelta, ToolCallPiece

REFUSAL = "Claude declined to answer this request."
_FINISH: Mapping[StopReason, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",  # without a call that the client can see, there is nothing for it to answer
    "max_tokens": "length",
    "refusal": "content_filter",
    "pause_turn": "stop",
    "model_context_window_exceeded": "length",
}


class ChunkWriter:
    """Writes the chunks of one choice. `finished` is True after the finish reason: the caller then stops
    reading.

    `model` is the model that answers, as far as it is known. `usage` is what the turn cost, known once
    finished. After a stop string the turn's own count never comes: input is what the turn told when it
    started, output an estimate of one token for four characters. With several choices the caller writes one
    `usage_chunk` for all.
    """

    def __init__(
        self, chat: ChatRequest, *, id_: str, created: int, index: int = 0, show_reasoning: bool = True
    ) -> None:
        self.finished = False
        self.model = chat.turn.model
        self.usage = Usage()
        self._id, self._created, self._index = id_, created, index
        self._include_usage = chat.include_usage and chat.n == 1
        self._show_reasoning = show_reasoning and chat.show_reasoning
        self._legacy = chat.legacy_functions
        self._cutter = StopCutter(chat.turn.stop) if chat.turn.stop else None
        self._characters = 0
        self._begun = False
        self._calls = 0
        self._call_is_empty = False
        self._is_plain = False
        self._before = self._after = ""

    def write(self, event: Event) -> list[Chunk]:
        """The chunks that tell the client of `event`: none, one or several.

        Raises `UpstreamError` when the answer starts again after a part of it was written, for no text is
        said twice.
        """
        if self.finished:
            return []
        if isinstance(event, TextDelta):
            return self._text(event.text)
        if isinstance(event, ThinkingDelta):
            return self._thinking(event.text)
        if isinstance(event, ToolCallStarted):
            return self._call(event)
        if isinstance(event, ToolCallDelta):
            return self._arguments(event.index, event.partial_json)
        if isinstance(event, TurnEnded):
            return self._end(event)
        if isinstance(event, Restarted):
            self._restart()
        elif isinstance(event, TurnStarted):
            self.usage = event.usage
            self.model = self.model if self._begun else event.model or self.model
        return []

    def write_json(self, event: Event) -> list[bytes]:
        """The same chunks as JSON in ASCII: no line separator or lone surrogate can trip a reader."""
        if type(event) is TextDelta and self._begun and self._cutter is None and not self.finished and event.text:
            return [f"{self._before}{encode_basestring_ascii(event.text)}{self._after}".encode("ascii")]
        return [json.dumps(chunk, separators=(",", ":")).encode("ascii") for chunk in self.write(event)]

    def _text(self, text: str) -> list[Chunk]:
        if self._cutter is not None:
            self._characters += len(text)
            text = self._cutter.push(text)
            if self._cutter.stop is not None:
                estimate = (self._characters + 3) // 4
                usage = self.usage
                self.usage = Usage(usage.input_tokens, estimate, usage.cache_read_tokens, usage.cache_creation_tokens)
                return [*self._said(text), *self._finish("stop")]
        return self._said(text)

    def _said(self, text: str) -> list[Chunk]:
        return [*self._begin(""), self._chunk({"content": text})] if text else []

    def _thinking(self, text: str) -> list[Chunk]:
        held = self._flush()
        if not text or not self._show_reasoning:
            return held
        return [*held, *self._begin(None), self._chunk({"reasoning_content": text})]

    def _call(self, event: ToolCallStarted) -> list[Chunk]:
        if self._legacy and self._calls:
            return []  # the older form has room for one call
        chunks = [*self._flush(), *self._fill_empty_call(), *self._begin(None)]
        self._calls += 1
        self._call_is_empty = True
        return [*chunks, self._function(event.index, {"name": event.name, "arguments": ""}, event.id)]

    def _arguments(self, index: int, piece: str) -> list[Chunk]:
        if not piece or (self._legacy and index):
            return []
        self._call_is_empty = False
        return [self._function(index, {"arguments": piece})]

    def _function(self, index: int, function: FunctionDelta, call_id: str | None = None) -> Chunk:
        if self._legacy:
            return self._chunk({"function_call": function})
        call: ToolCallPiece = {"index": index, "function": function}
        if call_id is not None:
            call = {"index": index, "id": call_id, "type": "function", "function": function}
        return self._chunk({"tool_calls": [call]})

    def _fill_empty_call(self) -> list[Chunk]:
        """A call without arguments must end as an empty object: clients parse what they joined."""
        if not self._call_is_empty:
            return []
        self._call_is_empty = False
        return [self._function(self._calls - 1, {"arguments": "{}"})]

    def _end(self, event: TurnEnded) -> list[Chunk]:
        self.usage = event.usage
        chunks = [*self._flush(), *self._fill_empty_call()]
        reason = _FINISH[event.stop_reason]
        if reason == "content_filter":
            chunks += [*self._begin(None), self._chunk({"refusal": REFUSAL})]
        elif reason == "stop" and self._calls:
            reason = "function_call" if self._legacy else "tool_calls"
        return [*chunks, *self._finish(reason)]

    def _finish(self, reason: FinishReason) -> list[Chunk]:
        chunks = [*self._begin(""), self._chunk({}, reason)]
        if self._include_usage:
            chunks.append(usage_chunk(self._id, self.model, self._created, self.usage))
        self.finished = True
        return chunks

    def _restart(self) -> None:
        if self._begun:
            raise UpstreamError(
                "Claude's answer broke off and began again.",
                status=502,
                hint="Send the request again.",
            )
        if self._cutter is not None:
            self._cutter.reset()
        self._characters = 0

    def _begin(self, content: str | None) -> list[Chunk]:
        """The role, once; content is null where something other than text comes first, as OpenAI has it."""
        if self._begun:
            return []
        self._begun = True
        # A text delta is the one chunk that comes thousands of times: its JSON but for the text is made once.
        self._is_plain = self._cutter is None
        frame = json.dumps(self._chunk({"content": ""}), separators=(",", ":"))
        before, key, self._after = frame.partition('"content":')
        self._before, self._after = before + key, self._after.removeprefix('""')
        return [self._chunk({"role": "assistant", "content": content})]

    def _flush(self) -> list[Chunk]:
        return self._said(self._cutter.flush()) if self._cutter is not None else []

    def _chunk(self, delta: Delta, finish_reason: FinishReason | None = None) -> Chunk:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self.model,
            "choices": [{"index": self._index, "delta": delta, "finish_reason": finish_reason}],
        }


def usage_chunk(id_: str, model: str, created: int, usage: Usage) -> Chunk:
    """The last chunk of a stream whose client asked for usage: one for all choices."""
    return {
        "id": id_,
        "object": "chat.completion.chunk",
        "created": created,
        "model": model,
        "choices": [],
        "usage": write_usage(usage),
    }
