"""Ollama's API over HTTP, with the real CLI before the stand-in."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import httpx
import pytest

from tests.running_bridge import RunningBridge, directive, wait_for
from tests.tool_loop import sessions
from tray_bridge.standin import StandIn


@pytest.fixture(scope="module")
def ollama_bridge(shared_bridge: RunningBridge) -> RunningBridge:
    shared_bridge.wait_for(lambda s: s.models)
    return shared_bridge


def post(bridge: RunningBridge, path: str, **fields: Any) -> httpx.Response:
    return httpx.post(f"{bridge.url}{path}", json={"model": "sonnet:latest", **fields}, timeout=60)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def read_lines(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.text.endswith("\n")
    lines = [json.loads(line) for line in answer.text[:-1].split("\n")]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert {line["model"] for line in lines} == {"sonnet:latest"}
    return lines


def test_a_chat_is_streamed_unless_told_otherwise(ollama_bridge: RunningBridge) -> None:
    question = [user(directive(text="Hello you", thinking="Hm."))]
    lines = read_lines(post(ollama_bridge, "/api/chat", messages=question))
    assert "".join(line["message"]["content"] for line in lines) == "Hello you"
    assert "".join(line["message"].get("thinking", "") for line in lines) == "Hm."
    whole = post(ollama_bridge, "/api/chat", messages=question, stream=False).json()
    assert whole["message"] == {"role": "assistant", "content": "Hello you", "thinking": "Hm."}
    assert whole["eval_count"] > 0


def has_ended(logged: str) -> bool:
    return httpx.get(logged).json().get("outcome") is not None


def test_the_log_says_how_an_answer_was_sent_and_not_how_the_field_was_written(ollama_bridge: RunningBridge) -> None:
    for stream, streamed in ((None, True), (False, False)):
        answer = post(ollama_bridge, "/api/generate", stream=stream)
        logged = f"{ollama_bridge.url}/dashboard/api/exchanges/{answer.headers['x-request-id']}"
        wait_for(partial(has_ended, logged))
        assert httpx.get(logged).json()["streamed"] is streamed
        assert answer.headers["content-type"].startswith("application/x-ndjson") is streamed


def test_a_generation(ollama_bridge: RunningBridge) -> None:
    lines = read_lines(post(ollama_bridge, "/api/generate", prompt=directive(text="Once upon"), think=False))
    assert "".join(line["response"] for line in lines) == "Once upon"


def test_a_model_is_loaded_without_a_question(ollama_bridge: RunningBridge, standin: StandIn) -> None:
    standin.clear()
    [line] = read_lines(post(ollama_bridge, "/api/generate", keep_alive=-1))
    assert line["done_reason"] == "load"
    assert post(ollama_bridge, "/api/chat", messages=[], keep_alive=0, stream=False).json()["done_reason"] == "unload"
    assert standin.requests == []


@pytest.mark.parametrize("form", ["tool_call_id", "tool_name", "neither"])
def test_a_round_of_tools_finds_its_suspended_session_whatever_names_the_call(
    ollama_bridge: RunningBridge, standin: StandIn, form: str
) -> None:
    script = directive(
        text="Let me see.", tools=[{"name": "weather", "input": {"city": form}}], then=[{"text": "Sunny."}]
    )
    spec = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
    tools = [{"type": "function", "function": spec}]
    lines = read_lines(post(ollama_bridge, "/api/chat", messages=[user(script)], tools=tools))
    [call] = [call for line in lines for call in line["message"].get("tool_calls", [])]
    assert call["function"] == {"index": 0, "name": "weather", "arguments": {"city": form}}
    sent: dict[str, Any] = {"function": {"name": "weather", "arguments": {"city": form}}}
    result: dict[str, Any] = {"role": "tool", "content": "sunny"}
    if form == "tool_call_id":
        sent["id"] = result["tool_call_id"] = call["id"]
    elif form == "tool_name":
        result["tool_name"] = "weather"
    messages = [user(script), {"role": "assistant", "content": "Let me see.", "tool_calls": [sent]}, result]
    lines = read_lines(post(ollama_bridge, "/api/chat", messages=messages, tools=tools))
    assert "".join(line["message"]["content"] for line in lines) == "Sunny."
    rounds = sessions(ollama_bridge)
    assert len(rounds) == 2
    assert len(set(rounds)) == 1


def test_errors_are_a_text_and_an_unknown_model_is_not_found(ollama_bridge: RunningBridge) -> None:
    answer = post(ollama_bridge, "/api/chat", model="llama3", messages=[user("x")])
    assert answer.status_code == 404
    assert answer.json()["error"].startswith("model 'llama3' not found")
    assert post(ollama_bridge, "/api/chat", model=None).json() == {"error": "model is required"}
    for path in ("/api/me", "/api/web_search", "/api/nothing"):
        assert isinstance(post(ollama_bridge, path).json()["error"], str)


def test_what_clients_ask_before_they_chat(ollama_bridge: RunningBridge) -> None:
    url = ollama_bridge.url
    assert httpx.get(url).text == "Ollama is running"
    for path in ("/", "/api/version", "/api/tags"):
        assert httpx.head(f"{url}{path}").status_code == 200
    version = httpx.get(f"{url}/api/version").json()["version"]
    assert [int(part) for part in version.split(".")] >= [0, 6, 4]
    names = [model["name"] for model in httpx.get(f"{url}/api/tags").json()["models"]]
    assert "sonnet:latest" in names
    assert httpx.get(f"{url}/api/ps").json() == {"models": []}
    for name in ("sonnet", "sonnet:latest"):
        for field in ("model", "name"):
            shown = httpx.post(f"{url}/api/show", json={field: name}).json()
            assert "tools" in shown["capabilities"]
    assert httpx.post(f"{url}/api/show", json={"model": "llama3"}).status_code == 404
    chat = {"model": "sonnet:latest", "messages": [user(directive(text="Hello"))]}
    answer = httpx.post(f"{url}/v1/chat/completions", json=chat, timeout=60).json()
    assert answer["choices"][0]["message"]["content"] == "Hello"


def test_a_pull_of_a_known_model_is_granted_and_the_rest_refused_in_words(ollama_bridge: RunningBridge) -> None:
    pulled = post(ollama_bridge, "/api/pull")
    assert (pulled.status_code, json.loads(pulled.text)) == (200, {"status": "success"})
    assert post(ollama_bridge, "/api/pull", model="llama3").status_code == 404
    for path, word in (("/api/embed", "embedding"), ("/api/embeddings", "embedding"), ("/api/create", "Anthropic")):
        answer = post(ollama_bridge, path)
        assert answer.status_code == 501
        assert word in answer.json()["error"]
    assert httpx.delete(f"{ollama_bridge.url}/api/delete").status_code == 501
