"""The rules of an answer that hold in every dialect, events in and events out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bridge.chat_bodies import PROPERTY, ask
from tray_bridge.bridge.answer import AnswerShaper, WholeAnswer
from tray_bridge.bridge.dialect import Asked
from tray_bridge.errors import UpstreamError
from tray_bridge.turns import (
    Event,
    Leased,
    RedactedThinking,
    Restarted,
    TextDelta,
    ThinkingDelta,
    ThinkingEnded,
    ToolCallDelta,
    ToolCallStarted,
    TurnEnded,
    TurnStarted,
    Usage,
)

BEGAN = TurnStarted("claude-sonnet-4-6", Usage(input_tokens=10, cache_read_tokens=300))
ENDED = TurnEnded("end_turn", Usage(10, 20))


def shaped(asked: Asked, *events: Event) -> list[Event]:
    shaper = AnswerShaper(asked, streamed=True)
    return [out for event in events for out in shaper.shape(event)]


def test_what_the_pool_says_of_workers_stays_behind_and_the_rest_comes_as_it_is() -> None:
    events: list[Event] = [
        BEGAN,
        ThinkingDelta("hm"),
        ThinkingEnded("sig"),
        RedactedThinking("x"),
        TextDelta("Hi"),
        ENDED,
    ]
    assert shaped(ask(), Leased("generic", 0.1), *events) == events


def test_empty_deltas_are_left_out() -> None:
    assert shaped(ask(), TextDelta(""), ThinkingDelta(""), ToolCallDelta(0, "")) == []


def test_the_start_comes_once() -> None:
    assert shaped(ask(), BEGAN, TextDelta("a"), BEGAN, ENDED) == [BEGAN, TextDelta("a"), ENDED]


def test_hidden_reasoning_is_gone_with_its_signature() -> None:
    events = (ThinkingDelta("hm"), ThinkingEnded("sig"), RedactedThinking("x"), TextDelta("Hi"), ENDED)
    assert shaped(ask(include_reasoning=False), *events) == [TextDelta("Hi"), ENDED]


@pytest.mark.parametrize("after", [TextDelta("x"), ThinkingDelta("x"), ToolCallStarted(1, "b", "g"), ENDED])
def test_an_empty_call_gets_its_object_before_anything_else_comes(after: Event) -> None:
    call = ToolCallStarted(0, "a", "f")
    assert shaped(ask(), call, ToolCallDelta(0, ""), after)[:2] == [call, ToolCallDelta(0, "{}")]


def test_a_call_with_arguments_gets_nothing_added() -> None:
    events: list[Event] = [ToolCallStarted(0, "a", "f"), ToolCallDelta(0, '{"x":1}'), TurnEnded("tool_use")]
    assert shaped(ask(), *events) == events


@pytest.mark.parametrize(
    ("reason", "has_call", "expected"),
    [
        ("tool_use", False, "end_turn"),
        ("end_turn", True, "tool_use"),
        ("max_tokens", True, "max_tokens"),
        ("refusal", False, "refusal"),
        ("pause_turn", False, "pause_turn"),
        ("model_context_window_exceeded", False, "model_context_window_exceeded"),
    ],
)
def test_the_stop_reason_fits_what_the_client_has_seen(reason: Any, has_call: bool, expected: str) -> None:
    said: Event = ToolCallStarted(0, "a", "f") if has_call else TextDelta("x")
    (*_, last) = shaped(ask(), said, TurnEnded(reason))
    assert isinstance(last, TurnEnded)
    assert last.stop_reason == expected


def test_a_stop_string_ends_the_answer_with_the_prompts_count_and_an_estimate() -> None:
    usage = Usage(input_tokens=10, output_tokens=3, cache_read_tokens=300)
    assert shaped(ask(stop=["."]), BEGAN, TextDelta("12345678."), TextDelta("more"), ENDED) == [
        BEGAN,
        TextDelta("12345678"),
        TurnEnded("stop_sequence", usage, "."),
    ]


def test_the_estimate_after_a_stop_string_counts_what_was_written() -> None:
    (*_, end) = shaped(ask(stop=["."]), BEGAN, TextDelta("123."))
    assert isinstance(end, TurnEnded) and end.usage.output_tokens == 1


def test_a_stop_string_after_an_empty_call_still_fills_the_call() -> None:
    call = ToolCallStarted(0, "a", "f")
    *before, end = shaped(ask(stop=["END"]), call, TextDelta("END"))
    assert before == [call, ToolCallDelta(0, "{}")]
    assert isinstance(end, TurnEnded)


@pytest.mark.parametrize(
    "shown", [TextDelta("x"), ThinkingDelta("x"), ToolCallStarted(0, "a", "f"), RedactedThinking("x")]
)
def test_a_streamed_answer_never_begins_twice(shown: Event) -> None:
    with pytest.raises(UpstreamError) as caught:
        shaped(ask(), BEGAN, shown, Restarted())
    assert caught.value.status == 502


def test_a_streamed_answer_may_begin_again_while_nothing_was_shown() -> None:
    events = (BEGAN, TextDelta("EN"), Restarted(), TextDelta("D"), ENDED)
    assert shaped(ask(stop=["END"]), *events) == [BEGAN, TextDelta("D"), ENDED]


def test_the_estimate_of_an_answer_that_begins_again_counts_the_second_time_alone() -> None:
    answer = WholeAnswer(ask(stop=["."]))
    for event in (BEGAN, TextDelta("twelve chars"), Restarted(), TextDelta("123.")):
        answer.add(event)
    (*_, end) = answer.events()
    assert isinstance(end, TurnEnded) and end.usage.output_tokens == 1


def test_a_whole_answer_that_begins_again_is_that_of_the_second_time() -> None:
    answer = WholeAnswer(ask())
    for event in (BEGAN, TextDelta("a"), ToolCallStarted(0, "x", "f"), Restarted(), TextDelta("b"), ENDED, BEGAN):
        answer.add(event)
    assert answer.events() == [BEGAN, TextDelta("b"), ENDED]


PIECES = st.one_of(
    st.builds(TextDelta, st.text("abE", max_size=4)),
    st.builds(ThinkingDelta, st.text("ab", max_size=2)),
    st.just(ToolCallStarted(0, "a", "f")),
    st.builds(lambda piece: ToolCallDelta(0, piece), st.sampled_from(["", "{}", "1"])),
)


@PROPERTY
@given(st.lists(PIECES, max_size=8), st.sampled_from([None, ["E"], ["ab"]]), st.booleans())
def test_streamed_and_whole_are_the_same_events(events: list[Event], stop: Any, shows: bool) -> None:
    asked = ask(stop=stop, include_reasoning=shows)
    answer = WholeAnswer(asked)
    for event in (BEGAN, *events, ENDED):
        answer.add(event)
    streamed = shaped(asked, BEGAN, *events, ENDED)
    assert answer.events() == streamed
    assert sum(isinstance(event, TurnEnded) for event in streamed) == 1
    assert isinstance(streamed[-1], TurnEnded)
