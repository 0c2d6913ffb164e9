"""The language between `api`, `bridge` and `claude`: a turn, the events that answer it, and its usage.

A leaf. Must not know a dialect or the SDK. Block types and stop reasons have the Messages API's names
(https://docs.anthropic.com/en/api/messages).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from .snapshots import SessionKind

JsonObject: TypeAlias = Mapping[str, Any]
Role: TypeAlias = Literal["user", "assistant"]
Effort: TypeAlias = Literal["low", "medium", "high", "xhigh", "max"]
StopReason: TypeAlias = Literal[
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "refusal",
    "pause_turn",
    "model_context_window_exceeded",
]


@dataclass(frozen=True, slots=True)
class Text:
    """A text block."""

    text: str


NO_CONTENT = Text("(no content)")  # in place of an empty message: the CLI's own word for one


@dataclass(frozen=True, slots=True)
class Image:
    """`data` is base64; `media_type` was sniffed from the bytes."""

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class Document:
    """A PDF (`data` is base64) or a plain text file (`data` is the text, `media_type` text/plain).

    `context` tells the model more about it. With `citations` the answer names the places that it relies on.
    """

    media_type: str
    data: str
    title: str | None = None
    context: str | None = None
    citations: bool = False


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call of a tool by the assistant."""

    id: str
    name: str
    input: JsonObject


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a call."""

    tool_use_id: str
    content: tuple[Text | Image | Document, ...]
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Thinking:
    """Claude's own thinking of an earlier answer. `signature` proves that Claude wrote it; upstream checks it.

    `model` is the full id of the model that thought; another model does not get it.
    """

    text: str
    signature: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class RedactedThinking:
    """Thinking that Claude returned encrypted: a block of a past message, and the event with the whole block."""

    data: str
    model: str = ""


Block: TypeAlias = Text | Image | Document | ToolUse | ToolResult | Thinking | RedactedThinking


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation. Tool results come first in a user message, as the Messages API requires.

    `memo` keeps what was made of this message, under a name for each maker: in a long chain, each turn has the same
    messages as the one before, and makes the same of them.
    """

    role: Role
    content: tuple[Block, ...]
    memo: dict[str, Any] = field(init=False, default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that may be called. `param` is the path of its schema in the client's request."""

    name: str
    description: str
    input_schema: JsonObject
    param: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """`auto`, `any` (some tool must be called), `tool` (the one named) or `none`."""

    type: Literal["auto", "any", "tool", "none"] = "auto"
    name: str | None = None
    parallel: bool = True


@dataclass(frozen=True, slots=True)
class Turn:
    """One question to Claude, with everything that shapes its answer.

    `messages` is the whole conversation; the last one is the user's, the question. `model` is a full Claude model id or
    an alias that the CLI knows. `None` means the CLI's own default. `keep`: a follow-up is likely, so the worker keeps
    the conversation. `binds_schema` is set by the pool.
    """

    model: str
    messages: tuple[Message, ...]
    system: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    output_schema: JsonObject | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    effort: Effort | None = None
    thinking: bool = True
    keep: bool = True
    binds_schema: bool = True

    @property
    def cites(self) -> bool:
        """Return whether a document's citations are wanted."""
        for message in self.messages:
            for block in message.content:
                if isinstance(block, Text):
                    continue
                parts = block.content if isinstance(block, ToolResult) else (block,)
                if any(isinstance(part, Document) and part.citations for part in parts):
                    return True
        return False

    @property
    def bound_schema(self) -> JsonObject | None:
        """Return the schema that the worker has to be bound to; None where the Messages API holds the answer to it."""
        return self.output_schema if self.binds_schema else None

    @property
    def demands_call(self) -> bool:
        """Return whether the answer must have a call."""
        return self.tool_choice.type in ("any", "tool")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the Messages API counts them; `input_tokens` excludes both cache figures."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_creation_tokens: int = 0
    thinking_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Leased:
    """A worker was found for the turn: its kind (`parked`, `generic`, …), and the seconds in the queue."""

    kind: SessionKind
    queued: float


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The model has begun to answer. `model` is its full id, `usage` that of the prompt, if known."""

    model: str
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class TextEnded:
    """The text since the last other event is complete, with upstream's own objects for the places that it cites.

    Comes only in a turn that `cites`.
    """

    citations: tuple[JsonObject, ...] = ()


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """A piece of the answer's thinking."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingEnded:
    """The thinking since the last other event is complete; `signature` is upstream's signature of it ("" for none)."""

    signature: str


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """`index` counts the calls of this answer from 0."""

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of the call's arguments: the joined pieces of one index are a JSON object, or empty for no arguments."""

    index: int
    partial_json: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The answer begins again, because the CLI tried again: what came since `TurnStarted` is void."""


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The last event of every turn that does not raise."""

    stop_reason: StopReason
    usage: Usage = field(default_factory=Usage)
    stop_sequence: str | None = None


Event: TypeAlias = (
    Leased
    | TurnStarted
    | TextDelta
    | TextEnded
    | ThinkingDelta
    | ThinkingEnded
    | RedactedThinking
    | ToolCallStarted
    | ToolCallDelta
    | Restarted
    | TurnEnded
)


def read_arguments(text: str) -> JsonObject:
    """Read the arguments of a call, from a client or the model, as an object.

    An empty text means no arguments. What is not a JSON object is kept under `_raw`, as are `NaN`, a number beyond a
    float, and nesting that is too deep. Past calls and the model's are read alike, so that they can be compared.
    """
    try:
        read = read_finite(text) if text.strip() else {}
    except (ValueError, RecursionError):
        read = None
    return read if isinstance(read, dict) and not is_deeper(read, MAX_DEPTH) else {"_raw": text}


MAX_DEPTH = 100  # of nested JSON: what is deeper exceeds the recursion limit of what reads and writes it later


def is_deeper(value: Any, levels: int) -> bool:
    """Whether a JSON value is nested deeper than that."""
    level = [value]
    for _ in range(levels):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True


class UnusableNumberError(ValueError):
    """A text that would be JSON, but for a number: `NaN`, `Infinity`, or one beyond a float."""


def read_finite(text: str) -> Any:
    """Parse JSON whose numbers are finite. Raise UnusableNumberError, JSONDecodeError, ValueError or RecursionError."""
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)


def _refuse_constant(name: str) -> float:
    raise UnusableNumberError(f"{name}, which is not valid JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise UnusableNumberError(f"the number {text[:40]}, which is too large")
    return number
