"""The Messages API over HTTP, with the real CLI before the stand-in."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from tests.e2e.upstream import turns
from tests.faults.test_progress import closed, end, piece, start, text
from tests.messages_grammar import check_frames
from tests.running_bridge import RunningBridge, directive, running_bridge
from tests.tool_loop import sessions
from tray_bridge.claude import token_counter
from tray_bridge.standin import StandIn

BUSY = directive(error={"status": 529, "type": "overloaded_error", "message": "Busy."})
FOO = 21  # what the stand-in counts for `foo`, which Claude Code asks with the tools, and once without any
VERSION = {"anthropic-version": "2026-10-21"}


@pytest.fixture
def messages_bridge(bridge: RunningBridge) -> RunningBridge:
    return bridge


def ask(bridge: RunningBridge, path: str = "/v1/messages", **fields: Any) -> httpx.Response:
    body = {"model": "sonnet", "max_tokens": 200, **fields}
    return httpx.post(f"{bridge.url}{path}", json=body, headers=VERSION, timeout=60)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def read_stream(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"].startswith("text/event-stream")
    frames = []
    for event in answer.text.split("\n\n")[:-1]:
        name, data = event.split("\n")
        frames.append((name.removeprefix("event: "), data.removeprefix("data: ").encode()))
    return check_frames(frames)


def test_an_answer_whole_and_streamed(messages_bridge: RunningBridge) -> None:
    question = [user(directive(text="Hello you", thinking="Hm."))]
    thinking = {"type": "adaptive"}
    whole = ask(messages_bridge, messages=question, thinking=thinking)
    streamed = read_stream(ask(messages_bridge, messages=question, thinking=thinking, stream=True))
    for message in (whole.json(), streamed):
        assert [block["type"] for block in message["content"]] == ["thinking", "text"]
        assert message["content"][1]["text"] == "Hello you"
        assert message["stop_reason"] == "end_turn"
        assert message["usage"]["output_tokens"] > 0
    assert whole.headers["request-id"] == whole.headers["x-request-id"]


def test_thinking_that_comes_back_reaches_the_model_to_the_byte(
    messages_bridge: RunningBridge, standin: StandIn
) -> None:
    tools = [{"name": "Read", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}]
    question = user(directive(thinking="Look first.", tools=[{"name": "Read", "input": {"path": "a"}}]))
    fields: dict[str, Any] = {"tools": tools, "thinking": {"type": "adaptive", "display": "omitted"}}
    answer = ask(messages_bridge, messages=[question], **fields).json()
    thought, call = answer["content"]
    assert (thought["thinking"], call["name"], answer["stop_reason"]) == ("", "Read", "tool_use")
    foreign = {"type": "thinking", "thinking": "Other.", "signature": "EqQB"}
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "x"}
    standin.clear()
    # Another past: no session holds it, so it is written anew, with what was thought.
    messages = [
        user("Before."),
        {"role": "assistant", "content": "Yes?"},
        question,
        {"role": "assistant", "content": [foreign, thought, call]},
        {"role": "user", "content": [result, {"type": "text", "text": directive(text="Done.")}]},
    ]
    answer = ask(messages_bridge, messages=messages, **fields).json()
    assert answer["content"][-1]["text"] == "Done."
    [request] = standin.requests
    sent = [block for message in request.body["messages"] for block in message["content"] if isinstance(block, dict)]
    thoughts = [block for block in sent if block["type"] == "thinking"]
    assert [(block["thinking"], block["signature"]) for block in thoughts] == [("Look first.", "c3RhbmQtaW4=")]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_documents_are_cited(messages_bridge: RunningBridge, standin: StandIn, stream: bool) -> None:
    place = {"type": "char_location", "cited_text": "Grass is green.", "document_index": 0, "document_title": "Facts"}
    cited = {"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": place}}
    said = [text(0), piece(0, "It is "), closed(0), text(1), piece(1, "green"), cited, closed(1)]
    document = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "Grass is green."},
        "title": "Facts",
        "context": "Of a field.",
        "citations": {"enabled": True},
    }
    question = [document, {"type": "text", "text": directive(events=[start(), *said, *end()])}]
    standin.clear()
    answer = ask(messages_bridge, messages=[{"role": "user", "content": question}], stream=stream)
    assert answer.headers.get("x-bridge-ignored") is None
    message = read_stream(answer) if stream else answer.json()
    assert message["content"] == [
        {"type": "text", "text": "It is "},
        {"type": "text", "text": "green", "citations": [place]},
    ]
    sent = [
        block for each in standin.requests[0].body["messages"] if each["role"] == "user" for block in each["content"]
    ]
    assert sent[0] == document
    again = [{"role": "user", "content": question}, {"role": "assistant", "content": message["content"]}, user("Bye")]
    assert ask(messages_bridge, messages=again).status_code == 200
    assert len(set(sessions(messages_bridge))) == 1


def test_a_round_of_tools_finds_its_suspended_session(messages_bridge: RunningBridge, standin: StandIn) -> None:
    tools = [{"name": "Bash", "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}}}]
    script = directive(tools=[{"name": "Bash", "input": {"command": "ls"}}], then=[{"text": "Two files."}])
    first = ask(messages_bridge, messages=[user(script)], tools=tools).json()
    [call] = first["content"]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": [{"type": "text", "text": "a b"}]}
    messages = [
        user(script),
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": [result]},
    ]
    second = ask(messages_bridge, messages=messages, tools=tools).json()
    assert second["content"] == [{"type": "text", "text": "Two files."}]
    assert len(sessions(messages_bridge)) == 2
    assert len(set(sessions(messages_bridge))) == 1
    assert len(standin.requests) == 2


def test_a_thread_sends_only_what_is_new_and_finds_its_session(
    messages_bridge: RunningBridge, standin: StandIn
) -> None:
    first = ask(messages_bridge, messages=[user(directive(text="One."))], thread={"type": "create"}).json()
    thread = {"type": "continue", "previous_message_id": first["id"]}
    second = ask(messages_bridge, messages=[user(directive(text="Two."))], thread=thread).json()
    assert second["content"] == [{"type": "text", "text": "Two."}]
    assert len(standin.requests) == 2
    assert len(set(sessions(messages_bridge))) == 1
    gone = ask(messages_bridge, messages=[user("x")], thread={"type": "continue", "previous_message_id": "msg_never"})
    assert gone.status_code == 404
    assert gone.json()["error"]["details"] == {"error_code": "thread_not_found"}
    odd = ask(messages_bridge, messages=[user("x")], thread={"type": "branch"})
    assert odd.status_code == 400
    told = {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    assert odd.json()["error"]["details"] == told


@pytest.mark.parametrize(
    ("fields", "status", "kind"),
    [
        ({"messages": []}, 400, "invalid_request_error"),
        ({"messages": [user("x")], "model": "nope-9"}, 404, "not_found_error"),
        (
            {"messages": [user(directive(error={"status": 529, "type": "overloaded_error", "message": "Busy."}))]},
            529,
            "overloaded_error",
        ),
        ({"messages": [user("x"), {"role": "assistant", "content": "Once"}]}, 400, "invalid_request_error"),
    ],
)
def test_errors_have_the_shape_that_clients_read(
    messages_bridge: RunningBridge, fields: dict[str, Any], status: int, kind: str
) -> None:
    answer = ask(messages_bridge, **fields)
    assert answer.status_code == status
    error = answer.json()
    assert (error["type"], error["error"]["type"]) == ("error", kind)
    assert error["error"]["message"]
    assert error["request_id"] == answer.headers["request-id"]


def test_a_wrong_path_of_anthropics_is_told_in_its_shape(messages_bridge: RunningBridge) -> None:
    for path in ("/v1/messages/batches", "/v1/complete", "/v1/files"):
        answer = ask(messages_bridge, path)
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")


def test_a_base_url_with_a_version_too_many_is_understood(messages_bridge: RunningBridge) -> None:
    for path in ("/v1/v1/messages", "/api/v1/messages", "/v1/messages?beta=true", "//v1/messages"):
        answer = ask(messages_bridge, path, messages=[user(directive(text="Hello"))])
        assert answer.json()["content"] == [{"type": "text", "text": "Hello"}]


def count(bridge: RunningBridge, **fields: Any) -> tuple[int, str]:
    time.sleep(0.3)  # a snapshot may be older than the end of the last count
    bridge.wait_for(lambda s: not s.pool.busy and not s.pool.starting)
    answer = ask(bridge, "/v1/messages/count_tokens", **fields)
    return answer.json()["input_tokens"], answer.headers["x-bridge-token-count"]


def test_tokens_are_counted_upstream_without_the_model(
    running_standin: StandIn, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    brief: dict[str, Any] = {"system": "Be brief."}
    asked = {"messages": [user("How many words"), {"role": "assistant", "content": "?"}, user("are these?")]}
    tool = {"name": "Read", "description": "Read it well. " * 300, "input_schema": {"type": "object"}}
    with running_bridge(running_standin, pool_size=1, max_sessions=1) as bridge:
        assert not bridge.wait_until_warm(1).pool.no_reuse
        for more in ({}, brief, {"system": "Be quick.", "tools": [tool]}):  # it counts the same text once
            standin.clear()
            tokens, how = count(bridge, **asked, **more)
            assert (tokens, how) == (sum(standin.counted) - FOO * standin.counted.count(FOO), "upstream")
        # Claude Code takes 500 off the count of tools, and counts a tool as it was described to it first.
        for uncounted in ({**tool, "name": "Look", "description": "Look."}, {**tool, "description": "Read."}):
            assert count(bridge, **asked, **brief, tools=[uncounted])[1] == "estimated"
        assert standin.requests == []
        (process,) = bridge.processes()
        answer = ask(bridge, messages=[user(directive(text="Hello"))], **brief).json()
        assert answer["content"] == [{"type": "text", "text": "Hello"}]
        assert turns(standin.requests[-1].body) == [("user", [{"type": "text", "text": directive(text="Hello")}])]
        # A conversation that rests is given up for a count once it has rested for long, and never for its own.
        assert count(bridge, **asked, **brief)[1] == "estimated"
        monkeypatch.setattr(token_counter, "LONG_REST", 0.0)
        goes_on = [user(directive(text="Hello")), {"role": "assistant", "content": "Hello"}, user("And?")]
        assert count(bridge, messages=goes_on, **brief)[1] == "estimated"
        assert count(bridge, **asked, **brief)[1] == "upstream"
        assert bridge.processes() == [process]


def test_tokens_are_estimated_where_no_worker_is_free_or_upstream_does_not_count(
    messages_bridge: RunningBridge, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standin, "counts", False)
    tokens, how = count(messages_bridge, messages=[user("How many words are these?")])
    assert how == "estimated" and 5 <= tokens <= 15
    assert standin.requests == []


def test_models_are_listed_in_the_dialect_of_who_asks(messages_bridge: RunningBridge) -> None:
    messages_bridge.wait_for(lambda s: s.models)
    url = f"{messages_bridge.url}/v1/models"
    listed = httpx.get(url, headers=VERSION).json()
    assert listed["has_more"] is False
    ids = [model["id"] for model in listed["data"]]
    assert {"sonnet", "opus"} <= set(ids)
    assert any(name.startswith("claude-") for name in ids)
    paged: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = httpx.get(url, headers=VERSION, params=query).json()
        assert len(page["data"]) <= 2
        paged += [model["id"] for model in page["data"]]
        if not page["has_more"]:
            break
        query["after_id"] = page["last_id"]
    assert paged == ids
    one = httpx.get(f"{url}/sonnet", headers=VERSION).json()
    assert (one["type"], one["id"]) == ("model", "sonnet")
    assert httpx.get(url).json()["object"] == "list"
    assert httpx.get(f"{url}/sonnet").json()["object"] == "model"


def test_the_bridges_own_claude_code_is_refused(messages_bridge: RunningBridge) -> None:
    headers = {**VERSION, "x-client-app": "tray-bridge/0.1.0"}
    body = {"model": "sonnet", "messages": [user("x")]}
    answer = httpx.post(f"{messages_bridge.url}/v1/messages", json=body, headers=headers)
    assert answer.status_code == 400
    assert "ANTHROPIC_BASE_URL" in answer.json()["error"]["message"]


def test_every_stream_is_json_by_line(messages_bridge: RunningBridge) -> None:
    answer = ask(messages_bridge, messages=[user(directive(text="a\u2028b"))], stream=True)
    data = [line.removeprefix("data: ") for line in answer.text.split("\n") if line.startswith("data: ")]
    assert all(isinstance(json.loads(line), dict) for line in data)


def test_tools_that_bear_the_names_of_claude_codes_own_reach_the_model(
    messages_bridge: RunningBridge, standin: StandIn
) -> None:
    names = ["Agent", "Bash", "DeferredToolPlaceholder", "Read", "Task", "ToolSearch", "WebFetch"]
    tools = [{"name": name, "input_schema": {"type": "object", "properties": {}}} for name in names]
    standin.clear()
    answer = ask(messages_bridge, messages=[user(directive(text="Hello"))], tools=tools)
    assert answer.status_code == 200
    assert sorted(tool["name"] for tool in standin.requests[0].body["tools"]) == names
