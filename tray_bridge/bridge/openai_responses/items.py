"""The items of a Responses request → system prompt and turns of the conversation.

Further rules than those of `messages`, which reads the content of an item:

- Neighbouring items of the assistant (reasoning, message, calls) are one message.
- Reasoning whose `encrypted_content` is a token of ours becomes Claude's own signed thinking. A summary is never
  replayed as text, and the reasoning of other models is skipped.
- Items of other servers' hosted tools are skipped; other unknown types are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...errors import InvalidRequestError
from ...turns import Document, Image, JsonObject, RedactedThinking, Role, Text, Thinking
from ..content import split_parts
from ..fields import kind_of, refuse, required_string, shown
from ..many_pictures import FEW, fit_many
from ..messages import Conversation, MessageReader, join_conversation, read_call, role_of
from ..result_content import result_parts
from ..tool_history import Call, Pairing, Piece, Result, Said
from ..tools import safe_name
from .thinking_token import from_token
from .tools import custom_arguments, upstream_name

ITEMS = 10_000
_CALLS = {"function_call", "custom_tool_call"}
_OUTPUTS = {"function_call_output", "custom_tool_call_output"}
_ROLES = ("system", "developer", "user", "assistant")
_PASSED_OVER = {
    "additional_tools",
    "apply_patch_call",
    "apply_patch_call_output",
    "code_interpreter_call",
    "compaction",
    "compaction_summary",
    "computer_call",
    "computer_call_output",
    "file_search_call",
    "ghost_snapshot",
    "image_generation_call",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "shell_call",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
}
_KNOWN = ", ".join(("message", *sorted(_CALLS | _OUTPUTS), "reasoning", "item_reference"))

Place = tuple[str, JsonObject]


def list_items(given: object) -> list[JsonObject]:
    """List the items of `input`; a string counts as the user's message."""
    if isinstance(given, str) and given:
        return [{"type": "message", "role": "user", "content": given}]
    if isinstance(given, list):
        if not given:
            refuse("`input` is empty. It must hold at least one item.", "input")
        if len(given) > ITEMS:
            refuse(f"`input` has {len(given)} items; at most {ITEMS} are read.", "input")
        for index, item in enumerate(given):
            if not isinstance(item, Mapping):
                refuse(f"`input[{index}]` must be an object, not {kind_of(item)}.", f"input[{index}]")
        return given
    if given is None or given == "":
        refuse("`input` is missing or empty. It must be a string or an array of items.", "input")
    return refuse(f"`input` must be a string or an array of items, not {kind_of(given)}.", "input")


def item_type(item: JsonObject) -> str:
    """Give the item's type, which may be missing in a message, and in a reference that is only an id."""
    kind = item.get("type")
    if isinstance(kind, str):
        return kind
    if kind is None and "role" in item:
        return "message"
    return "item_reference" if kind is None and isinstance(item.get("id"), str) else ""


def references(items: object) -> list[str]:
    """List the ids of the items that a request refers to; never raises."""
    given = items if isinstance(items, list) else ()
    return [
        item["id"]
        for item in given
        if isinstance(item, Mapping) and item_type(item) == "item_reference" and isinstance(item.get("id"), str)
    ]


def resolve_references(items: Sequence[JsonObject], found: Mapping[str, JsonObject]) -> list[JsonObject]:
    """Replace each reference by the item that it refers to."""
    resolved = []
    for index, item in enumerate(items):
        if item_type(item) == "item_reference":
            id_ = required_string(item.get("id"), f"input[{index}].id")
            if id_ not in found:
                refuse(
                    f"Item with id {shown(id_)} is not stored here.",
                    f"input[{index}].id",
                    hint="Send the item itself, or the whole conversation with `store` set to false.",
                )
            item = found[id_]
        resolved.append(item)
    return resolved


def newest_turn(items: Sequence[JsonObject]) -> int:
    """Give the index where the newest turn begins: at the last item that is not the system's, or at its run of
    outputs.
    """
    at = len(items) - 1
    while at > 0 and _is_systems(items[at]):
        at -= 1
    while at > 0 and _is_output(items[at]) and (_is_output(items[at - 1]) or _is_systems(items[at - 1])):
        at -= 1
    return at


def begins_anew(items: Sequence[JsonObject], before: JsonObject) -> bool:
    """Return whether the newest turn of a conversation lies in its last `items`, wherever it began; `before` is the
    item before them.
    """
    at = newest_turn(items)
    return not _is_systems(items[at]) and (at > 0 or not _is_output(items[0]) or not _is_passed(before))


def _is_passed(item: JsonObject) -> bool:
    return _is_output(item) or _is_systems(item)


def _is_output(item: JsonObject) -> bool:
    return item_type(item) in _OUTPUTS


def _is_systems(item: JsonObject) -> bool:
    return item_type(item) == "message" and role_of(item.get("role")) in ("system", "developer")


