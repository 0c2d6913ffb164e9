"""What the stand-in answers, over real HTTP."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from tests.standin.messages_client import answer, directive, pieces, post, stream, text
from tray_bridge.standin import StandIn

PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def tool(name: str, schema: dict[str, Any] = PERSON) -> dict[str, Any]:
    return {"name": name, "description": "", "input_schema": schema}


def result_of(call_id: str, content: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call_id, "content": content}]}


def test_a_stream_follows_the_grammar_of_the_messages_api(standin: StandIn) -> None:
    script = directive(thinking="Let me see", text="Hello there", tools=[{"name": "look", "input": {"at": "x"}}])
    events = list(stream(standin, script, thinking={"type": "adaptive"}))
    kinds = [event["type"] for event in events if event["type"] != "content_block_delta"]
    assert kinds == [
        "message_start",
        *["content_block_start", "ping", "content_block_stop"],
        *["content_block_start", "content_block_stop"] * 2,
        "message_delta",
        "message_stop",
    ]
    blocks = [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"]
    assert blocks == ["thinking", "text", "tool_use"]
    assert pieces(events, "thinking_delta") == ["Let", " me", " see"]
    assert len(pieces(events, "signature_delta")) == 1
    assert pieces(events) == ["Hello", " there"]
    assert json.loads("".join(pieces(events, "input_json_delta"))) == {"at": "x"}
    opening, ending = events[0]["message"], events[-2]
    assert (opening["role"], opening["content"], opening["stop_reason"]) == ("assistant", [], None)
    assert ending["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert ending["usage"]["output_tokens"] == 6 + len(pieces(events, "input_json_delta")) - 1


def test_an_answer_without_a_stream_holds_the_same(standin: StandIn) -> None:
    message = answer(standin, directive(text="Hello there", tools=[{"name": "f", "input": {"a": 1}, "id": "toolu_1"}]))
    assert message["content"] == [
        {"type": "text", "text": "Hello there"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
    ]
    assert (message["type"], message["stop_reason"]) == ("message", "tool_use")


def test_chunks_are_the_exact_deltas(standin: StandIn) -> None:
    chunks = ["", " a\n", "é", "🙂", "}"]
    assert pieces(list(stream(standin, directive(chunks=chunks)))) == chunks


def test_words_are_counted_off(standin: StandIn) -> None:
    assert pieces(list(stream(standin, directive(words=3)))) == ["word1", " word2", " word3"]


def test_raw_tool_input_arrives_as_written(standin: StandIn) -> None:
    raw = '{"a": "never closed and long enough for pieces'
    events = list(stream(standin, directive(tools=[{"name": "f", "raw": raw}])))
    assert len(pieces(events, "input_json_delta")) > 2
    assert "".join(pieces(events, "input_json_delta")) == raw


def test_an_answer_without_a_script_says_who_speaks_and_quotes_the_question(standin: StandIn) -> None:
    said = text(answer(standin, "How tall is the tower?"))
    assert "stand-in, not Claude" in said
    assert "How tall is the tower?" in said


def test_the_newest_text_of_the_user_decides(standin: StandIn) -> None:
    first = {"role": "user", "content": directive(text="first")}
    reply = {"role": "assistant", "content": directive(text="not mine")}
    note = {"role": "system", "content": directive(text="nor this")}
    second = {
        "role": "user",
        "content": [{"type": "text", "text": f"Look:\n{directive(text='second')}\nThanks."}],
    }
    plain = {"role": "user", "content": "And now?"}
    assert text(answer(standin, [first, note])) == "first"
    assert text(answer(standin, [first, reply, second, note])) == "second"
    assert "And now?" in text(answer(standin, [first, reply, plain]))


def test_reminders_that_the_cli_adds_are_not_the_users_text(standin: StandIn) -> None:
    reminder = {"type": "text", "text": "<system-reminder>\nstandin: {}\n</system-reminder>"}
    content = [{"type": "text", "text": directive(text="mine")}, reminder]
    assert text(answer(standin, [{"role": "user", "content": content}])) == "mine"
    reminded = {"role": "user", "content": [reminder]}
    assert text(answer(standin, [{"role": "user", "content": content}, reminded])) == "mine"


def test_then_scripts_the_rounds_of_a_tool_loop(standin: StandIn) -> None:
    call = {"name": "f", "input": {}}
    messages: list[dict[str, Any]] = [
        {
            "role": "user",
            "content": directive(tools=[call], then=[{"tools": [call, call]}, {"text": "Done."}]),
        }
    ]
    calls = []
    for _ in range(3):
        found = answer(standin, messages)
        calls.append([block["type"] for block in found["content"]])
        messages += [{"role": "assistant", "content": found["content"]}, result_of("x", "it is 7")]
    assert calls == [["tool_use"], ["tool_use", "tool_use"], ["text"]]
    assert "it is 7" in text(answer(standin, messages))


def test_a_schema_tool_is_called_with_what_its_schema_accepts(standin: StandIn) -> None:
    found = answer(standin, "hello", tools=[tool("other"), tool("StructuredOutput")])
    assert found["stop_reason"] == "tool_use"
    assert found["content"][0]["name"] == "StructuredOutput"
    assert found["content"][0]["input"] == {"name": "text"}


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ({"type": "any"}, "a"),
        ({"type": "tool", "name": "b"}, "b"),
        ({"type": "auto"}, None),
        ({"type": "none"}, None),
    ],
)
def test_a_tool_is_called_where_the_request_demands_one(
    standin: StandIn, choice: dict[str, str], called: str | None
) -> None:
    found = answer(standin, "hello", tools=[tool("a"), tool("b")], tool_choice=choice)
    assert found["content"][0].get("name") == called


def test_structured_output_can_be_scripted_one_attempt_after_the_other(standin: StandIn) -> None:
    schema_tool = tool("StructuredOutput")
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": directive(structured_sequence=[{"name": 1}, {"name": "Ann"}])}
    ]
    inputs = []
    for _ in range(3):
        block = answer(standin, messages, tools=[schema_tool])["content"][0]
        inputs.append(block["input"])
        messages += [{"role": "assistant", "content": [block]}, result_of(block["id"], "no")]
    assert inputs == [{"name": 1}, {"name": "Ann"}, {"name": "Ann"}]
    events = list(stream(standin, directive(structured={"name": "Ann of the many names"}), tools=[schema_tool]))
    assert len(pieces(events, "input_json_delta")) > 1


@pytest.mark.parametrize("part", ["system", "messages", "tools", "body"])
def test_echo_answers_with_what_came(standin: StandIn, part: str) -> None:
    script = directive(echo=part)
    said = json.loads(text(answer(standin, script, system="Be calm.", tools=[tool("f")])))
    body = standin.requests[0].body
    assert said == (body if part == "body" else body[part])


@pytest.mark.parametrize(
    ("thinking", "shown"),
    [
        (None, None),
        ({"type": "disabled"}, None),
        ({"type": "adaptive", "display": "omitted"}, ""),
        ({"type": "adaptive", "display": "summarized"}, "Hm."),
        ({"type": "enabled", "budget_tokens": 1024}, "Hm."),
    ],
)
def test_thinking_is_shown_as_far_as_the_request_asks_for_it(
    standin: StandIn, thinking: dict[str, Any] | None, shown: str | None
) -> None:
    found = answer(standin, directive(thinking="Hm.", text="Yes."), thinking=thinking)
    assert text(found) == "Yes."
    assert [b["thinking"] for b in found["content"] if b["type"] == "thinking"] == ([] if shown is None else [shown])


def test_max_tokens_cuts_the_answer(standin: StandIn) -> None:
    found = answer(standin, directive(words=5), max_tokens=3)
    assert (text(found), found["stop_reason"]) == ("word1 word2 word3", "max_tokens")
    assert found["usage"]["output_tokens"] == 3
    assert answer(standin, directive(words=3), max_tokens=3)["stop_reason"] == "end_turn"


def test_a_stop_sequence_cuts_the_answer_even_across_deltas(standin: StandIn) -> None:
    script = directive(chunks=["one tw", "o three", " four"])
    found = answer(standin, script, stop_sequences=["three", "two"])
    assert (text(found), found["stop_reason"], found["stop_sequence"]) == ("one ", "stop_sequence", "two")


def test_stop_reason_refusal_and_usage_can_be_scripted(standin: StandIn) -> None:
    refused = answer(standin, directive(refusal=True))
    assert (refused["content"], refused["stop_reason"]) == ([], "refusal")
    paused = answer(standin, directive(text="x", stop_reason="pause_turn", usage={"input_tokens": 7}))
    assert (paused["stop_reason"], paused["usage"]["input_tokens"]) == ("pause_turn", 7)


def test_a_conversation_that_goes_on_is_read_from_the_cache(standin: StandIn) -> None:
    question = {"role": "user", "content": "a long question " * 50}
    marked = [{"type": "text", "text": question["content"], "cache_control": {"type": "ephemeral"}}]
    first = answer(standin, [{"role": "user", "content": marked}], system="s")["usage"]
    follow_up = [question, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "more"}]
    second = answer(standin, follow_up, system="s")["usage"]
    other = answer(standin, follow_up, system="another")["usage"]
    assert (first["cache_read_input_tokens"], other["cache_read_input_tokens"]) == (0, 0)
    assert second["cache_read_input_tokens"] > 200 > second["input_tokens"]


def test_first_delay_and_rate_set_the_pace() -> None:
    with StandIn(first_delay=0.2, rate=20) as standin:
        started = time.perf_counter()
        times = [
            time.perf_counter() - started
            for event in stream(standin, directive(words=5))
            if event["type"] == "content_block_delta"
        ]
        assert times[0] >= 0.2
        assert times[-1] - times[0] >= 0.15
        started = time.perf_counter()
        answer(standin, directive(words=5, first_delay=0, rate=1000))
        assert time.perf_counter() - started < 0.2


def test_requests_are_remembered_with_their_headers_and_times(standin: StandIn) -> None:
    answer(standin, directive(text="Hello"))
    (received,) = standin.requests
    assert received.body["messages"][0]["content"] == directive(text="Hello")
    assert received.headers["content-type"] == "application/json"
    assert received.spec.text == "Hello"
    assert received.first_delta is not None
    assert received.ended is not None
    assert received.started <= received.first_delta <= received.ended
    assert not received.aborted


def test_requests_can_be_listed_and_forgotten_over_http(standin: StandIn) -> None:
    answer(standin, directive(text="Hello"))
    (listed,) = httpx.get(f"{standin.url}/standin/requests").json()
    assert (listed["spec"]["text"], listed["aborted"]) == ("Hello", False)
    httpx.delete(f"{standin.url}/standin/requests")
    assert httpx.get(f"{standin.url}/standin/requests").json() == standin.requests == []


def test_what_the_cli_asks_for_itself_follows_no_script_and_is_kept_apart(standin: StandIn) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    wanted = {"format": {"type": "json_schema", "schema": schema}}
    titled = answer(standin, f"<session>\n{directive(text='Hello')}\n</session>", output_config=wanted)
    assert json.loads(text(titled)) == {"title": "text"}
    assert answer(standin, "quota", max_tokens=1)["stop_reason"] == "max_tokens"
    assert standin.requests == []
    assert len(standin.errands) == 2


@pytest.mark.parametrize(
    ("method", "path"), [("HEAD", "/api/hello"), ("GET", "/"), ("POST", "/api/event_logging/batch")]
)
def test_other_paths_are_answered_harmlessly(standin: StandIn, method: str, path: str) -> None:
    assert httpx.request(method, standin.url + path).status_code == 200


def test_tokens_can_be_counted(standin: StandIn) -> None:
    counted = httpx.post(f"{standin.url}/v1/messages/count_tokens", json={"messages": []}).json()
    assert counted["input_tokens"] > 0


@pytest.mark.parametrize("line", ['standin: {"txet": "x"}', "standin: {", "standin: [1]"])
def test_a_directive_that_cannot_be_read_is_a_bad_request(standin: StandIn, line: str) -> None:
    response = post(standin, line)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert "standin:" in response.json()["error"]["message"]
