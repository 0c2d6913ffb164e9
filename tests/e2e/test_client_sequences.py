"""Whole sequences of requests as programs send them that cannot run here: VS Code, Zed, Home Assistant, Open WebUI, …

Each test asks as that program does, and reads what it would fail without.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.test_responses import events_of
from tests.e2e.upstream import newest, turns
from tests.running_bridge import RunningBridge, directive
from tests.tool_loop import Wire, call, function, sessions
from tray_bridge.standin import StandIn


@pytest.fixture(scope="module")
def sequence_bridge(shared_bridge: RunningBridge) -> RunningBridge:
    shared_bridge.wait_for(lambda snapshot: snapshot.models)
    return shared_bridge


@pytest.fixture
def web(sequence_bridge: RunningBridge, standin: StandIn) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sequence_bridge.url, timeout=60) as client:
        yield client


def asking(city: str, *then: dict[str, Any]) -> str:
    return directive(tools=[call("weather", city=city)], then=list(then))


CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = function("weather", "Tell the weather.", CITY)
FLAT = {"type": "function", **WEATHER["function"], "strict": False}


def lines(answer: httpx.Response) -> list[Wire]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_vs_code_chains_by_id_with_the_new_items_alone(web: httpx.Client, sequence_bridge: RunningBridge) -> None:
    """Its custom endpoint with `apiType: responses` leaves `store` out, and wants ids that begin with `resp_`."""
    fixed = {
        "model": "sonnet",
        "stream": True,
        "tools": [FLAT],
        "tool_choice": "auto",
        "max_tokens": 16_000,
        "truncation": "disabled",
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "medium", "summary": "auto"},
    }
    system = {"role": "system", "content": [{"type": "input_text", "text": "You are Copilot."}]}
    question = {"role": "user", "content": [{"type": "input_text", "text": asking("Oslo", {"text": "It rains."})}]}
    first = events_of(web.post("/v1/responses", json={**fixed, "input": [system, question]}))[-1]["response"]
    assert first["id"].startswith("resp_") and first["store"] is True
    (wanted,) = [item for item in first["output"] if item["type"] == "function_call"]
    output = {"type": "function_call_output", "call_id": wanted["call_id"], "output": "Rain."}
    second = {**fixed, "previous_response_id": first["id"], "input": [output]}
    told = events_of(web.post("/v1/responses", json=second))[-1]["response"]
    assert told["output"][-1]["content"][0]["text"] == "It rains."
    last = {"role": "user", "content": [{"type": "input_text", "text": directive(text="Bye.")}]}
    third = {**fixed, "previous_response_id": told["id"], "input": [last]}
    bye = events_of(web.post("/v1/responses", json=third))[-1]["response"]
    assert bye["output"][-1]["content"][0]["text"] == "Bye."
    assert len(set(sessions(sequence_bridge))) == 1 and len(sequence_bridge.standin.requests) == 3
    assert "You are Copilot." in str(newest(sequence_bridge)["system"])


def test_vs_codes_ollama_provider_lists_asks_each_model_and_chats_by_openais_api(web: httpx.Client) -> None:
    numbers = [int(number) for number in web.get("/api/version").json()["version"].split(".")]
    assert numbers >= [0, 6, 4]
    models = [model["model"] for model in web.get("/api/tags").json()["models"]]
    for model in models:
        shown = web.post("/api/show", json={"model": model}).json()
        assert "tools" in shown["capabilities"]
        architecture = shown["model_info"]["general.architecture"]
        assert shown["model_info"][f"{architecture}.context_length"] > 8192
        assert shown["model_info"]["general.basename"]
    body = {
        "model": "sonnet:latest",
        "messages": [{"role": "user", "content": asking("Oslo")}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [WEATHER],
        "n": 1,
        "temperature": 0.1,
        "top_p": 1,
    }
    assert body["model"] in models
    answer = web.post("/v1/chat/completions", json=body)
    assert '"finish_reason":"tool_calls"' in answer.text and answer.text.endswith("data: [DONE]\n\n")


def test_zed_by_responses(web: httpx.Client, sequence_bridge: RunningBridge) -> None:
    """Each event is read into a type of its own: one that lacks a field ends the answer."""
    text = asking("Oslo", {"thinking": "Hm.", "text": "It rains."})
    question = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    fixed = {
        "model": "sonnet",
        "stream": True,
        "temperature": 1.0,
        "tools": [FLAT],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "prompt_cache_key": "thread-1",
        "instructions": "",
        "reasoning": {"effort": "low", "summary": "auto"},
    }
    events = events_of(web.post("/v1/responses", json={**fixed, "input": [question]}))
    (wanted,) = [item for item in events[-1]["response"]["output"] if item["type"] == "function_call"]
    replayed = {key: wanted[key] for key in ("type", "call_id", "name", "arguments")}
    output = {
        "type": "function_call_output",
        "call_id": wanted["call_id"],
        "output": [{"type": "input_text", "text": "Rain."}],
    }
    events += events_of(web.post("/v1/responses", json={**fixed, "input": [question, replayed, output]}))
    for event in events:
        kind = event["type"]
        if kind.endswith(".delta"):
            assert isinstance(event["delta"], str) and isinstance(event["item_id"], str)
            index = "summary_index" if "summary" in kind else "content_index"
            assert "function_call" in kind or isinstance(event[index], int)
        if "item" in kind or "part" in kind or "delta" in kind:
            assert isinstance(event["output_index"], int)
    assert events[-1]["response"]["output"][-1]["content"][0]["text"] == "It rains."
    assert len(sequence_bridge.standin.requests) == 2 and len(set(sessions(sequence_bridge))) == 1


def test_zed_by_ollama(web: httpx.Client, sequence_bridge: RunningBridge) -> None:
    for model in web.get("/api/tags").json()["models"]:
        assert all(isinstance(model[key], str) for key in ("name", "modified_at", "digest"))
        assert isinstance(model["size"], int) and model["size"] > 0
        strings = ("format", "family", "parameter_size", "quantization_level")
        assert all(isinstance(model["details"][key], str) for key in strings)
        assert isinstance(model["details"]["families"], list)
    shown = web.post("/api/show", json={"model": "sonnet:latest"}).json()
    assert {"tools", "vision", "thinking"} <= set(shown["capabilities"])
    question = {"role": "user", "content": asking("Oslo", {"text": "It rains."})}
    fixed = {
        "model": "sonnet:latest",
        "stream": True,
        "keep_alive": -1,
        "options": {"num_ctx": 16_384, "num_predict": None, "stop": [], "temperature": 1.0, "top_p": None},
        "think": True,
        "tools": [WEATHER],
    }
    said = lines(web.post("/api/chat", json={**fixed, "messages": [question]}))
    assert all(set(line["message"]) >= {"role", "content"} for line in said)
    (wanted,) = [line["message"]["tool_calls"][0]["function"] for line in said if "tool_calls" in line["message"]]
    calls = [{"function": {"name": wanted["name"], "arguments": wanted["arguments"]}}]
    replay = [
        question,
        {"role": "assistant", "content": "", "tool_calls": calls, "images": None, "thinking": None},
        {"role": "tool", "tool_name": "weather", "content": "Rain."},
    ]
    told = lines(web.post("/api/chat", json={**fixed, "messages": replay}))
    assert "".join(line["message"]["content"] for line in told) == "It rains."
    assert all(isinstance(told[-1][key], int) for key in ("prompt_eval_count", "eval_count"))
    assert len(sequence_bridge.standin.requests) == 2 and len(set(sessions(sequence_bridge))) == 1


def test_zeds_edit_prediction(web: httpx.Client) -> None:
    stops = [
        *("<|endoftext|>", "<|file_sep|>", "<|fim_pad|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"),
        *("<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<PRE>", "<SUF>", "<MID>", "[PREFIX]", "[SUFFIX]"),
    ]
    middle = directive(text="<fill>    return a + b\n<|fim_prefix|>more</fill>")
    prompt = f"<|fim_prefix|>def add(a, b):\n{middle}<|fim_suffix|>\n\nprint(add(1, 2))<|fim_middle|>"
    body = {"model": "haiku", "prompt": prompt, "max_tokens": 256, "temperature": 0.2, "stop": stops}
    answer = web.post("/v1/completions", json=body).json()
    assert isinstance(answer["id"], str)
    assert answer["choices"][0]["text"] == "    return a + b\n"


def test_home_assistant(web: httpx.Client, sequence_bridge: RunningBridge) -> None:
    """It pulls a model whose name is not in the list to the letter, and gives results without any id or name."""
    assert "sonnet" not in [model["model"] for model in web.get("/api/tags").json()["models"]]
    assert lines(web.post("/api/pull", json={"model": "sonnet", "stream": True}))[-1]["status"] == "success"
    fixed = {
        "model": "sonnet",
        "stream": True,
        "keep_alive": -1,
        "options": {"num_ctx": 8192},
        "think": False,
        "tools": [WEATHER, function("light", "Switch a light.")],
        "format": "",
    }
    text = directive(tools=[call("weather", city="Oslo"), call("light")], then=[{"text": "Done."}])
    history: list[Wire] = [{"role": "system", "content": "You run a home."}, {"role": "user", "content": text}]
    said = lines(web.post("/api/chat", json={**fixed, "messages": history}))
    calls = [each for line in said for each in line["message"].get("tool_calls", ())]
    assert [each["function"]["name"] for each in calls] == ["weather", "light"]
    history.append(
        {"role": "assistant", "content": "", "tool_calls": [{"function": each["function"]} for each in calls]}
    )
    history += [{"role": "tool", "content": json.dumps({"said": each})} for each in ("Rain.", "On.")]
    told = lines(web.post("/api/chat", json={**fixed, "messages": history}))
    assert "".join(line["message"]["content"] for line in told) == "Done."
    results = turns(newest(sequence_bridge))[2][1]
    assert [block["content"][0]["text"] for block in results] == ['{"said": "Rain."}', '{"said": "On."}']
    assert len(sequence_bridge.standin.requests) == 2 and len(set(sessions(sequence_bridge))) == 1


def test_open_webui_from_its_container_by_ollama(web: httpx.Client) -> None:
    headers = {"Host": "host.docker.internal:8000", "Authorization": "Bearer none", "X-OpenWebUI-User-Name": "Ada"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", web.get("/api/version", headers=headers).json()["version"])
    listed = web.get("/api/tags", headers=headers).json()["models"]
    assert all(model["model"] and model["name"] for model in listed)
    assert web.get("/api/ps", headers=headers).json()["models"] == []
    body = {
        "model": "sonnet:latest",
        "messages": [{"role": "user", "content": directive(thinking="Hm.", text="Hello there.")}],
        "options": {},
        "stream": True,
        "think": True,
        "metadata": {"chat_id": "1"},
    }
    said = lines(web.post("/api/chat", json=body, headers=headers))
    assert "".join(line["message"].get("thinking", "") for line in said) == "Hm."
    assert "".join(line["message"]["content"] for line in said) == "Hello there."
    assert said[-1]["eval_duration"] > 0 and said[-1]["eval_count"] > 0


def test_open_webui_from_its_container_by_openais_api(web: httpx.Client) -> None:
    headers = {"Host": "host.docker.internal:8000", "Authorization": "Bearer none"}
    assert "sonnet" in [model["id"] for model in web.get("/v1/models", headers=headers).json()["data"]]
    body = {
        "model": "sonnet",
        "messages": [{"role": "user", "content": [{"type": "text", "text": directive(text="Hello there.")}]}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    said = web.post("/v1/chat/completions", json=body, headers=headers)
    assert said.headers["content-type"].startswith("text/event-stream") and '"usage":{' in said.text
    title = {
        "model": "sonnet",
        "messages": [{"role": "user", "content": directive(text='{"title": "A"}')}],
        "stream": False,
    }
    named = web.post("/v1/chat/completions", json={**title, "max_completion_tokens": 1000}, headers=headers).json()
    assert json.loads(named["choices"][0]["message"]["content"]) == {"title": "A"}


def test_obsidian_copilot_from_its_window(web: httpx.Client) -> None:
    origin = {"Origin": "app://obsidian.md"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,authorization"}
    allowed = web.options("/api/chat", headers={**origin, **asked})
    assert allowed.status_code < 300 and allowed.headers["access-control-allow-origin"] == "app://obsidian.md"
    # It sends results without the calls that they answer: the model reads what was said, and nothing is refused.
    history = [
        {"role": "user", "content": "Look it up."},
        {"role": "assistant", "content": "Looking."},
        {"role": "user", "content": directive(thinking="Hm.", text="Found.")},
    ]
    answer = web.post("/api/chat", json={"model": "sonnet", "messages": history, "think": True}, headers=origin)
    assert answer.headers["access-control-allow-origin"] == "app://obsidian.md"
    assert lines(answer)[0]["message"]["thinking"] == "Hm."


def test_continue_shows_chats_with_tools_and_completes(web: httpx.Client) -> None:
    shown = web.post("/api/show", json={"name": "sonnet"}).json()
    for line in shown["parameters"].split("\n"):
        assert re.match(r'^(\S+)\s+((?:".*")|\S+)$', line)
    assert ".Suffix" not in shown["template"]
    assert lines(web.post("/api/chat", json={"model": "sonnet", "messages": [], "keep_alive": 1800}))[-1]["done"]
    body = {
        "model": "sonnet",
        "messages": [{"role": "user", "content": asking("Oslo")}],
        "tools": [WEATHER],
        "stream": False,
        "keep_alive": 1800,
        "options": {"num_predict": 2048, "num_ctx": 8192, "stop": None, "top_k": None},
        "raw": None,
    }
    (wanted,) = web.post("/api/chat", json=body).json()["message"]["tool_calls"]
    assert wanted["function"]["arguments"] == {"city": "Oslo"}
    prompt = "//\n" + directive(text="<fill>sum += x;</fill>") + "\nfor (const x of xs) {\n  "
    completing = {
        "model": "haiku",
        "prompt": prompt,
        "suffix": "\n}\n",
        "max_tokens": 4096,
        "temperature": 0.01,
        "stream": True,
        "stop": ["<fim_prefix>", "/src/", "#- coding: utf-8", "```"],
    }
    answer = web.post("/v1/completions", json=completing)
    pieces = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    assert "".join(piece["choices"][0]["text"] for piece in pieces) == "sum += x;"
    assert web.post("/v1/fim/completions", json=completing).status_code == 404


def test_claude_codes_first_request(web: httpx.Client, sequence_bridge: RunningBridge) -> None:
    """What its terminal sends with any question: a system turn among the messages, betas, and its own tools' names."""
    headers = {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,made-up-2031-01-01",
        "authorization": "Bearer not-needed",
        "x-app": "cli",
    }
    names = ("Bash", "Read", "ToolSearch", "DeferredToolPlaceholder")
    tools = [{"name": name, "description": "", "input_schema": {"type": "object"}} for name in names]
    body = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 32_000,
        "stream": True,
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.332.abc; cc_entrypoint=cli;"},
            {"type": "text", "text": "You are Claude Code.", "cache_control": {"type": "ephemeral"}},
        ],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": directive(tools=[call("Read", file_path="/a")])}]},
            {"role": "system", "content": "Be careful."},
        ],
        "tools": tools,
        "thinking": {"type": "adaptive", "display": "omitted"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "metadata": {"user_id": "{}"},
        "output_config": {"effort": "high"},
    }
    answer = web.post("/v1/messages?beta=true", json=body, headers=headers)
    assert answer.status_code == 200 and '"name":"Read"' in answer.text and "message_stop" in answer.text
    assert "cc_version=2.1.332.abc" not in str(newest(sequence_bridge)["system"])
    assert "Be careful." in str(newest(sequence_bridge)["messages"])
