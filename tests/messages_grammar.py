"""A strict reader of a streamed message: whatever breaks the grammar of the Messages API fails."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

DELTAS = {
    "text": {"text_delta": "text", "citations_delta": "citation"},
    "thinking": {"thinking_delta": "thinking", "signature_delta": "signature"},
    "tool_use": {"input_json_delta": "partial_json"},
    "redacted_thinking": {},
}


def check_frames(frames: Iterable[tuple[str, bytes]]) -> dict[str, Any]:
    """The message that the frames amount to; each frame is an event's name and its data."""
    events = []
    for name, data in frames:
        event = json.loads(data)
        assert event["type"] == name, f"event {name} with data of {event['type']}"
        if name != "ping":
            events.append(event)
    assert events, "an empty stream"
    first, *middle, delta, stop = events
    assert first["type"] == "message_start"
    message: dict[str, Any] = first["message"]
    assert message["content"] == []
    assert message["stop_reason"] is None
    assert message["stop_sequence"] is None
    check_usage(message["usage"])
    assert sum(value for key, value in message["usage"].items() if "input" in key) > 0
    assert stop == {"type": "message_stop"}
    assert delta["type"] == "message_delta"
    assert isinstance(delta["delta"]["stop_reason"], str)
    assert "stop_sequence" in delta["delta"]
    check_usage(delta["usage"])
    message["content"] = check_blocks(middle)
    return {**message, **delta["delta"], "usage": {**message["usage"], **delta["usage"]}}


def check_blocks(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    pieces: dict[str, str] = {}
    is_open = False
    for event in events:
        kind = event["type"]
        if kind == "content_block_start":
            assert not is_open, "two blocks open at once"
            assert event["index"] == len(blocks)
            block = event["content_block"]
            assert block["type"] in DELTAS
            if block["type"] == "tool_use":
                assert block["input"] == {}
                assert block["id"]
                assert block["name"]
            if block["type"] == "thinking":
                assert (block["thinking"], block["signature"]) == ("", "")
            if block["type"] == "text":
                assert block["text"] == ""
            blocks.append(block)
            pieces, is_open = {}, True
            continue
        assert is_open, f"{kind} without an open block"
        assert event["index"] == len(blocks) - 1
        block = blocks[-1]
        if kind == "content_block_delta":
            field = DELTAS[block["type"]][event["delta"]["type"]]
            if field == "citation":
                block.setdefault("citations", []).append(event["delta"]["citation"])
                continue
            assert isinstance(event["delta"][field], str)
            assert "signature" not in pieces, "a delta after the signature"
            pieces[field] = pieces.get(field, "") + event["delta"][field]
        else:
            assert kind == "content_block_stop", f"{kind} within the blocks"
            is_open = False
            if block["type"] == "tool_use":
                block["input"] = json.loads(pieces.get("partial_json") or "{}")
                assert isinstance(block["input"], dict)
            else:
                assert block["type"] != "thinking" or "signature" in pieces
                block |= pieces
    assert not is_open, "a block was left open"
    return blocks


def check_usage(usage: dict[str, Any]) -> None:
    for key in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
        assert type(usage[key]) is int, key
