"""The stream's grammar, the whole answer, and what is stored of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tests.bridge.chat_bodies import PROPERTY
from tests.bridge.responses_bodies import DIALECT, STAMP, Wire, ask, frames_of, read, refusal_of, stream_of
from tray_bridge.bridge.dialect import Asked, Failure
from tray_bridge.bridge.openai_responses.thinking_token import from_token
from tray_bridge.turns import (
    Event,
    Message,
    RedactedThinking,
    StopReason,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ThinkingEnded,
    ToolCallDelta,
    ToolCallStarted,
    ToolUse,
    TurnEnded,
    TurnStarted,
    Usage,
)

FIELDS = """
    id object created_at completed_at status incomplete_details model previous_response_id instructions output error
    tools tool_choice truncation parallel_tool_calls text top_p presence_penalty frequency_penalty top_logprobs
    temperature reasoning user usage max_output_tokens max_tool_calls store background service_tier metadata
    safety_identifier prompt_cache_key
""".split()
TOOLS: list[Wire] = [
    {"type": "function", "name": "f"},
    {"type": "custom", "name": "patch"},
    {"type": "namespace", "name": "ns", "description": "Of two.", "tools": [{"type": "function", "name": "g"}]},
]
STARTED = TurnStarted("claude-sonnet-4-6")
END = TurnEnded("end_turn", Usage(5, 7, 2, 3, 1))
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def kinds(events: Sequence[Wire]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def test_a_message_is_announced_filled_and_completed() -> None:
    events = stream_of(ask(), [STARTED, TextDelta("Hel"), TextDelta("lo"), END])
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert events[2]["item"]["content"] == [] and events[3]["part"]["text"] == ""
    assert events[0]["response"]["output"] == [] and events[0]["response"]["usage"] is None
    assert events[-1]["response"]["output"] == [events[-2]["item"]]
    assert events[-1]["response"]["model"] == "claude-sonnet-4-6"
    assert events[-1]["response"]["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 3},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 17,
    }


def test_each_frame_is_named_by_its_type() -> None:
    for frame in frames_of(ask(), [STARTED, TextDelta("é\u2028"), END]):
        assert json.loads(frame.data)["type"] == frame.name
        assert frame.data.isascii()


def test_nothing_is_written_before_there_is_something_to_show() -> None:
    assert stream_of(ask(), [STARTED]) == []


def test_a_call_without_text_opens_no_message() -> None:
    events = stream_of(ask(tools=TOOLS), [STARTED, ToolCallStarted(0, "toolu_1", "f"), ToolCallDelta(0, "{}"), END])
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["function_call"]
    assert kinds(events)[2:-1] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert events[2]["item"]["arguments"] == "" and events[2]["item"]["status"] == "in_progress"
    assert events[-2]["item"] == {**events[2]["item"], "arguments": "{}", "status": "completed"}
    assert events[4]["name"] == "f"


def test_a_call_of_a_namespace_is_given_back_in_its_own_name() -> None:
    events = stream_of(ask(tools=TOOLS), [STARTED, ToolCallStarted(0, "toolu_1", "ns__g"), ToolCallDelta(0, "{}"), END])
    (item,) = events[-1]["response"]["output"]
    assert (item["name"], item["namespace"], item["type"]) == ("g", "ns", "function_call")


@pytest.mark.parametrize("text", ["", "plain", 'quo"te \\ back\nline\ttab', "é😀\u2028\x00", "\\u0041 {}"])
@pytest.mark.parametrize("cut", [1, 2, 3, 1000])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_custom_call_gives_bare_text_however_its_json_is_cut(text: str, cut: int, ascii_only: bool) -> None:
    arguments = json.dumps({"input": text}, ensure_ascii=ascii_only)
    pieces = [arguments[at : at + cut] for at in range(0, len(arguments), cut)]
    events: list[Event] = [STARTED, ToolCallStarted(0, "toolu_1", "patch"), *(ToolCallDelta(0, p) for p in pieces), END]
    written = stream_of(ask(tools=TOOLS), events)
    (item,) = written[-1]["response"]["output"]
    assert (item["type"], item["input"]) == ("custom_tool_call", text)
    deltas = [event["delta"] for event in written if event["type"] == "response.custom_tool_call_input.delta"]
    assert "".join(deltas) == text
    assert len(deltas) > 1 or cut > 3 or len(text) < 4


@pytest.mark.parametrize(
    ("arguments", "text"), [("{}", ""), ('{"text": "x"}', '{"text": "x"}'), ('{"input": "cut o', "cut o"), ("[", "[")]
)
def test_a_custom_call_of_another_form_is_given_as_it_came(arguments: str, text: str) -> None:
    events: list[Event] = [STARTED, ToolCallStarted(0, "t", "patch"), ToolCallDelta(0, arguments), END]
    assert stream_of(ask(tools=TOOLS), events)[-1]["response"]["output"][0]["input"] == text


THOUGHT: list[Event] = [
    STARTED,
    ThinkingDelta("Count"),
    ThinkingDelta(" first."),
    ThinkingEnded("sig"),
    TextDelta("4"),
    END,
]


def test_thinking_is_an_item_of_its_own_before_the_message() -> None:
    events = stream_of(ask(), THOUGHT)
    assert kinds(events)[2:10] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
    ]
    reasoning, message = events[-1]["response"]["output"]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Count first."}]
    assert "encrypted_content" not in reasoning and message["content"][0]["text"] == "4"
    assert [event["output_index"] for event in events[2:-1]] == [0] * 7 + [1] * 6


def test_encrypted_content_gives_the_signed_thinking_when_asked() -> None:
    asked = ask(include=["reasoning.encrypted_content"])
    reasoning, _ = stream_of(asked, THOUGHT)[-1]["response"]["output"]
    assert from_token(reasoning["encrypted_content"]) == Thinking("Count first.", "sig", STARTED.model)
    hidden, _ = stream_of(asked, [STARTED, RedactedThinking("xyz"), TextDelta("4"), END])[-1]["response"]["output"]
    assert from_token(hidden["encrypted_content"]) == RedactedThinking("xyz", STARTED.model) and hidden["summary"] == []


def test_an_answer_that_hit_its_limit_is_incomplete() -> None:
    events = stream_of(ask(), [STARTED, TextDelta("Hel"), TurnEnded("max_tokens")])
    assert kinds(events)[-1] == "incomplete"
    assert events[-1]["response"]["status"] == "incomplete"
    assert events[-1]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert events[-2]["item"]["status"] == "incomplete"


def test_a_refusal_is_incomplete_because_of_its_content() -> None:
    response = stream_of(ask(), [STARTED, TurnEnded("refusal")])[-1]["response"]
    assert response["incomplete_details"] == {"reason": "content_filter"} and response["output"] == []
    assert response["store"] is False


@pytest.mark.parametrize(
    ("kind", "wait", "message"),
    [
        ("rate_limit", 6.2, "Slow down. Please try again in 7s."),
        ("rate_limit", None, "Slow down."),
        ("overloaded", 6.2, "Slow down."),
    ],
)
def test_a_stream_that_breaks_off_at_a_rate_limit_says_how_long_to_wait(kind: Any, wait: Any, message: str) -> None:
    failure = Failure(429, kind, "Slow down.", retry_after=wait)
    (*_, frame) = DIALECT.error_frames(failure, [DIALECT.writer(ask(), STAMP, 0)])
    assert json.loads(frame.data)["response"]["error"]["message"] == message


def test_a_stream_that_breaks_off_ends_with_one_failed_event() -> None:
    writer = DIALECT.writer(ask(), STAMP, 0)
    frames = [frame for event in (STARTED, TextDelta("Hel")) for frame in writer.write(event)]
    (frame,) = DIALECT.error_frames(Failure(529, "overloaded", "Too busy."), [writer])
    failed = json.loads(frame.data)
    assert (frame.name, failed["sequence_number"]) == ("response.failed", len(frames))
    assert failed["response"]["status"] == "failed" and "error" not in failed
    assert failed["response"]["error"] == {"code": "server_error", "message": "Too busy."}
    assert failed["response"]["output"][0]["content"][0]["text"] == "Hel"
    assert failed["response"]["store"] is False


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (Failure(429, "rate_limit", "x", code="rate_limit_exceeded"), "rate_limit_exceeded"),
        (Failure(429, "quota", "x"), "insufficient_quota"),
        (Failure(529, "overloaded", "x", code="overloaded"), "server_error"),
        (Failure(400, "invalid_request", "x", code="context_length_exceeded"), "context_length_exceeded"),
        (Failure(500, "internal", "x"), "server_error"),
    ],
)
def test_codes_by_which_clients_try_again(failure: Failure, code: str) -> None:
    writer = DIALECT.writer(ask(), STAMP, 0)
    frame = DIALECT.error_frames(failure, [writer])[-1]
    assert json.loads(frame.data)["response"]["error"]["code"] == code


def test_a_stream_that_fails_before_its_first_item_is_begun_all_the_same() -> None:
    """A keep-alive may have gone out before, so that it cannot be a status any more."""
    frames = DIALECT.error_frames(Failure(529, "overloaded", "Too busy."), [DIALECT.writer(ask(), STAMP, 0)])
    assert [frame.name for frame in frames] == ["response.created", "response.in_progress", "response.failed"]
    events = [json.loads(frame.data) for frame in frames]
    assert [event["sequence_number"] for event in events] == [0, 1, 2]
    assert [event["response"]["status"] for event in events] == ["in_progress", "in_progress", "failed"]


def test_all_fields_are_there_in_every_state_and_form() -> None:
    asked = ask(tools=TOOLS[:1])
    events = stream_of(asked, [STARTED, TextDelta("x"), END])
    whole = DIALECT.whole(asked, STAMP, [[STARTED, TextDelta("x"), END]])
    for response in (events[0]["response"], events[-1]["response"], whole):
        assert set(FIELDS) <= set(response)
    assert set(whole) == set(events[0]["response"])


def test_the_answer_repeats_what_was_asked() -> None:
    asked = ask(
        tools=TOOLS[:1],
        tool_choice="required",
        instructions="Be brief.",
        metadata={"a": "b"},
        max_output_tokens=9,
        parallel_tool_calls=False,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_object"}},
        store=False,
    )
    whole = DIALECT.whole(asked, STAMP, [[STARTED, END]])
    assert whole["tools"] == [
        {"type": "function", "name": "f", "description": None, "parameters": None, "strict": False}
    ]
    echoed = "tool_choice instructions metadata max_output_tokens parallel_tool_calls reasoning text store".split()
    assert [whole[name] for name in echoed] == [
        "required",
        "Be brief.",
        {"a": "b"},
        9,
        False,
        {"effort": "low", "summary": "auto"},
        {"format": {"type": "json_object"}},
        False,
    ]
    assert DIALECT.whole(ask(), STAMP, [[STARTED, END]])["text"] == {"format": {"type": "text"}}


def test_the_answer_repeats_what_means_nothing_here() -> None:
    fields: dict[str, Any] = {
        "frequency_penalty": 0.25,
        "max_tool_calls": 3,
        "presence_penalty": 0.5,
        "prompt_cache_key": "cache",
        "safety_identifier": "someone",
        "temperature": 0.75,
        "top_p": 0.5,
    }
    whole = DIALECT.whole(ask(**fields), STAMP, [[STARTED, END]])
    assert {name: whole[name] for name in fields} == fields


TEXT = st.text(min_size=1, max_size=6)
PARTS = st.one_of(
    st.lists(TEXT, min_size=1, max_size=3).map(lambda texts: [TextDelta(text) for text in texts]),
    st.tuples(st.lists(TEXT, max_size=3), st.text(max_size=4)).map(
        lambda thought: [*map(ThinkingDelta, thought[0]), ThinkingEnded(thought[1])]
    ),
    st.builds(lambda data: [RedactedThinking(data)], TEXT),
    st.tuples(st.sampled_from(["f", "patch", "ns__g"]), TEXT).map(
        lambda call: [
            ToolCallStarted(0, f"toolu_{call[0]}", call[0]),
            *(ToolCallDelta(0, piece) for piece in ('{"inp', 'ut": ', f"{json.dumps(call[1])}}}")),
        ]
    ),
)
ANSWERS = st.tuples(st.lists(PARTS, max_size=6), st.sampled_from(get_args(StopReason))).map(
    lambda answer: [STARTED, *(event for part in answer[0] for event in part), TurnEnded(answer[1])]
)


@given(ANSWERS, st.booleans())
@PROPERTY
def test_every_stream_keeps_the_grammar_and_adds_up_to_the_object(answer: list[Event], encrypted: bool) -> None:
    asked = ask(tools=TOOLS, include=["reasoning.encrypted_content"] if encrypted else None)
    events = stream_of(asked, answer)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    for event in events:
        EVENT.validate_python(event)
    assert kinds(events)[:2] == ["created", "in_progress"]
    last = events[-1]["response"]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    added = [event["item"] for event in events if event["type"] == "response.output_item.added"]
    assert last["output"] == done and [item["id"] for item in added] == [item["id"] for item in done]
    assert len({item["id"] for item in done}) == len(done)
    assert _assembled(events) == [_content(item) for item in done]
    assert DIALECT.whole(asked, STAMP, [answer]) == last
    Response.model_validate(last)


def _assembled(events: Sequence[Wire]) -> list[str]:
    """What the deltas of each item add up to; each item is open alone and in order."""
    texts: list[str] = []
    is_open = False
    for event in events:
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            assert not is_open and event["output_index"] == len(texts)
            is_open = True
            texts.append("")
        elif kind == "output_item.done":
            assert is_open
            is_open = False
        elif "output_index" in event:
            assert is_open and event["output_index"] == len(texts) - 1
            texts[-1] += event.get("delta", "")
    assert not is_open
    return texts


def _content(item: Wire) -> str:
    if item["type"] == "message":
        return str(item["content"][0]["text"])
    if item["type"] == "reasoning":
        return "".join(part["text"] for part in item["summary"])
    return str(item.get("arguments", item.get("input")))


def _stored(asked: Asked, *events: Event) -> dict[str, Any]:
    return dict(DIALECT.kept(asked, STAMP, [[STARTED, *events]]))


def test_a_stored_answer_is_what_was_sent_and_carries_a_chain_on() -> None:
    events: list[Event] = [ThinkingDelta("Count."), ThinkingEnded("sig"), TextDelta("4"), END]
    asked = ask({"role": "user", "content": "2+2?"}, {"role": "developer", "content": "Short."}, instructions="Gone.")
    stored = _stored(asked, *events)
    assert stored[STAMP.id]["answer"] == DIALECT.whole(asked, STAMP, [[STARTED, *events]])
    body = {"input": "And 3+3?", "previous_response_id": STAMP.id}
    assert DIALECT.stored_ids(body) == [STAMP.id]
    turn = read(body, json.loads(json.dumps(stored))).turn
    assert turn.system == ("Short.",)
    assert turn.messages == (
        Message("user", (Text("2+2?"),)),
        Message("assistant", (Thinking("Count.", "sig", STARTED.model), Text("4"))),
        Message("user", (Text("And 3+3?"),)),
    )


def test_an_answer_that_is_not_to_be_kept_is_not() -> None:
    assert _stored(ask(store=False), TextDelta("x"), END) == {}
    assert _stored(ask(), TurnEnded("refusal")) == {}
    assert _stored(ask(), TextDelta("x"), TurnEnded("max_tokens"))


def test_a_chain_with_a_gap_is_refused_in_openais_words() -> None:
    stored = _stored(ask(), TextDelta("x"), END)
    child = {**stored[STAMP.id], "parent": "resp_gone"}
    error = refusal_of({"input": "Hi", "previous_response_id": STAMP.id}, {STAMP.id: child})
    assert (error.code, error.param) == ("previous_response_not_found", "previous_response_id")
    assert "send the whole conversation" in str(error)


def test_references_to_stored_items_are_resolved() -> None:
    stored = _stored(ask(tools=TOOLS), ToolCallStarted(0, "toolu_1", "f"), ToolCallDelta(0, '{"x": 1}'), END)
    call = stored[STAMP.id]["output"][0]
    output = {"type": "function_call_output", "call_id": "toolu_1", "output": "one"}
    for reference in ({"type": "item_reference", "id": call["id"]}, {"id": call["id"]}):
        body = {"input": [{"role": "user", "content": "Hi"}, reference, output]}
        assert DIALECT.stored_ids(body) == [STAMP.id]
        assert read(body, stored).turn.messages[1].content == (ToolUse("toolu_1", "f", {"x": 1}),)


def test_records_of_other_dialects_are_unknown_here() -> None:
    thread: Wire = {"parent": None, "dialect": "anthropic_messages", "messages": []}
    error = refusal_of({"input": "Hi", "previous_response_id": "msg_1"}, {"msg_1": thread})
    assert error.code == "previous_response_not_found"
    assert read({"input": "Hi"}, {"msg_1": thread}).turn.messages
