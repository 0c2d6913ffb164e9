"""Events of a turn → one chat completion: the stream's chunks, joined.

It joins the chunks of a `ChunkWriter`, so that both forms of an answer cannot differ.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...turns import Event, Usage
from ..dialect import Asked, Stamp
from .usage import sum_usage, write_usage
from .wire import Choice, Completion, Delta, FinishReason, Function, ToolCall, WireMessage
from .write import ChunkWriter


def write_completion(asked: Asked, stamp: Stamp, answers: Sequence[Sequence[Event]]) -> Completion:
    """Write one completion from the shaped events of each answer; usage is their sum."""
    choices = [_Choice(asked, stamp, index, events) for index, events in enumerate(answers)]
    return {
        "id": stamp.id,
        "object": "chat.completion",
        "created": stamp.created,
        "model": choices[0].model,
        "choices": [choice.write() for choice in choices],
        "usage": write_usage(sum_usage(choice.usage for choice in choices)),
    }


class _Choice:
    """Join the chunks of one choice."""

    def __init__(self, asked: Asked, stamp: Stamp, index: int, events: Sequence[Event]) -> None:
        self._index = index
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._calls: list[tuple[str, str, list[str]]] = []
        self._function_call = False
        self._finish_reason: FinishReason = "stop"
        writer = ChunkWriter(asked, stamp, index)
        for event in events:
            for chunk in writer.chunks(event):
                for choice in chunk["choices"]:
                    self._add(choice["delta"])
                    self._finish_reason = choice["finish_reason"] or self._finish_reason
        self.model: str = writer.model
        self.usage: Usage = writer.usage

    def write(self) -> Choice:
        calls = [
            ToolCall(id=call_id, type="function", function=Function(name=name, arguments="".join(pieces)))
            for call_id, name, pieces in self._calls
        ]
        refusal = "".join(self._refusal)
        content: str | None = "".join(self._content)
        if not content and (calls or refusal):
            content = None
        message: WireMessage = {"role": "assistant", "content": content, "refusal": refusal or None}
        if reasoning := "".join(self._reasoning):
            message["reasoning_content"] = reasoning
        if calls and self._function_call:
            message["function_call"] = calls[0]["function"]
        elif calls:
            message["tool_calls"] = calls
        return {"index": self._index, "message": message, "logprobs": None, "finish_reason": self._finish_reason}

    def _add(self, delta: Delta) -> None:
        self._content.append(delta.get("content") or "")
        self._reasoning.append(delta.get("reasoning_content", ""))
        self._refusal.append(delta.get("refusal", ""))
        for call in delta.get("tool_calls", ()):
            function = call["function"]
            if "id" in call:
                self._calls.append((call["id"], function["name"], []))
            self._calls[call["index"]][2].append(function["arguments"])
        if (function_call := delta.get("function_call")) is not None:
            self._function_call = True
            if "name" in function_call:
                self._calls.append(("", function_call["name"], []))
            self._calls[0][2].append(function_call["arguments"])
