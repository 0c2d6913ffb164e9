"""Events of a turn → the events of a Responses stream, and the finished response object.

The grammar: `response.created` and `response.in_progress`; then one item after the other, each added, filled and done;
then one of `response.completed`, `response.incomplete` and `response.failed`. Nothing is written before the answer has
content, so that an error until then can still be an HTTP status.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...turns import (
    Event,
    JsonObject,
    RedactedThinking,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ThinkingEnded,
    ToolCallDelta,
    ToolCallStarted,
    TurnEnded,
    TurnStarted,
    Usage,
)
from ..dialect import Asked, Failure, Frame, Stamp
from ..frames import encode_json
from .answer_object import INCOMPLETE, write_object
from .ids import item_id
from .open_items import ItemStatus, OpenCall, OpenCustomCall, OpenItem, OpenMessage, OpenReasoning
from .request import ResponseOptions
from .thinking_token import to_token
from .tools import ClientTool

_NONE: Sequence[Frame] = ()


class ResponseWriter:
    """Write one answer.

    `answer` is the whole object once the answer has ended; `items` are its output with all of Claude's signed thinking,
    even if the client did not ask for it.
    """

    def __init__(self, asked: Asked, stamp: Stamp) -> None:
        self.answer: JsonObject | None = None
        self.items: list[JsonObject] = []
        self._options: ResponseOptions = asked.options
        self._stamp = stamp
        self._model = asked.turn.model
        self._number = 0  # of the next event
        self._count = 0  # of items, the hidden ones too
        self._begun = False
        self._open: OpenItem | None = None
        self._output: list[JsonObject] = []

    def write(self, event: Event) -> Sequence[Frame]:
        """Make the frames of `event`."""
        if type(event) is TextDelta:
            item = self._open
            if type(item) is OpenMessage:  # what comes thousands of times
                number = self._number
                self._number = number + 1
                text = event.text
                item.pieces.append(text)
                return (item.delta(text, number),)
            return [*self._enter(OpenMessage(*self._next("message"))), self._delta(self._open, event.text)]
        if isinstance(event, ThinkingDelta):
            return self._think(event.text)
        if isinstance(event, ThinkingEnded):
            return self._end_thinking(event.signature)
        if isinstance(event, RedactedThinking):
            return self._keep_hidden(to_token(replace(event, model=self._model)))
        if isinstance(event, ToolCallStarted):
            return self._call(event)
        if isinstance(event, ToolCallDelta):
            return self._arguments(event.partial_json)
        if isinstance(event, TurnEnded):
            return self._end(event)
        if isinstance(event, TurnStarted):
            self._model = event.model or self._model
        return _NONE

    def fail(self, failure: Failure) -> Sequence[Frame]:
        """The last frames of an answer that breaks off; what was written so far stays in it.

        After a keep-alive nothing may have been written yet: the answer is begun all the same.
        """
        frames = self._begin()
        if self._open is not None:
            _, item = self._open.end("incomplete")
            self._output.append(item)
            self._open = None
        error = {"code": failure_code(failure), "message": _with_wait(failure)}
        failed = {**self._object("failed", error=error), "store": False}  # it is not, whatever was asked
        return [*frames, self._frame({"type": "response.failed", "response": failed})]

    def _next(self, kind: str) -> tuple[str, int]:
        """Give the id and the place of the next item."""
        id_ = item_id(self._stamp.id, kind, self._count)
        self._count += 1
        # The open item comes before it in the output.
        return id_, len(self._output) + (self._open is not None)

    def _enter(self, item: OpenItem) -> list[Frame]:
        """Complete the open item and begin this one."""
        frames = [*self._begin(), *self._leave()]
        self._open = item
        return [*frames, *map(self._frame, item.begin())]

    def _leave(self, status: ItemStatus = "completed") -> list[Frame]:
        if self._open is None:
            return []
        item, self._open = self._open, None
        frames: list[Frame] = []
        if isinstance(item, OpenCustomCall) and (text := item.input.remainder()):
            frames.append(self._delta(item, text))
        events, finished = item.end(status)
        self._output.append(finished)
        self.items.append(finished)
        return [*frames, *map(self._frame, events)]

    def _think(self, text: str) -> Sequence[Frame]:
        frames: list[Frame] = []
        if not isinstance(self._open, OpenReasoning):
            item = OpenReasoning(*self._next("reasoning"))
            frames = [*self._enter(item), self._frame(item.begin_part())]
        return [*frames, self._delta(self._open, text)]

    def _end_thinking(self, signature: str) -> Sequence[Frame]:
        if not isinstance(self._open, OpenReasoning):  # the model's thinking may be hidden, its proof is not
            return self._keep_hidden(to_token(Thinking("", signature, self._model))) if signature else _NONE
        item = self._open
        token = to_token(Thinking("".join(item.pieces), signature, self._model)) if signature else None
        item.token = token if self._options.encrypted else None
        frames = self._leave()
        if token is not None:
            self.items[-1] = {**self.items[-1], "encrypted_content": token}
        return frames

    def _keep_hidden(self, token: str) -> Sequence[Frame]:
        """Store thinking without text; write it as an item if its token is asked for."""
        if self._options.encrypted:
            item = OpenReasoning(*self._next("reasoning"))
            item.token = token
            return [*self._enter(item), *self._leave()]
        frames = self._leave()
        id_, _ = self._next("reasoning")
        self.items.append({"id": id_, "type": "reasoning", "summary": [], "encrypted_content": token})
        return frames

    def _call(self, event: ToolCallStarted) -> Sequence[Frame]:
        tool = self._options.client_tools.get(event.name) or ClientTool(event.name)
        if tool.is_custom:
            return self._enter(OpenCustomCall(*self._next("custom_tool_call"), event.id, tool))
        return self._enter(OpenCall(*self._next("function_call"), event.id, tool))

    def _arguments(self, piece: str) -> Sequence[Frame]:
        if isinstance(self._open, OpenCustomCall):
            text = self._open.input.push(piece)
            return (self._delta(self._open, text),) if text else _NONE
        return (self._delta(self._open, piece),) if isinstance(self._open, OpenCall) else _NONE

    def _end(self, event: TurnEnded) -> Sequence[Frame]:
        incomplete = INCOMPLETE.get(event.stop_reason)
        status: ItemStatus = "incomplete" if incomplete else "completed"
        frames = [*self._begin(), *self._leave(status)]
        self.answer = self._object(status, incomplete=incomplete, usage=event.usage)
        if event.stop_reason == "refusal":
            self.answer = {**self.answer, "store": False}  # a refused answer is not stored
        return [*frames, self._frame({"type": f"response.{status}", "response": self.answer})]

    def _begin(self) -> list[Frame]:
        if self._begun:
            return []
        self._begun = True
        begun = self._object("in_progress")
        return [self._frame({"type": f"response.{kind}", "response": begun}) for kind in ("created", "in_progress")]

    def _object(
        self,
        status: str,
        *,
        incomplete: str | None = None,
        error: JsonObject | None = None,
        usage: Usage | None = None,
    ) -> dict[str, Any]:
        return write_object(
            self._stamp,
            self._options.echo,
            self._model,
            status,
            self._output,
            completed_at=self._completed_at() if status == "completed" else None,
            incomplete=incomplete,
            error=error,
            usage=usage,
        )

    def _completed_at(self) -> int:
        known = self._options.finished_after
        if not known:
            known.append(int(self._stamp.elapsed()))
        return self._stamp.created + known[0]

    def _delta(self, item: OpenItem | None, text: str) -> Frame:
        assert item is not None  # noqa: S101 - each caller has just looked
        item.pieces.append(text)
        number = self._number
        self._number = number + 1
        return item.delta(text, number)

    def _frame(self, event: Mapping[str, Any]) -> Frame:
        number = self._number
        self._number = number + 1
        kind = event["type"]
        return Frame(encode_json({"type": kind, "sequence_number": number, **event}), kind)


_CODES: Mapping[str, str] = {
    "rate_limit": "rate_limit_exceeded",
    "quota": "insufficient_quota",
    "billing": "insufficient_quota",
    "invalid_request": "invalid_prompt",
}


def failure_code(failure: Failure) -> str:
    """Give the code of `response.error`, from which Codex decides whether to try again.

    It gives up at OpenAI's own `server_is_overloaded`, with words of its own; at `server_error` it tries again.
    """
    if failure.kind == "overloaded":
        return "server_error"
    return failure.code or _CODES.get(failure.kind, "server_error")


def _with_wait(failure: Failure) -> str:
    """Give the message, and the time to wait in the words from which Codex reads it: there is no header any more."""
    if failure.kind != "rate_limit" or failure.retry_after is None or "try again in" in failure.message:
        return failure.message
    return f"{failure.message} Please try again in {math.ceil(failure.retry_after)}s."
