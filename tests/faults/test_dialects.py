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


def user(content: Any, **fields: Any) -> Wire:
    return {"role": "user", "content": content, **fields}


def assistant(content: Any, **fields: Any) -> Wire:
    return {"role": "assistant", "content": content, **fields}


# Dialect: path, and how it carries a picture from this URL or base64.
PICTURES: dict[str, tuple[str, Any]] = {
    "chat": ("/v1/chat/completions", lambda url: user([{"type": "image_url", "image_url": {"url": url}}])),
    "responses": ("/v1/responses", lambda url: user([{"type": "input_image", "image_url": url}])),
    "messages": (
        "/v1/messages",
        lambda url: user([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": url}}]),
    ),
    "ollama": ("/api/chat", lambda url: user("Look", images=[url])),
}


BAD_URLS: list[Any] = ["", "blob:x", "AAAA", "file:///a.png", None, 5, {}]


@pytest.mark.parametrize("dialect", PICTURES)
def test_a17_bad_pictures_of_the_past_end_no_conversation_in_any_dialect(bridge: RunningBridge, dialect: str) -> None:
    path, picture = PICTURES[dialect]
    field = "input" if dialect == "responses" else "messages"
    past = [message for url in BAD_URLS for message in (picture(url), assistant("Yes"))]
    response = asked(bridge, path, {field: [*past, user(OK)]})
    assert response.status_code == 200, response.text
    assert "unreadable" in response.headers["x-bridge-ignored"]
    assert "image" not in str([each["content"] for each in bridge.standin.requests[-1].body["messages"]])
    for url in BAD_URLS:
        assert asked(bridge, path, {field: [picture(url)]}).status_code == 400, url


FILES: dict[str, Wire] = {
    "messages": {"type": "image", "source": {"type": "file", "file_id": "f"}},
    "responses": {"type": "input_image"},
}


@pytest.mark.parametrize("dialect", FILES)
def test_a17_a_file_of_the_past_that_is_only_named_is_left_out(bridge: RunningBridge, dialect: str) -> None:
    path, _ = PICTURES[dialect]
    field = "input" if dialect == "responses" else "messages"
    part = {"file_id": "file-1", **FILES[dialect]}
    response = asked(bridge, path, {field: [user([part]), assistant("Yes"), user(OK)]})
    assert response.status_code == 200 and "unreadable" in response.headers["x-bridge-ignored"], response.text
    assert asked(bridge, path, {field: [user([part])]}).status_code == 400


def chat_call(**call: Any) -> list[Wire]:
    return [user("x"), assistant(None, tool_calls=[call]), {"role": "tool", "tool_call_id": call["id"], "content": "r"}]


ODD_PASTS: dict[str, list[Wire]] = {
    "a number for content": [user(5), assistant(7)],
    "no role": [{"content": "x"}, assistant("y")],
    "a flat call": chat_call(id="c1", name="f", arguments="{}"),
    "a call whose id is a number": chat_call(id=1, function={"name": "f", "arguments": {}}),
    "calls with indexes": [
        user("x"),
        assistant(None, tool_calls={"0": {"id": "c1", "function": {"name": "f", "arguments": "[]"}}}),
        {"role": "tool", "tool_call_id": "c1", "content": "r"},
    ],
    "a call without a name": [*chat_call(id="c1", function={"arguments": "{}"}), assistant("y")],
    "no call at all": [user("x"), assistant("y", tool_calls=[None], function_call="f")],
}
UNREADABLE = ("a call without a name", "no call at all")


@pytest.mark.parametrize("past", ODD_PASTS)
def test_a12_an_odd_past_is_read_or_named(bridge: RunningBridge, past: str) -> None:
    response = asked(bridge, "/v1/chat/completions", {"messages": [*ODD_PASTS[past], user(OK)]})
    assert response.status_code == 200, response.text
    assert ("unreadable" in response.headers.get("x-bridge-ignored", "")) is (past in UNREADABLE)


def test_a14_what_tools_return_is_understood_in_responses(bridge: RunningBridge) -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": []}
    for output in ({"a": 1}, [{"type": "resource", "resource": {"text": "inside"}}], 5, None):
        result = {"type": "function_call_output", "call_id": "c", "output": output}
        response = asked(bridge, "/v1/responses", {"input": [user("x"), call, result, user(OK)]})
        assert response.status_code == 200, response.text


def test_a14_an_unknown_item_of_the_past_is_named_in_responses(bridge: RunningBridge) -> None:
    orphan = {"type": "function_call_output", "call_id": "zz", "output": "r"}
    past = [user("x"), {"type": "mystery"}, orphan, assistant("y")]
    response = asked(bridge, "/v1/responses", {"input": [*past, user(OK)]})
    assert response.status_code == 200, response.text
    ignored = response.headers["x-bridge-ignored"]
    assert "input.mystery" in ignored and "input.function_call_output" in ignored


EFFORTS: dict[str, tuple[str, Any]] = {
    "chat": ("/v1/chat/completions", lambda word: {"messages": [user(OK)], "reasoning_effort": word}),
    "responses": ("/v1/responses", lambda word: {"input": OK, "reasoning": {"effort": word}}),
    "messages": ("/v1/messages", lambda word: {"messages": [user(OK)], "output_config": {"effort": word}}),
    "ollama": ("/api/chat", lambda word: {"messages": [user(OK)], "think": word}),
}


WORDS: tuple[str | None, ...] = ("", "default", "Auto", "HIGH", "minimal", "off", "xhigh", None)


@pytest.mark.parametrize("dialect", EFFORTS)
def test_a13_efforts_in_other_words_are_read_in_every_dialect(bridge: RunningBridge, dialect: str) -> None:
    path, body = EFFORTS[dialect]
    for word in WORDS if dialect == "chat" else ("Auto", "off", None):  # all dialects read them by one table
        response = asked(bridge, path, body(word))
        assert response.status_code == 200, (word, response.text)
    assert asked(bridge, path, body("gigantic")).status_code == 400


EMPTY: dict[str, tuple[str, Wire]] = {
    "chat": ("/v1/chat/completions", {"tools": {}, "metadata": [], "stream_options": [], "response_format": []}),
    "completions": ("/v1/completions", {"stop": {}, "logit_bias": [], "stream_options": []}),
    "responses": ("/v1/responses", {"tools": {}, "metadata": [], "reasoning": [], "text": []}),
    "messages": ("/v1/messages", {"tools": {}, "metadata": [], "output_config": [], "stop_sequences": {}}),
    "ollama": ("/api/chat", {"tools": {}, "options": []}),
}


@pytest.mark.parametrize("dialect", EMPTY)
def test_a1_empty_objects_and_arrays_of_php_and_lua_are_read_everywhere(bridge: RunningBridge, dialect: str) -> None:
    path, fields = EMPTY[dialect]
    question = {"responses": {"input": OK}, "completions": {"prompt": OK}}.get(dialect, message())
    response = asked(bridge, path, {**question, **fields})
    assert response.status_code == 200, response.text
