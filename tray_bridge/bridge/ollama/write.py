"""Events of a turn → Ollama's lines: each is a whole JSON object, the last one has `done: true`.

https://docs.ollama.com/api/streaming
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any

from ...turns import (
    Event,
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
from ..frames import encode_json, json_frame
from .read import Options

Line = dict[str, Any]
_LENGTH = ("max_tokens", "model_context_window_exceeded")


class LineWriter:
    """Write one answer. Each call is written whole, once its arguments are complete."""

    def __init__(self, asked: Asked, stamp: Stamp) -> None:
        self._asked, self._stamp = asked, stamp
        self._began = 0.0
        self._calls = 0
        self._call: ToolCallStarted | None = None
        self._arguments: list[str] = []
        options: Options = asked.options
        self._generates = options.generates
        self._has_text = False
        self._text: tuple[str, ...] = ()  # what stands around the time and the text of a line

    def write(self, event: Event) -> Sequence[Frame]:
        """Make the frames of `event`."""
        if type(event) is TextDelta and self._call is None:
            self._has_text = True
            return (self._text_frame(event.text),)
        return [json_frame(line) for line in self.lines(event)]

    def lines(self, event: Event) -> list[Line]:
        """Make the lines of `event` as objects."""
        match event:
            case TextDelta(text):
                self._has_text = True
                return [*self._close_call(), self._line(text)]
            case ThinkingDelta(text):
                return [*self._close_call(), self._line("", thinking=text)]
            case ToolCallStarted():
                closed = self._close_call()
                self._call = event
                return closed
            case ToolCallDelta(_, piece):
                self._arguments.append(piece)
            case TurnStarted():
                self._began = self._stamp.elapsed()
            case TurnEnded(stop_reason):
                words = f"\n\n{REFUSAL}" if self._has_text else REFUSAL
                refusal = [self._line(words)] if stop_reason == "refusal" else []
                return [*self._close_call(), *refusal, self._last(event)]
        return []

    def _text_frame(self, text: str) -> Frame:
        """A line of text, which comes thousands of times: its JSON is made once but for the time and the text."""
        if not self._text:
            whole = encode_json({**self._line(""), "created_at": ""}).decode("ascii")
            first, at, rest = whole.partition('"created_at":"')
            before, name, after = rest.rpartition('"response":"' if self._generates else '"content":"')
            self._text = (first + at, before + name[:-1], after[1:])
        head, between, after = self._text
        return Frame(f"{head}{_now(self._stamp)}{between}{encode_basestring_ascii(text)}{after}".encode("ascii"))

    def _close_call(self) -> list[Line]:
        if self._call is None:
            return []
        arguments = json.loads("".join(self._arguments))
        function = {"index": self._calls, "name": self._call.name, "arguments": arguments}
        call = {"id": self._call.id, "function": function}
        self._call = None
        self._arguments.clear()
        self._calls += 1
        return [self._line("", tool_calls=[call])]

    def _line(self, text: str, **more: Any) -> Line:
        return line(self._asked, self._stamp, text, **more)

    def _last(self, event: TurnEnded) -> Line:
        reason = "length" if event.stop_reason in _LENGTH else "stop"
        return last_line(self._asked, self._stamp, reason, event.usage, began=self._began)


def line(asked: Asked, stamp: Stamp, text: str, **more: Any) -> Line:
    """Make a line of an answer that goes on; `more` holds fields beside the text."""
    options: Options = asked.options
    head: Line = {"model": asked.requested_model, "created_at": _now(stamp)}
    if options.generates:
        return {**head, "response": text, **more, "done": False}
    return {**head, "message": {"role": "assistant", "content": text, **more}, "done": False}


def last_line(asked: Asked, stamp: Stamp, reason: str, usage: Usage | None = None, *, began: float = 0.0) -> Line:
    """The line that ends an answer; `began` is when the model did.

    Durations are nanoseconds and never 0, because clients divide by them.
    """
    found = {**line(asked, stamp, ""), "done": True, "done_reason": reason}
    total = stamp.elapsed()
    found |= {"total_duration": _nanoseconds(total), "load_duration": 1}
    if usage is not None:
        found |= {
            "prompt_eval_count": usage.input_tokens + usage.cache_read_tokens + usage.cache_creation_tokens,
            "prompt_eval_duration": _nanoseconds(began),
            "eval_count": usage.output_tokens,
            "eval_duration": _nanoseconds(total - began),
        }
    return found


def _nanoseconds(seconds: float) -> int:
    return max(1, round(seconds * 1e9))


def _now(stamp: Stamp) -> str:
    passed = stamp.elapsed()
    seconds = int(passed)
    return f"{_second(stamp.created + seconds)}.{int((passed - seconds) * 1e6):06d}Z"


@lru_cache(maxsize=16)
def _second(moment: int) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
