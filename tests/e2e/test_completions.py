"""POST /v1/completions through the real CLI: texts that go on, gaps, choices, and requests that are given up."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from openai.types import Completion

from tests.e2e.upstream import newest, turns
from tests.running_bridge import RunningBridge, directive, wait_for
from tests.tool_loop import Wire
from tray_bridge.bridge.openai_completions.infill import GAP

Make = Callable[..., RunningBridge]


def create(bridge: RunningBridge, prompt: Any, **fields: Any) -> Completion:
    completion: Completion = bridge.client.completions.create(model="haiku", prompt=prompt, **fields)
    return completion


def chunks_of(bridge: RunningBridge, prompt: Any, **fields: Any) -> list[Wire]:
    body = {"model": "haiku", "prompt": prompt, "stream": True, **fields}
    response = httpx.post(f"{bridge.base_url}/completions", json=body, timeout=60)
    assert response.status_code == 200, response.text
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def test_a_text_goes_on(bridge: RunningBridge) -> None:
    prompt = directive(text="<fill> upon a time\n</fill>")
    completion = create(bridge, prompt)
    assert completion.choices[0].text == " upon a time\n" and completion.choices[0].finish_reason == "stop"
    assert completion.id.startswith("cmpl-") and completion.usage and completion.usage.completion_tokens > 0
    assert turns(newest(bridge)) == [("user", [{"type": "text", "text": f"{prompt}{GAP}"}])]


def test_a_gap_is_filled_and_markers_are_understood(bridge: RunningBridge) -> None:
    before, after = f"{directive(text='<fill>x + 1</fill>')}\ndef f(x):\n    return ", "\n\nprint(f(1))"
    for prompt, suffix in ((before, after), (f"<|fim_prefix|>{before}<|fim_suffix|>{after}<|fim_middle|>", None)):
        assert create(bridge, prompt, suffix=suffix).choices[0].text == "x + 1"
        assert turns(newest(bridge)) == [("user", [{"type": "text", "text": f"{before}{GAP}{after}"}])]


def test_prompts_have_their_own_answers_and_indices(bridge_with: Make) -> None:
    bridge = bridge_with(max_sessions=2)
    prompts = [directive(text="one"), directive(text="two")]
    completion = create(bridge, prompts, n=2, echo=True)
    assert [choice.text for choice in completion.choices] == [
        f"{prompts[0]}one",
        f"{prompts[0]}one",
        f"{prompts[1]}two",
        f"{prompts[1]}two",
    ]
    streamed = chunks_of(bridge, prompts)
    texts = ["", ""]
    for chunk in streamed:
        texts[chunk["choices"][0]["index"]] += chunk["choices"][0]["text"]
    assert texts == ["one", "two"]
    ends = [chunk["choices"][0]["index"] for chunk in streamed if chunk["choices"][0]["finish_reason"]]
    assert sorted(ends) == [0, 1]


def test_a_stream_with_usage_and_stops(bridge: RunningBridge) -> None:
    prompt = directive(chunks=["<fill>a", "b", "<|end", "|>c</fill>"])
    chunks = chunks_of(
        bridge, prompt, stop=[f"<{n}>" for n in range(13)] + ["<|end|>"], stream_options={"include_usage": True}
    )
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks[:-1]) == "ab"
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("status", [529])
def test_errors_have_openais_shape(bridge: RunningBridge, status: int) -> None:
    prompt = directive(error={"status": status, "type": "overloaded_error", "message": "Too busy."})
    for stream in (False, True):
        body = {"prompt": prompt, "stream": stream}
        response = httpx.post(f"{bridge.base_url}/completions", json=body, timeout=60)
        assert response.status_code == status and "Too busy" in response.json()["error"]["message"]
    refused = httpx.post(f"{bridge.base_url}/completions", json={"prompt": [[1, 2]]}, timeout=60)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "prompt")


def test_nothing_is_parked_for_it(bridge_with: Make) -> None:
    bridge_with(parked_sessions=0).wait_for(lambda s: not s.pool.parked and not s.pool.busy)
    bridge = bridge_with()
    before = sum(dict(bridge.snapshot().pool.taken).values())
    create(bridge, directive(text="one"))
    bridge.wait_for(lambda s: sum(dict(s.pool.taken).values()) > before and not s.pool.busy)
    assert bridge.snapshot().pool.parked == 0


def test_what_is_given_up_ends_upstream_and_leaves_no_session_busy(bridge: RunningBridge) -> None:
    body = {"prompt": directive(chunks=["x"] * 2000, delay=0.05), "stream": True}
    with httpx.stream("POST", f"{bridge.base_url}/completions", json=body, timeout=60) as response:
        pieces = response.iter_bytes()  # kept: a client that drops it leaves
        next(pieces)
    wait_for(lambda: all(received.ended for received in bridge.standin.requests))
    bridge.wait_for(lambda s: not s.pool.busy)
