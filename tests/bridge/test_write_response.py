"""The whole answer says what the stream says."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from tests.bridge.chat_bodies import CHAT, PROPERTY, STAMP, USER, StreamedAnswer, ask, read
from tray_bridge.bridge.answer import REFUSAL, WholeAnswer
from tray_bridge.bridge.dialect import Asked
from tray_bridge.bridge.openai_chat.wire import Chunk, WireMessage
from tray_bridge.errors import SessionLostError
from tray_bridge.turns import (
    Event,
    Restarted,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallStarted,
    TurnEnded,
    TurnStarted,
    Usage,
)

USAGE = Usage(10, 20, 300, 4_000, 5)


def collect(chat: Asked, *events: Event) -> dict[str, Any]:
    answer = WholeAnswer(chat)
    for event in events:
        answer.add(event)
    completion = CHAT.whole(chat, STAMP, [answer.events()])
    ChatCompletion.model_validate(completion, strict=True)
    return dict(completion)


def message_of(*events: Event, show_reasoning: bool = True, **fields: Any) -> WireMessage:
    asked = read({"messages": [USER], **fields}, show_reasoning=show_reasoning)
    answer = collect(asked, *events, TurnEnded("end_turn"))
    message: WireMessage = answer["choices"][0]["message"]
    return message


def test_a_completion_has_all_that_openai_gives() -> None:
    began = TurnStarted("claude-sonnet-4-6")
    assert collect(ask(), began, TextDelta("Hel"), TextDelta("lo"), TurnEnded("end_turn", USAGE)) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "claude-sonnet-4-6",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 4_310,
            "completion_tokens": 20,
            "total_tokens": 4_330,
            "prompt_tokens_details": {"cached_tokens": 300},
            "completion_tokens_details": {"reasoning_tokens": 5},
        },
    }


def test_content_is_null_when_there_are_only_calls() -> None:
    message = message_of(ToolCallStarted(0, "a", "f"))
    assert message["content"] is None
    assert message["tool_calls"] == [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    assert message_of(TextDelta("x"), ToolCallStarted(0, "a", "f"))["content"] == "x"
    assert message_of()["content"] == ""


def test_reasoning_is_a_field_of_its_own_and_can_be_hidden() -> None:
    events = (ThinkingDelta("h"), ThinkingDelta("m"), TextDelta("Hi"))
    assert message_of(*events)["reasoning_content"] == "hm"
    assert "reasoning_content" not in message_of(*events, show_reasoning=False)
    assert "reasoning_content" not in message_of(TextDelta("Hi"))


def test_a_refusal_is_filled_in() -> None:
    (choice,) = collect(ask(), TurnEnded("refusal"))["choices"]
    assert choice["finish_reason"] == "content_filter"
    assert choice["message"] == {"role": "assistant", "content": None, "refusal": REFUSAL}


def test_the_older_functions_are_answered_in_their_own_shape() -> None:
    events = (ToolCallStarted(0, "a", "f"), ToolCallDelta(0, "{}"), TurnEnded("tool_use"))
    (choice,) = collect(ask(functions=[{"name": "f"}]), *events)["choices"]
    assert choice["finish_reason"] == "function_call"
    assert choice["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert "tool_calls" not in choice["message"]


def test_an_answer_that_begins_again_is_collected_anew() -> None:
    first = (TurnStarted("m"), TextDelta("a"), ThinkingDelta("b"), ToolCallStarted(0, "x", "f"))
    answer = collect(ask(), *first, Restarted(), TextDelta("c"), TurnEnded("end_turn"))
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "c", "refusal": None}
    assert answer["model"] == "m"


def test_a_stop_string_ends_the_answer() -> None:
    answer = collect(ask(stop="END"), TextDelta("one E"), TextDelta("ND two"), TurnEnded("max_tokens"))
    assert answer["choices"][0]["message"]["content"] == "one "
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_an_answer_without_an_end_is_no_answer() -> None:
    answer = WholeAnswer(ask())
    answer.add(TextDelta("x"))
    with pytest.raises(SessionLostError):
        answer.events()


def test_several_choices_are_one_completion_with_their_usage_summed() -> None:
    answers: list[list[Event]] = [[TextDelta(str(number)), TurnEnded("end_turn", USAGE)] for number in range(3)]
    completion = CHAT.whole(ask(n=3), STAMP, answers)
    assert [(choice["index"], choice["message"]["content"]) for choice in completion["choices"]] == [
        (0, "0"),
        (1, "1"),
        (2, "2"),
    ]
    assert completion["usage"]["total_tokens"] == 3 * 4_330


TEXTS = st.text(st.sampled_from("abE\n☕\ud800"), max_size=6)
DELTAS = st.one_of(
    st.builds(TextDelta, TEXTS),
    st.builds(ThinkingDelta, TEXTS),
    st.lists(st.sampled_from(['{"a"', ":", "1", "}", ""]), max_size=3),  # a call's arguments
)


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """A turn's events as the CLI gives them, calls numbered from 0."""
    events: list[Event] = [TurnStarted("m")]
    calls = 0
    for delta in draw(st.lists(DELTAS, max_size=12)):
        if isinstance(delta, list):
            events.append(ToolCallStarted(calls, f"toolu_{calls}", "f"))
            events += [ToolCallDelta(calls, piece) for piece in delta]
            calls += 1
        else:
            events.append(delta)
    events.append(TurnEnded(draw(st.sampled_from(get_args(StopReason))), USAGE))
    return events


def reassembled(chunks: list[Chunk]) -> tuple[dict[str, Any], list[str]]:
    """What a client puts together from the chunks, and the finish reasons that it saw."""
    message: dict[str, Any] = {"role": "assistant", "content": "", "refusal": None}
    reasons: list[str] = []
    for chunk in chunks:
        for choice in chunk["choices"]:
            delta = choice["delta"]
            message["content"] += delta.get("content") or ""
            if delta.get("reasoning_content"):
                message["reasoning_content"] = message.get("reasoning_content", "") + delta["reasoning_content"]
            if "refusal" in delta:
                message["refusal"] = delta["refusal"]
            for call in delta.get("tool_calls", []):
                calls = message.setdefault("tool_calls", [])
                if "id" in call:
                    assert call["index"] == len(calls)
                    calls.append({"id": call["id"], "type": call["type"], "function": dict(call["function"])})
                else:
                    calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]
            if choice["finish_reason"]:
                reasons.append(choice["finish_reason"])
    return message, reasons


@PROPERTY
@given(answers(), st.sampled_from([None, ["E"], ["ab", "\nE"]]), st.booleans())
def test_the_stream_put_together_is_the_response(events: list[Event], stop: Any, show: bool) -> None:
    body = {"messages": [USER], "stop": stop, "stream": True, "stream_options": {"include_usage": True}}
    chat = read(body, show_reasoning=show)
    streamed = StreamedAnswer(chat)
    chunks: list[Chunk] = [json.loads(line) for event in events for line in streamed.frames(event)]
    chunks += streamed.closing()
    assert [chunk["choices"][0]["delta"].get("role") for chunk in chunks[:-1]] == ["assistant"] + [None] * (
        len(chunks) - 2
    )
    assert chunks[-2]["choices"][0]["delta"] == {}
    message, reasons = reassembled(chunks)
    answer = collect(chat, *events)
    (choice,) = answer["choices"]
    assert reasons == [choice["finish_reason"]]
    assert message == {**choice["message"], "content": choice["message"]["content"] or ""}
    assert chunks[-1]["usage"] == answer["usage"]
    assert chunks[-1]["model"] == answer["model"]
