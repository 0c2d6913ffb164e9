"""When two conversations are the same: a digest of all that shapes the next answer.

Pure. A client sends the whole conversation with every question, and may change it without effect: trailing white space,
one text or several parts, key order and forms of numbers in arguments, the ids of calls. Such differences do not count.
With any other, the conversation is rebuilt from the request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Any

from ..turns import (
    Block,
    Document,
    Image,
    JsonObject,
    Message,
    RedactedThinking,
    Text,
    Thinking,
    Tool,
    ToolResult,
    ToolUse,
    Turn,
)

_MEMO = "key"  # of a message: the key before it, the key after it, and the ids of its calls


@dataclass(frozen=True)
class Binding:
    """What a conversation fixes. A worker gets it before the first message, and again when it is reset."""

    model: str
    system: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    output_schema: JsonObject | None = None

    @classmethod
    def of(cls, turn: Turn) -> Binding:
        """Make the binding of a turn."""
        return cls(turn.model, turn.system, turn.tools, turn.bound_schema)

    @property
    def prompt(self) -> str:
        """Join the system prompt as the CLI does."""
        return "\n\n".join(self.system)


class ConversationKeys:
    """Compute the keys of every beginning of a conversation: `[i]` is the key of its first `i` messages.

    A message remembers the key that it led to, and from which one: in a chain only new messages are computed.
    """

    def __init__(self, turn: Turn) -> None:
        binding = Binding.of(turn)
        head = _canonical(
            [
                binding.model,
                binding.system,
                [[tool.name, tool.description, tool.input_schema] for tool in binding.tools],
                binding.output_schema,
                turn.effort,
                turn.thinking,
            ]
        )
        self._role = ""
        self._calls: dict[str, int] = {}  # by id, in their order: some clients give a call another id, or none
        self._keys = [sha256(head).digest()]
        self._places: dict[bytes, int] | None = None
        for message in turn.messages:
            self._take(message)

    def __getitem__(self, count: int) -> bytes:
        return self._keys[count]

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def have_calls(self) -> bool:
        """Return whether the conversation has calls."""
        return bool(self._calls)

    def place_of(self, key: bytes) -> int:
        """Give the last `i` of which this is the key; 0 if there is none."""
        if self._places is None:
            self._places = {own: index for index, own in enumerate(self._keys)}
        return self._places.get(key, 0)

    def with_answer(self, answer: Message) -> bytes:
        """Give the key of the whole conversation after this answer. Call it once."""
        self._take(answer)
        return self._keys[-1]

    def _take(self, message: Message) -> None:
        before = self._keys[-1]
        known = message.memo.get(_MEMO)
        if known is not None and known[0] == before:
            key = known[1]
            for call_id in known[2]:
                self._calls.setdefault(call_id, len(self._calls))
        else:
            count = len(self._calls)
            role = b"" if message.role == self._role else b"\x00" + message.role.encode()
            key = sha256(before + role + _message(message.content, self._calls)).digest()
            if not any(isinstance(block, ToolResult) for block in message.content):  # which count by the calls before
                message.memo[_MEMO] = before, key, tuple(islice(self._calls, count, None))
        self._role = message.role
        self._keys.append(key)


def _message(content: tuple[Block, ...], calls: dict[str, int]) -> bytes:
    if len(content) == 1 and isinstance(only := content[0], Text) and (said := only.text.rstrip()):
        return f'[["text",{_quote(said)}]]'.encode()  # as below, at a third of the time: most messages are one text
    parts: list[Any] = []
    text = ""
    for block in (*content, None):
        if isinstance(block, Text):
            text += block.text
            continue
        if text.strip():
            parts.append(["text", text.rstrip()])
        text = ""
        if block is not None and not isinstance(block, (Thinking, RedactedThinking)):  # few clients send it back
            parts.append(_part(block, calls))
    return _canonical(parts)


def _part(block: Text | Image | Document | ToolUse | ToolResult, calls: dict[str, int]) -> list[Any]:
    match block:
        case Text(text):
            return ["text", text.rstrip()]
        case Image(media_type, data):
            return ["image", media_type, _digest_of(data)]
        case Document(media_type, data, title, context, citations):
            return ["document", media_type, _digest_of(data), title, context, citations]
        case ToolUse(id=call_id, name=name, input=arguments):
            return ["tool_use", calls.setdefault(call_id, len(calls)), name, _with_plain_numbers(arguments)]
        case ToolResult(call_id, content, is_error):
            return ["tool_result", calls.get(call_id, call_id), [_part(part, calls) for part in content], is_error]


def _with_plain_numbers(value: Any) -> Any:
    """Write numbers as JavaScript clients send them back: `1.0` as `1`, long ones without their last digits."""
    if isinstance(value, Mapping):
        return {key: _with_plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_plain_numbers(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e300:
        return float(value)
    return value


def _digest_of(data: str) -> str:
    """Give a digest in place of a file's data, which may be megabytes: cheaper than to encode it as JSON."""
    return sha256(data.encode("utf-8", "surrogatepass")).hexdigest()


def _canonical(value: Any) -> bytes:
    return _encode(value).encode()


_quote = json.encoder.encode_basestring_ascii
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode  # made once: a key needs it for each message
