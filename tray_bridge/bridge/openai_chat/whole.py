"""Events of a turn → one chat completion: what the stream's chunks, put together, say.

It reads the chunks of a `ChunkWriter`, so that both forms of an answer cannot differ.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import SessionLostError
from ...turns import Event, Restarted, Usage
from .read import ChatRequest
from .usage import sum_usage, write_usage
from .wire import Choice, Completion, Delta, FinishReason, Function, Message, ToolCall
from .write import ChunkWriter


class ResponseCollector:
    """Collects one choice. `finished` is True when its end is known: the caller then stops reading."""

    def __init__(self, chat: ChatRequest, *, show_reasoning: bool = True) -> None:
        self._chat = chat
        self._show_reasoning = show_reasoning
        self._finish_reason: FinishReason | None = None
        self._begin()

    @property
    def finished(self) -> bool:
        return self._writer.finished

    @property
    def model(self) -> str:
        """The model that answers, as far as it is known."""
        return self._writer.model

    @property
    def usage(self) -> Usage:
        """What the turn cost, known once finished."""
        return self._writer.usage

    def write(self, event: Event) -> None:
        """Take one event; an answer that starts again is simply collected anew, for nothing was sent yet."""
        if isinstance(event, Restarted):
            model = self._writer.model
            self._begin()
            self._writer.model = model
            return
        for chunk in self._writer.write(event):
            for choice in chunk["choices"]:
                self._add(choice["delta"])
                self._finish_reason = choice["finish_reason"] or self._finish_reason

    def choice(self, index: int = 0) -> Choice:
        """The finished choice; raises `SessionLostError` when the events stopped before the turn's end."""
        finish_reason = self._finish_reason
        if finish_reason is None:
            raise SessionLostError("The answer has no end.")
        calls = [
            ToolCall(id=call_id, type="function", function=Function(name=name, arguments="".join(pieces)))
            for call_id, name, pieces in self._calls
        ]
        refusal = "".join(self._refusal)
        content: str | None = "".join(self._content)
        if not content and (calls or refusal):
            content = None
        message: Message = {"role": "assistant", "content": content, "refusal": refusal or None}
        if reasoning := "".join(self._reasoning):
            message["reasoning_content"] = reasoning
        if calls and self._chat.legacy_functions:
            message["function_call"] = calls[0]["function"]
        elif calls:
            message["tool_calls"] = calls
        return {
            "index": index,
            "message": message,
            "logprobs": None,
            "finish_reason": finish_reason,
        }

    def _begin(self) -> None:
        self._writer = ChunkWriter(self._chat, id_="", created=0, show_reasoning=self._show_reasoning)
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._calls: list[tuple[str, str, list[str]]] = []
        self._finish_reason = None

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
            if "name" in function_call:
                self._calls.append(("", function_call["name"], []))
            self._calls[0][2].append(function_call["arguments"])


def write_completion(collectors: Sequence[ResponseCollector], *, id_: str, created: int) -> Completion:
    """One completion from the collectors of a request's choices; usage is their sum."""
    return {
        "id": id_,
        "object": "chat.completion",
        "created": created,
        "model": collectors[0].model,
        "choices": [collector.choice(index) for index, collector in enumerate(collectors)],
        "usage": write_usage(sum_usage(collector.usage for collector in collectors)),
    }