class ItemReader:
    """Read the items of a conversation, all at once or the past ones first."""

    def __init__(self, fetched: Mapping[str, bytes], ignored: list[str]) -> None:
        self._past, self._newest = (MessageReader(fetched, ignored, newest=newest) for newest in (False, True))
        self._messages = self._past
        self._ignored = ignored
        self._system: list[tuple[str, ...]] = []
        self._pairing = Pairing()
        self._asked = False
        self._pictures = 0
        self._spoken: list[Piece] = []
        self._call_ids: set[str] = set()
        self._size = 0

    @property
    def size(self) -> int:
        """Return about the number of characters that were read."""
        return self._size + sum(map(_size, self._spoken))

    def read_past(self, places: Iterable[Place]) -> None:
        """Read items that belong to no newest turn."""
        for param, item in places:
            self.take(item, item_type(item), param)

    def read(self, places: Sequence[Place], instructions: str | None) -> Conversation:
        """Read the last items, the newest turn among them, and give the conversation."""
        newest = newest_turn([item for _, item in places])
        self.read_past(places[:newest])
        self._messages = self._newest
        self.read_past(places[newest:])
        self._end_spoken()
        messages = self._pairing.end(self._ignored)
        if self._pictures > FEW:
            messages = fit_many(messages, self._ignored)
        if instructions and instructions.strip():
            if not self._asked:  # without other items, the last system item is asked
                conversation = join_conversation(self._system, messages, places[-1][0], asked=False)
                return Conversation((instructions, *conversation.system), conversation.messages)
            self._system.insert(0, (instructions,))
        return join_conversation(self._system, messages, places[-1][0], asked=self._asked)

    def copy(self, fetched: Mapping[str, bytes], ignored: list[str]) -> ItemReader:
        """Give a reader that has read the same items, and goes on with other files; `ignored` gets what those had."""
        other = ItemReader(fetched, ignored)
        ignored += self._ignored
        other._system, other._spoken, other._call_ids = self._system.copy(), self._spoken.copy(), self._call_ids.copy()
        other._pairing, other._asked = self._pairing.copy(), self._asked
        other._pictures, other._size = self._pictures, self._size
        return other

    def _say(self, role: Role, pieces: Sequence[Piece]) -> None:
        self._asked = True
        self._pairing.add(Said(role, pieces), self._ignored)
        for piece in pieces:
            for part in piece.content if isinstance(piece, Result) else (piece,):
                self._pictures += isinstance(part, Image)
                self._size += _size(part)

    def take(self, item: JsonObject, kind: str, param: str) -> None:
        """Read the next item, of this type and at this path."""
        if kind == "message":
            self._message(item, param)
        elif kind in _CALLS:
            try:
                self._spoken.append(self._call(item, kind, param))
            except InvalidRequestError:
                if self._messages is self._newest:
                    raise
                self._ignored.append(f"input.{kind}.unreadable")
        elif kind in _OUTPUTS:
            self._end_spoken()
            call_id = item.get("call_id")
            if self._messages is self._past and not (isinstance(call_id, str) and call_id in self._call_ids):
                self._ignored.append(f"input.{kind}")
            else:
                self._say("user", (self._output(item, param),))
        elif kind == "reasoning":
            if (block := from_token(item.get("encrypted_content"))) is not None:
                self._spoken.append(block)
        elif kind == "compaction_trigger":
            refuse(
                "Compaction is not supported.",
                f"{param}.type",
                hint="Let the client shorten the conversation itself.",
            )
        elif kind in _PASSED_OVER or self._messages is self._past:
            self._ignored.append(f"input.{safe_name(kind)}")
        else:
            refuse(f"{shown(item.get('type'))} is not a known type of item. Known are {_KNOWN}.", f"{param}.type")

    def _message(self, item: JsonObject, param: str) -> None:
        if self._messages is self._newest:
            required_string(item.get("role"), f"{param}.role")
        role = role_of(item.get("role"))
        if role == "assistant":
            self._spoken += self._messages.assistant(item, param)
        elif role == "user" or (role not in _ROLES and self._messages is self._past):
            self._end_spoken()
            self._say("user", self._messages.user(item, param))
        elif role in _ROLES:
            self._system.append(self._messages.system(item, param))
        else:
            refuse(f"{shown(item['role'])} is not a known role. Known are {', '.join(_ROLES)}.", f"{param}.role")

    def _call(self, item: JsonObject, kind: str, param: str) -> Call:
        arguments: Any = item.get("arguments")
        if kind == "custom_tool_call":
            arguments = custom_arguments(item.get("input"))
        name = required_string(item.get("name"), f"{param}.name")
        call_id = required_string(item.get("call_id") or item.get("id"), f"{param}.call_id")
        self._call_ids.add(call_id)
        return read_call(call_id, upstream_name(name, item.get("namespace")), arguments, f"{param}.name")

    def _output(self, item: JsonObject, param: str) -> Result:
        call_id = required_string(item.get("call_id"), f"{param}.call_id")
        if call_id not in self._call_ids:
            refuse(
                f"No tool call found for function call output with call_id {shown(call_id)}.",
                f"{param}.call_id",
                hint="Send the call before its output, or the id of the answer that made it as `previous_response_id`.",
            )
        output = result_parts(item.get("output"))
        blocks = self._messages.blocks(split_parts(output, f"{param}.output"))
        return Result(call_id, "", tuple(blocks), False, f"{param}.call_id")

    def _end_spoken(self) -> None:
        """End the assistant's message, without thinking that nothing follows: upstream refuses it."""
        while self._spoken and isinstance(self._spoken[-1], (Thinking, RedactedThinking)):
            self._spoken.pop()
        if self._spoken:
            self._say("assistant", tuple(self._spoken))
            self._spoken = []


def _size(piece: Piece) -> int:
    match piece:
        case Text(text) | Thinking(text):
            return len(text)
        case Image(data=data) | Document(data=data) | RedactedThinking(data):
            return len(data)
        case _:
            return len(str(piece))
