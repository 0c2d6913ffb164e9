"""The Responses API's items → chat messages, for clients that send such bodies to Chat Completions (Cursor).

Only the outer shape is changed here; parts such as `input_text` are known to `read_content`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...turns import JsonObject
from ..fields import kind_of, refuse, shown

MESSAGES = 10_000
_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_OUTPUTS = {"function_call_output", "custom_tool_call_output"}


def message_list(body: Mapping[str, Any]) -> list[tuple[str, JsonObject]]:
    """List each chat message of the request with its path, in either of the two shapes."""
    name = "messages" if body.get("messages") is not None or body.get("input") is None else "input"
    given = body.get(name)
    if given is None:
        refuse("`messages` is missing. It must be an array with at least one message.", "messages")
    if isinstance(given, str) and name == "input":
        given = [{"role": "user", "content": given}]
    if not isinstance(given, list):
        refuse(f"`{name}` must be an array, not {kind_of(given)}.", name)
    if not given:
        refuse(f"`{name}` is empty. It must hold at least one message.", name)
    if len(given) > MESSAGES:
        refuse(f"`{name}` has {len(given)} entries; at most {MESSAGES} are read.", name)
    messages: list[tuple[str, JsonObject]] = []
    for field in ("instructions", "system"):
        content = body.get(field)
        if not isinstance(content, (str, list, type(None))):
            refuse(f"`{field}` must be a string or an array of parts, not {kind_of(content)}.", field)
        messages.append((field, {"role": "system", "content": content}))
    for index, item in enumerate(given):
        param = f"{name}[{index}]"
        if not isinstance(item, Mapping):
            refuse(f"`{param}` must be an object, not {kind_of(item)}.", param)
        message = _from_item(item, param, newest=index == len(given) - 1)
        if message is not None:
            messages.append((param, message))
    return messages


def _from_item(item: JsonObject, param: str, *, newest: bool) -> JsonObject | None:
    """Give one item as a message; None for reasoning and unknown items of the past."""
    kind = item.get("type")
    if "role" in item or kind is None or kind == "message":
        return item
    if isinstance(kind, str) and kind in _CALLS:
        function = {"name": item.get("name"), "arguments": item.get(_CALLS[kind])}
        return {"role": "assistant", "tool_calls": [{"id": item.get("call_id"), "function": function}]}
    if isinstance(kind, str) and kind in _OUTPUTS:
        return {"role": "tool", "tool_call_id": item.get("call_id"), "content": item.get("output")}
    if newest and kind != "reasoning":
        known = ", ".join(sorted({"message", *_CALLS, *_OUTPUTS}))
        refuse(f"{shown(kind)} is not a known type of item here. Known are {known}.", f"{param}.type")
    return None
