"""Clients that count their calls from `call_0` in every turn: each result answers the nearest call before it (G1)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.e2e.upstream import newest, turns
from tests.running_bridge import RunningBridge, directive

Wire = dict[str, Any]
ID = "call_0"


def chat(*results: str, end: str) -> tuple[str, Wire]:
    messages: list[Wire] = []
    for at, result in enumerate(results):
        call = {"id": ID, "type": "function", "function": {"name": "f", "arguments": f'{{"x": {at}}}'}}
        messages += [
            {"role": "user", "content": f"question {at}"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": ID, "content": result},
        ]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    return "/chat/completions", {"tools": [tool], "messages": [*messages, {"role": "user", "content": end}]}


def messages_api(*results: str, end: str) -> tuple[str, Wire]:
    messages: list[Wire] = []
    for at, result in enumerate(results):
        messages += [
            {"role": "user", "content": f"question {at}"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": ID, "name": "f", "input": {"x": at}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": ID, "content": result}]},
        ]
    tool = {"name": "f", "input_schema": {"type": "object"}}
    return "/messages", {"max_tokens": 100, "tools": [tool], "messages": [*messages, {"role": "user", "content": end}]}


def responses(*results: str, end: str) -> tuple[str, Wire]:
    items: list[Wire] = []
    for at, result in enumerate(results):
        items += [
            {"role": "user", "content": f"question {at}"},
            {"type": "function_call", "call_id": ID, "name": "f", "arguments": f'{{"x": {at}}}'},
            {"type": "function_call_output", "call_id": ID, "output": result},
        ]
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}}
    return "/responses", {"tools": [tool], "input": [*items, {"role": "user", "content": end}]}


def assert_both_results(bridge: RunningBridge, path: str, body: Wire) -> None:
    """Upstream read two calls with ids of their own, each with its own result."""
    response = httpx.post(bridge.base_url + path, json={"model": "sonnet", **body}, timeout=90)
    assert response.status_code == 200, response.text
    blocks = [block for _, said in turns(newest(bridge)) for block in said]
    calls = {block["id"]: block["input"]["x"] for block in blocks if block["type"] == "tool_use"}
    results = {block["tool_use_id"]: block["content"] for block in blocks if block["type"] == "tool_result"}
    assert {at: results[id_][0]["text"] for id_, at in calls.items()} == {0: "sunny", 1: "rainy"}


@pytest.mark.parametrize("dialect", [chat, messages_api, responses])
def test_g1_an_id_that_comes_again_in_a_later_turn_keeps_both_results(bridge: RunningBridge, dialect: Any) -> None:
    path, body = dialect("sunny", "rainy", end=directive(text="done"))
    assert_both_results(bridge, path, body)


@pytest.mark.parametrize("later", ["call_0_2", "call"])
def test_g1_an_id_that_claude_code_takes_for_another_keeps_its_result(bridge: RunningBridge, later: str) -> None:
    path, body = chat("sunny", "rainy", end=directive(text="done"))
    body["messages"][4]["tool_calls"][0]["id"] = body["messages"][5]["tool_call_id"] = later
    assert_both_results(bridge, path, body)


def test_c17_two_calls_with_one_id_in_one_answer_keep_both_results(bridge: RunningBridge) -> None:
    path, body = chat("sunny", "rainy", end=directive(text="done"))
    asked, first, sunny, _, second, rainy, last = body["messages"]
    first["tool_calls"] += second["tool_calls"]
    body["messages"] = [asked, first, sunny, rainy, last]
    assert_both_results(bridge, path, body)
