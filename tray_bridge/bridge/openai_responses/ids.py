"""The ids of an answer's items. Each holds the answer's id, so that a reference to the item can be looked up."""

from __future__ import annotations

import re

from ...turns import JsonObject

PREFIX = "resp_"
_INPUT = 0x8000  # the items of the request count from here
_ITEM = re.compile(r"[a-z]+_([0-9a-f]{8,64})[0-9a-f]{4}", re.ASCII)
_PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
}


def item_id(answer_id: str, kind: str, number: int) -> str:
    """Make the id of an answer's item: `number` counts the items of one answer."""
    return f"{_PREFIXES.get(kind, 'item')}_{answer_id.removeprefix(PREFIX)}{number:04x}"


def answer_of(id_: str) -> str | None:
    """Give the id of the answer that the item belongs to; None if the id is not one of ours."""
    found = _ITEM.fullmatch(id_)
    return PREFIX + found[1] if found else None


def with_ids(items: tuple[JsonObject, ...], answer_id: str) -> tuple[JsonObject, ...]:
    """Give the items of a request, each with an id and its type."""
    named = []
    for number, item in enumerate(items):
        kind = str(item.get("type") or "message")
        id_ = item.get("id")
        if not isinstance(id_, str) or not id_:
            id_ = item_id(answer_id, kind, _INPUT + number)
        named.append({**item, **_parts(item), "type": kind, "id": id_})
    return tuple(named)


def _parts(item: JsonObject) -> JsonObject:
    """The content of a message as parts, as OpenAI lists it, where it came as a string."""
    if not isinstance(content := item.get("content"), str) or "role" not in item:
        return {}
    if item["role"] == "assistant":
        return {"content": [{"type": "output_text", "text": content, "annotations": [], "logprobs": []}]}
    return {"content": [{"type": "input_text", "text": content}]}
