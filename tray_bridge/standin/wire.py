"""Write a reply as the Messages API does: events of a stream, one message, or an error.

Source of the grammar: https://docs.anthropic.com/en/api/messages-streaming.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tray_bridge.standin.reply import Block, Reply

SIGNATURE = "c3RhbmQtaW4="
DELTAS = {
    "thinking": ("thinking_delta", "thinking"),
    "text": ("text_delta", "text"),
    "tool_use": ("input_json_delta", "partial_json"),
}


class Frame(NamedTuple):
    """One event, ready to send; `is_delta` marks those that a rate or a count is about."""

    data: bytes
    is_delta: bool = False


def frame(event: Mapping[str, Any]) -> Frame:
    """Encode one event."""
    data = json.dumps(event, separators=(",", ":"))
    return Frame(f"event: {event['type']}\ndata: {data}\n\n".encode())


def frames(reply: Reply) -> Iterator[Frame]:
    """The whole stream of a reply, event by event."""
    opening = {**message(reply), "content": [], "stop_reason": None, "stop_sequence": None}
    yield frame({"type": "message_start", "message": {**opening, "usage": {**reply.usage, "output_tokens": 1}}})
    for index, block in enumerate(reply.blocks):
        yield frame({"type": "content_block_start", "index": index, "content_block": opened(block)})
        if index == 0:
            yield frame({"type": "ping"})
        kind, key = DELTAS[block.type]
        # Written by hand, for this is what a benchmark's every token costs.
        head = f'event: content_block_delta\ndata: {{"type":"content_block_delta","index":{index},"delta":'
        head += f'{{"type":"{kind}","{key}":'
        for piece in block.pieces:
            yield Frame(f"{head}{json.dumps(piece)}}}}}\n\n".encode(), is_delta=True)
        if block.type == "thinking":
            signature = {"type": "signature_delta", "signature": SIGNATURE}
            yield frame({"type": "content_block_delta", "index": index, "delta": signature})
        yield frame({"type": "content_block_stop", "index": index})
    ending = {"stop_reason": reply.stop_reason, "stop_sequence": reply.stop_sequence}
    yield frame({"type": "message_delta", "delta": ending, "usage": reply.usage})
    yield frame({"type": "message_stop"})


def message(reply: Reply) -> dict[str, Any]:
    """The reply as the body of an answer that is not streamed."""
    return {
        "id": reply.id,
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [whole(block) for block in reply.blocks],
        "stop_reason": reply.stop_reason,
        "stop_sequence": reply.stop_sequence,
        "usage": reply.usage,
    }


def opened(block: Block) -> dict[str, Any]:
    """A block as it stands in its `content_block_start`, still empty."""
    if block.type == "tool_use":
        return {"type": "tool_use", "id": block.id, "name": block.name, "input": {}}
    if block.type == "thinking":
        return {"type": "thinking", "thinking": "", "signature": ""}
    return {"type": "text", "text": ""}


def whole(block: Block) -> dict[str, Any]:
    """Write a block of a message in one piece."""
    content = "".join(block.pieces)
    if block.type == "tool_use":
        return {**opened(block), "input": parsed(content)}
    if block.type == "thinking":
        return {**opened(block), "thinking": content, "signature": SIGNATURE}
    return {"type": "text", "text": content}


def parsed(raw: str) -> Any:
    """A call's input; text that is not JSON (a call cut short) stays as it is."""
    try:
        return json.loads(raw or "{}")
    except ValueError:
        return raw


def error_body(error: Mapping[str, Any]) -> dict[str, Any]:
    """An error's body, by default that of an overloaded API."""
    return {
        "type": "error",
        "error": {
            "type": error.get("type", "overloaded_error"),
            "message": error.get("message", "Overloaded"),
        },
    }
