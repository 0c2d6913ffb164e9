"""A client of the Messages API, just large enough to ask the stand-in and to read its streams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx

from tray_bridge.standin import StandIn

CLIENT = httpx.Client(timeout=60)  # one for all: to make one takes longer than most tests


def directive(**spec: Any) -> str:
    return f"standin: {json.dumps(spec)}"


def request_body(content: Any, **body: Any) -> dict[str, Any]:
    messages = content if isinstance(content, list) else [{"role": "user", "content": content}]
    return {"model": "claude-sonnet-5-5", "max_tokens": 1000, "messages": messages, **body}


def post(standin: StandIn, content: Any, **body: Any) -> httpx.Response:
    """Ask without a stream; `content` is the user's text, or all messages."""
    return CLIENT.post(f"{standin.url}/v1/messages", json=request_body(content, **body))


def answer(standin: StandIn, content: Any, **body: Any) -> dict[str, Any]:
    found: dict[str, Any] = post(standin, content, **body).raise_for_status().json()
    return found


def stream(standin: StandIn, content: Any, **body: Any) -> Iterator[dict[str, Any]]:
    """Ask for a stream and yield its events; closing the generator hangs up."""
    sent = request_body(content, stream=True, **body)
    with CLIENT.stream("POST", f"{standin.url}/v1/messages", json=sent) as response:
        response.raise_for_status()
        name = ""
        for line in response.iter_lines():
            if line.startswith("event: "):
                name = line[len("event: ") :]
            elif line.startswith("data: "):
                event = json.loads(line[len("data: ") :])
                assert event["type"] == name
                yield event


def pieces(events: list[dict[str, Any]], kind: str = "text_delta") -> list[str]:
    """The deltas of one kind, in order."""
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    return [next(v for k, v in delta.items() if k != "type") for delta in deltas if delta["type"] == kind]


def text(message: dict[str, Any]) -> str:
    """The text of an answer that was not streamed."""
    return "".join(block["text"] for block in message["content"] if block["type"] == "text")
