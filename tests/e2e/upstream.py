"""What a request became upstream, without what the CLI adds by itself; and a way to send any JSON at all."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from tests.running_bridge import RunningBridge, wait_for
from tray_bridge.server.run import PUBLISH_SECONDS

Wire = dict[str, Any]
# What the CLI puts before every system prompt (`test_isolation` lists the whole remainder).
OWN_SYSTEM = 2


def post(bridge: RunningBridge, body: Mapping[str, Any], **options: Any) -> httpx.Response:
    """Send a body as it is: lone surrogates and NUL too, which the clients' own encoders refuse."""
    content = json.dumps({"model": "sonnet", **body}).encode("ascii")
    url = f"{bridge.base_url}/chat/completions"
    return httpx.post(url, content=content, timeout=90, verify=False, **options)  # loading authorities takes 50 ms


def answer(bridge: RunningBridge, body: Mapping[str, Any]) -> Wire:
    """The answer's message; fails for any other status than 200."""
    response = post(bridge, body)
    assert response.status_code == 200, response.text[:1000]
    message: Wire = response.json()["choices"][0]["message"]
    return message


def chunks_of(response: httpx.Response) -> list[Wire]:
    """The events of a stream, parsed, without `[DONE]`."""
    lines = [line.removeprefix("data: ") for line in response.text.split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def deltas(chunks: Sequence[Wire], field: str) -> str:
    """What the chunks say in one field of their deltas, put together."""
    return "".join(choice["delta"].get(field) or "" for chunk in chunks for choice in chunk["choices"])


def finish_reasons(chunks: Sequence[Wire]) -> list[str]:
    return [c["finish_reason"] for chunk in chunks for c in chunk["choices"] if c["finish_reason"]]


def nothing_went_on(bridge: RunningBridge) -> None:
    """The CLI, which would have asked again by itself, was ended before the model said a word to it.

    Its request may have left before it was ended: it is waited for, so that the next test does not see it.
    """
    time.sleep(2 * PUBLISH_SECONDS)  # a snapshot may be older than the answer
    bridge.wait_for(lambda s: not s.pool.busy)
    wait_for(lambda: all(received.ended for received in bridge.standin.requests))
    answered = [turns(received.body)[-1] for received in bridge.standin.requests if received.first_delta]
    assert len(answered) <= 1, f"the CLI went on: {answered}"


def newest(bridge: RunningBridge) -> Wire:
    return dict(bridge.standin.requests[-1].body)


def turns(body: Mapping[str, Any]) -> list[tuple[str, list[Wire]]]:
    """Role and blocks of each message, without the CLI's own notes and cache marks."""
    return [
        (message["role"], plain(blocks(message["content"])))
        for message in body["messages"]
        if message["role"] != "system"
    ]


def system_prompt(body: Mapping[str, Any]) -> str:
    return "".join(block["text"] for block in body["system"][OWN_SYSTEM:])


def blocks(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def plain(value: Any) -> Any:
    """The same without cache marks, and with a tool result's content always as blocks."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: plain(item) for key, item in value.items() if key != "cache_control"}
    if found.get("type") == "tool_result":
        found["content"] = blocks(found.get("content", []))
    return found


def as_the_cli_writes(text: str) -> str:
    """Half a surrogate pair has no UTF-8; the CLI, a JavaScript program, writes U+FFFD for it."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
