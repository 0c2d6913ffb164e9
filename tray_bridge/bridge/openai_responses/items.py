"""The items of a Responses request → system prompt and turns of the conversation.

Further rules than those of `messages`, which reads the content of an item:

- Neighbouring items of the assistant (reasoning, message, calls) are one message.
- Reasoning whose `encrypted_content` is a token of ours becomes Claude's own signed thinking. A summary is never
  replayed as text, and the reasoning of other models is skipped.
- Items of other servers' hosted tools are skipped; other unknown types are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...turns import JsonObject, RedactedThinking, Thinking
from ..content import split_parts
from ..fields import kind_of, refuse, required_string, shown
from ..messages import Conversation, MessageReader, join_conversation, read_call, role_of
from ..result_content import result_parts
from ..tool_history import Call, Piece, Result, Said
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


def read_items(
    places: Sequence[Place], instructions: str | None, fetched: Mapping[str, bytes], ignored: list[str]
) -> Conversation:
    """Read the conversation in `places`, pairs of path and item; instructions come before all other system prompts."""
    return _Reader(fetched, ignored).read(places, instructions)


class _Reader:
    def __init__(self, fetched: Mapping[str, bytes], ignored: list[str]) -> None:
        self._past, self._newest = (MessageReader(fetched, ignored, newest=newest) for newest in (False, True))
        self._messages = self._past
        self._ignored = ignored
        self._system: list[tuple[str, ...]] = []
        self._said: list[Said] = []
        self._spoken: list[Piece] = []
        self._call_ids: set[str] = set()

    def read(self, places: Sequence[Place], instructions: str | None) -> Conversation:
        newest = _newest([item_type(item) for _, item in places], [role_of(item.get("role")) for _, item in places])
        for index, (param, item) in enumerate(places):
            self._messages = self._newest if index >= newest else self._past
            self._take(item, item_type(item), param)
        self._end_spoken()
        if instructions and instructions.strip():
            if not self._said:  # without other items, the last system item is asked
                conversation = join_conversation(self._system, self._said, places[-1][0], self._ignored)
                return Conversation((instructions, *conversation.system), conversation.messages)
            self._system.insert(0, (instructions,))
        return join_conversation(self._system, self._said, places[-1][0], self._ignored)

    def _take(self, item: JsonObject, kind: str, param: str) -> None:
        if kind == "message":
            self._message(item, param)
        elif kind in _CALLS:
            self._spoken.append(self._call(item, kind, param))
        elif kind in _OUTPUTS:
            self._end_spoken()
            if self._messages is self._past and item.get("call_id") not in self._call_ids:
                self._ignored.append(f"input.{kind}")
            else:
                self._said.append(Said("user", (self._output(item, param),)))
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
        required_string(item.get("role"), f"{param}.role")
        role = role_of(item["role"])
        if role == "assistant":
            self._spoken += self._messages.assistant(item, param)
        elif role == "user" or (role not in _ROLES and self._messages is self._past):
            self._end_spoken()
            self._said.append(Said("user", self._messages.user(item, param)))
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
            self._said.append(Said("assistant", tuple(self._spoken)))
            self._spoken = []


def _newest(kinds: Sequence[str], roles: Sequence[object]) -> int:
    """Where the newest turn begins: at the last item that is not the system's, or at its run of outputs."""

    def is_passed(at: int) -> bool:
        return kinds[at] == "message" and roles[at] in ("system", "developer")

    at = len(kinds) - 1
    while at > 0 and is_passed(at):
        at -= 1
    while at > 0 and kinds[at] in _OUTPUTS and (kinds[at - 1] in _OUTPUTS or is_passed(at - 1)):
        at -= 1
    return at
