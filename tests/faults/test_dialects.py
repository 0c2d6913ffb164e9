"""The faults that concern what a client sends, in all the dialects that have such a field."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.running_bridge import RunningBridge, directive

Wire = dict[str, Any]
OK = directive(text="ok")


def asked(bridge: RunningBridge, path: str, body: Wire) -> httpx.Response:
    body = {"model": "sonnet", "stream": False, "max_tokens": 1000, **body}
    if path.startswith("/api"):
        del body["max_tokens"]
    return httpx.post(bridge.url + path, json=body, timeout=60, verify=False)


def message(field: str = "messages") -> Wire:
    return {field: [{"role": "user", "content": OK}]}


# Dialect: path, a body, a tool of that name and schema, and where its schema stands.
TOOLS: dict[str, tuple[str, Wire, Any, str]] = {
    "chat": (
        "/v1/chat/completions",
        message(),
        lambda name, schema: {"type": "function", "function": {"name": name, "parameters": schema}},
        "tools[{}].function.parameters",
    ),
    "responses": (
        "/v1/responses",
        {"input": OK},
        lambda name, schema: {"type": "function", "name": name, "parameters": schema},
        "tools[{}].parameters",
    ),
    "messages": (
        "/v1/messages",
        message(),
        lambda name, schema: {"name": name, "input_schema": schema},
        "tools[{}].input_schema",
    ),
    "ollama": (
        "/api/chat",
        message(),
        lambda name, schema: {"type": "function", "function": {"name": name, "parameters": schema}},
        "tools[{}].function.parameters",
    ),
}
HOSTED = {"responses": {"type": "web_search"}, "messages": {"type": "web_search_20250305", "name": "web_search"}}
GOOD = {"type": "object", "properties": {"x": {"type": "string"}}}


@pytest.mark.parametrize("dialect", TOOLS)
def test_a5_schemas_are_mended_in_every_dialect(bridge: RunningBridge, dialect: str) -> None:
    path, body, tool, _ = TOOLS[dialect]
    php: Wire = {"type": "object", "properties": [], "required": None}
    old = {"type": "object", "properties": {"$n": {"type": "INTEGER", "minimum": 0, "exclusiveMinimum": True}}}
    tools = [tool("php", php), tool("old", old), tool("good", GOOD)]
    response = asked(bridge, path, {**body, "tools": tools})
    assert response.status_code == 200, response.text
    arrived = {each["name"]: each["input_schema"] for each in bridge.standin.requests[-1].body["tools"]}
    assert arrived["php"] == {"type": "object", "properties": {}} and arrived["good"] == GOOD
    assert arrived["old"]["properties"] == {"n": {"title": "$n", "type": "integer", "exclusiveMinimum": 0}}


@pytest.mark.parametrize("dialect", TOOLS)
def test_a5_a_schema_that_cannot_be_mended_is_named_by_its_path_in_the_request(
    bridge: RunningBridge, dialect: str
) -> None:
    path, body, tool, where = TOOLS[dialect]
    before = [HOSTED[dialect]] if dialect in HOSTED else []
    tools = [*before, tool("good", GOOD), tool("bad", {"type": "object", "properties": {"v": {"type": "strnig"}}})]
    response = asked(bridge, path, {**body, "tools": tools})
    assert response.status_code == 400
    assert f"{where.format(len(before) + 1)}.properties.v.type" in response.text
    assert "strnig" in response.text


def test_a5_a_function_of_a_namespace_is_named_by_its_path(bridge: RunningBridge) -> None:
    bad = {"type": "function", "name": "bad", "parameters": {"type": "object", "properties": {"v": 5}}}
    good = {"type": "function", "name": "good", "parameters": GOOD}
    tools = [{"type": "web_search"}, {"type": "namespace", "name": "n", "tools": [good, bad]}]
    response = asked(bridge, "/v1/responses", {"input": OK, "tools": tools})
    assert response.json()["error"]["param"] == "tools[1].tools[1].parameters.properties.v"
