"""What the CLI prints during a turn → events, or the error that it means.

Dictionaries in, `turns` events out. Owns the end of a message: where the CLI would go on by itself (an answer cut at
its limit, a refusal, a broken stream), the turn has ended, or `Restarted` tells that the answer begins again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ..errors import OutputSchemaError, ToolSchemaError, TrayBridgeError, UpstreamError
from ..turns import (
    Event,
    Message,
    RedactedThinking,
    Restarted,
    StopReason,
    Text,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolCallDelta,
    ToolCallStarted,
    ToolUse,
    TurnEnded,
    TurnStarted,
)
from .failures import error_of
from .offered_tools import KEPT_BACK, STRUCTURED_OUTPUT
from .wire_values import read_input, read_number, read_text, read_usage, whole_input

LISTED_AGENT = "Task"  # the name in the CLI's list of tools for one named Agent
MOST_REFUSED = 4  # messages with only refused calls, before the turn is given up
LONGEST_RETRY_WAIT = 5.0  # seconds: the client decides about a longer wait

Rest = Literal["clean", "suspended", "spent"]
_STOP_REASONS: Mapping[str, StopReason] = {
    "end_turn": "end_turn",
    "stop_sequence": "stop_sequence",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "model_context_window_exceeded",
    "pause_turn": "pause_turn",
    "tool_use": "tool_use",
    "refusal": "refusal",
}
CUT = ("max_tokens", "model_context_window_exceeded", "refusal")  # after these the CLI asks the model to go on
_NOTHING: Sequence[Event] = ()


class AnswerReader:
    """Read one answer. When `rest` is set the answer is complete:

    *clean*: the worker can take the next question once the CLI has printed its `result`; *suspended*: it waits for the
    results of `calls`; *spent*: the CLI would go on by itself, so the turn must be interrupted.

    `tool_names` may be called: the client does not see other calls. `demanded`: text is held back until a call comes.
    `cites`: each text has its citations.
    """

    def __init__(
        self, tool_names: frozenset[str], *, structured: bool = False, demanded: bool = False, cites: bool = False
    ) -> None:
        self._tool_names = tool_names
        self._structured = structured
        self._cites = cites
        self._citations: list[Mapping[str, Any]] = []  # of the open text
        self._demanded = demanded
        self.rest: Rest | None = None
        self.calls: dict[str, ToolUse] = {}
        self._arguments: list[list[str]] = []
        self._text: list[str] = []
        self._started = False
        self._open = False  # a message has begun and has not stopped
        self._said = False  # something of the answer has been passed on
        self._void = False  # what was passed on is void: the answer begins again
        self._block = ""
        self._signature = ""
        self._current: int | None = None  # the index of the open block that is passed on
        self._held: dict[int, list[Mapping[str, Any]]] = {}  # what came of other blocks meanwhile
        self._calls: list[tuple[str, str]] = []
        self._whole_input = ""  # of the open call: its arguments, where they came with its start
        self._asked_for_tool = False  # the message has a call of any tool
        self._knows_better = False  # what the client got differs from what the CLI holds
        self._refused = 0
        self._stop_reason = ""
        self._usage: dict[str, Any] = {}
        self._retry_after: float | None = None
        self._until_reset: float | None = None
        self._error_kind: str | None = None

    def read(self, message: Mapping[str, Any]) -> Sequence[Event]:
        """Give the events in one message of the CLI. Raises TrayBridgeError when it reports a failure."""
        kind = message.get("type")
        if kind == "stream_event":
            return self._read_stream_event(message["event"])
        if kind == "result":
            return self._read_result(message)
        if kind == "assistant" and message.get("error"):
            self._error_kind = str(message["error"])
        elif kind == "system" and message.get("subtype") == "api_retry":
            return self._read_retry(message)
        elif kind == "system" and message.get("subtype") == "init":
            self._check_tools(message.get("tools") or ())
        elif kind == "rate_limit_event":
            self._read_limit(message.get("rate_limit_info") or {})
        return _NOTHING

    def begin_again(self) -> None:
        """Read another answer instead: the model was asked again, and nothing of this one was passed on."""
        self.rest = None
        self._text.clear()

    def answer_text(self) -> str:
        """Give the text of the complete answer."""
        return "".join(self._text)

    def answer_message(self) -> Message:
        """Give the complete answer as a message of the conversation, as the client got it."""
        text = self.answer_text()
        return Message("assistant", (*((Text(text),) if text else ()), *self.calls.values()))

    def _read_stream_event(self, event: Mapping[str, Any]) -> Sequence[Event]:
        kind = event["type"]
        if kind == "content_block_delta":
            return self._read_delta(event["delta"]) if event["index"] == self._current else self._hold(event)
        if kind == "content_block_start":
            if self._current is not None:
                return self._hold(event)
            self._current = event["index"]
            return self._read_block(event["content_block"])
        if kind == "content_block_stop":
            return self._close_block() if event["index"] == self._current else self._hold(event)
        if kind == "message_start":
            return self._read_start(event["message"])
        if kind == "message_delta":
            self._stop_reason = event["delta"].get("stop_reason") or self._stop_reason
            self._usage.update(event.get("usage") or {})
            if self._stop_reason in CUT:  # now: after the message's end the CLI goes on at once
                return (*self._close_all(), *self._read_stop())
        elif kind == "message_stop":
            return (*self._close_all(), *self._read_stop())
        return _NOTHING

    def _hold(self, event: Mapping[str, Any]) -> Sequence[Event]:
        """Hold pieces of other blocks back: upstream may interleave blocks, which are passed on one by one."""
        if event["type"] == "content_block_start" or event["index"] in self._held:
            self._held.setdefault(event["index"], []).append(event)
        return _NOTHING

    def _close_block(self) -> Sequence[Event]:
        """Close the block, and pass on what was held back of the next ones."""
        events: list[Event] = []
        if self._block == "thinking":
            self._said = True
            events.append(ThinkingEnded(self._signature))
        elif self._block == "text" and self._cites:
            events.append(TextEnded(tuple(self._citations)))
        elif self._block == "call" and self._whole_input and not self._arguments[-1]:
            self._knows_better = True  # the CLI reads no arguments
            events += self._read_delta({"partial_json": self._whole_input})
        self._block, self._current = "", None
        if self._held:
            for event in self._held.pop(next(iter(self._held))):
                events += self._read_stream_event(event)
        return events

    def _close_all(self) -> Sequence[Event]:
        """Close all blocks of a message that ends while one is open."""
        events: list[Event] = []
        while self._current is not None or self._held:
            events += self._close_block()
        return events

    def _read_delta(self, delta: Mapping[str, Any]) -> Sequence[Event]:
        block = self._block
        if block == "text":
            if self._cites and isinstance(citation := delta.get("citation"), Mapping):
                self._citations.append(citation)
            text = read_text(delta, "text")
            return self._say(text) if text else _NOTHING
        if block == "thinking":
            thinking = read_text(delta, "thinking")
            self._signature += read_text(delta, "signature")
            if not thinking:
                return _NOTHING
            self._said = True
            return (ThinkingDelta(thinking),)
        piece = read_text(delta, "partial_json")
        if not piece:
            return _NOTHING
        if block == "call":
            index = len(self._calls) - 1
            self._arguments[index].append(piece)
            return (ToolCallDelta(index, piece),)
        if block == "structured":
            return self._say(piece)
        return _NOTHING

    def _say(self, text: str) -> Sequence[Event]:
        self._text.append(text)
        if self._demanded and not self._calls:
            return _NOTHING
        self._said = True
        return (TextDelta(text),)

    def _read_block(self, block: Mapping[str, Any]) -> Sequence[Event]:
        kind = block["type"]
        self._block = ""
        if kind == "text" and not self._structured:
            self._block, self._citations = "text", []
            return self._read_delta(block)
        if kind == "thinking":
            self._block, self._signature = "thinking", ""
            return self._read_delta(block)
        if kind == "redacted_thinking":
            self._said = True
            return (RedactedThinking(read_text(block, "data")),)
        if kind == "tool_use":
            self._asked_for_tool, self._whole_input = True, whole_input(block)
            if block["name"] in self._tool_names:
                self._block = "call"
                return self._begin_call(read_text(block, "id"), block["name"])
            if block["name"] == STRUCTURED_OUTPUT and self._structured:
                self._block = "structured"
        return _NOTHING

    def _begin_call(self, call_id: str, name: str) -> Sequence[Event]:
        held = "".join(self._text) if self._demanded and not self._calls else ""
        self._said = True
        if any(call_id == known for known, _ in self._calls):  # the client could not tell them apart
            call_id, self._knows_better = f"{call_id}-{len(self._calls) + 1}", True
        self._calls.append((call_id, name))
        self._arguments.append([])
        call = ToolCallStarted(len(self._calls) - 1, call_id, name)
        return (TextDelta(held), call) if held else (call,)

    def _read_start(self, message: Mapping[str, Any]) -> Sequence[Event]:
        events = self._restart() if self._open or self._void else []
        self._open, self._void = True, False
        self._block, self._current, self._held = "", None, {}
        self._stop_reason, self._asked_for_tool = "", False
        self._usage = dict(message.get("usage") or {})
        if not self._started:
            self._started = True
            events.append(TurnStarted(str(message.get("model") or ""), read_usage(self._usage)))
        return events

    def _restart(self) -> list[Event]:
        """Drop the answer so far."""
        self._text.clear()
        self._calls.clear()
        self._arguments.clear()
        said, self._said = self._said, False
        return [Restarted()] if said else []

    def _read_stop(self) -> Sequence[Event]:
        if not self._stop_reason or self.rest is not None:
            return _NOTHING  # the CLI closed what broke off; it tries again, or the result says what happened
        self._open = False
        reason = _STOP_REASONS.get(self._stop_reason, "end_turn")
        if reason in CUT:
            return self._end(reason, "spent")
        if reason == "tool_use":
            if self._calls:
                self.calls = {
                    call_id: ToolUse(call_id, name, read_input(name, "".join(pieces)))
                    for (call_id, name), pieces in zip(self._calls, self._arguments, strict=True)
                }
                return self._end(reason, "spent" if self._knows_better else "suspended")
            if not (self._asked_for_tool or self._structured or self._demanded) and "".join(self._text).strip():
                return self._end("end_turn", "spent")  # the CLI would ask for the call that is missing
            # A structured answer, or a call of a tool that may not be called, which is refused: either the turn's
            # result follows, or another message in which the model tries again.
            self._void = self._structured
            self._refused += not self._structured
            if self._refused > MOST_REFUSED:
                raise UpstreamError("The model insists on calling tools that were not offered.", status=502)
            return _NOTHING
        if self._structured:
            return _NOTHING  # the CLI insists on the structured answer
        # After an empty answer the CLI asks the model again.
        is_visible = self._demanded or bool("".join(self._text).strip())
        return self._end(reason, "clean" if is_visible else "spent")

    def _read_result(self, message: Mapping[str, Any]) -> Sequence[Event]:
        if message.get("is_error"):
            raise self._failure(message)
        if self._structured and not self._void:
            raise UpstreamError("The model's answer does not fit the requested schema.", status=502)
        return self._end("end_turn", "clean")

    def _end(self, reason: StopReason, rest: Rest) -> Sequence[Event]:
        self.rest = rest
        return (TurnEnded(reason, read_usage(self._usage)),)

    def _check_tools(self, tools: Sequence[str]) -> None:
        """Raise for a tool that the CLI does not offer: it leaves out tools whose schema it cannot read, without a
        message.
        """
        kept = {*tools, KEPT_BACK}
        if LISTED_AGENT in kept:
            kept.add("Agent")
        if missing := sorted(self._tool_names - kept):
            raise ToolSchemaError(
                f"Claude Code does not take the parameters of `{missing[0]}`.",
                tool=missing[0],
                hint="Check them against JSON Schema 2020-12.",
            )
        if self._structured and STRUCTURED_OUTPUT not in tools:
            raise OutputSchemaError(
                "The JSON Schema of the answer cannot be used.",
                hint="Check it against JSON Schema draft-07: unknown types, missing definitions, invalid patterns.",
            )

    def _read_retry(self, message: Mapping[str, Any]) -> Sequence[Event]:
        self._retry_after = read_number(message, "retry_delay_ms") / 1000
        if self._retry_after > LONGEST_RETRY_WAIT:
            raise error_of("", message.get("error_status"), "Claude is over its limit.", self._retry_after)
        return self._restart() if self._open else _NOTHING

    def _read_limit(self, info: Mapping[str, Any]) -> None:
        """Take in a window of the plan that is used up, with the time at which it begins anew."""
        if info.get("status") == "rejected" and (resets_at := read_number(info, "resetsAt")):
            self._until_reset = max(1.0, resets_at - time.time())

    def _failure(self, result: Mapping[str, Any]) -> TrayBridgeError:
        text = str(result.get("result") or "; ".join(map(str, result.get("errors") or ())) or "")
        status = result.get("api_error_status")
        limited = status == 429 or (status is None and self._error_kind == "rate_limit")
        if limited and self._retry_after is None:
            self._retry_after = self._until_reset
        return error_of(self._error_kind or "", status, text, self._retry_after)
