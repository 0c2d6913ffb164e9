"""Messages: what a turn's events become, streamed and whole, is one message in a grammar that strict readers take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.messages_grammar import check_frames
from tray_bridge.bridge.answer import AnswerShaper, WholeAnswer
from tray_bridge.bridge.anthropic_messages.dialect import DIALECT
from tray_bridge.bridge.anthropic_messages.options import Options
from tray_bridge.bridge.anthropic_messages.signature import unseal
from tray_bridge.bridge.anthropic_messages.usage import write_usage
from tray_bridge.bridge.dialect import Asked, Failure, Stamp
from tray_bridge.bridge.estimate_tokens import estimate_turn
from tray_bridge.turns import (
    Event,
    Message,
    RedactedThinking,
    Text,
    TextDelta,
    TextEnded,
    Thinking,
    ThinkingDelta,
    ThinkingEnded,
    ToolCallDelta,
    ToolCallStarted,
    Turn,
    TurnEnded,
    TurnStarted,
    Usage,
)

STAMP = Stamp("msg_1", 1)
TURN = Turn("sonnet", (Message("user", (Text("Hello, how are you?"),)),))
SONNET = "claude-sonnet-5"
STARTED = TurnStarted(SONNET, Usage(12, 1, 3, 4))
ENDED = TurnEnded("end_turn", Usage(12, 7, 3, 4))


def asked(*, omitted: bool = False, stop: tuple[str, ...] = (), shows: bool = True) -> Asked:
    turn = Turn(TURN.model, TURN.messages, stop=stop)
    return Asked(turn, "sonnet", True, show_reasoning=shows, options=Options(omit_thinking=omitted))


def streamed(events: Sequence[Event], request: Asked | None = None) -> dict[str, Any]:
    request = request or asked()
    shaper, writer = AnswerShaper(request), DIALECT.writer(request, STAMP, 0)
    frames = [
        (frame.name, frame.data) for event in events for shaped in shaper.shape(event) for frame in writer.write(shaped)
    ]
    return check_frames(frames)


def whole(events: Sequence[Event], request: Asked | None = None) -> dict[str, Any]:
    request = request or asked()
    answer = WholeAnswer(request)
    for event in events:
        answer.add(event)
    return dict(DIALECT.whole(request, STAMP, [answer.events()]))


def test_text_is_one_block_and_usage_is_told_at_both_ends() -> None:
    message = streamed([STARTED, TextDelta("Hel"), TextDelta('lo "you"\u2028'), ENDED])
    assert message == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "sonnet",
        "content": [{"type": "text", "text": 'Hello "you"\u2028'}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 12,
            "output_tokens": 7,
            "cache_read_input_tokens": 3,
            "cache_creation_input_tokens": 4,
        },
    }


def test_a_prompt_of_unknown_size_is_never_told_as_empty() -> None:
    message = streamed([TurnStarted("m"), TextDelta("a"), TurnEnded("end_turn", Usage(0, 1))])
    assert message["content"] == [{"type": "text", "text": "a"}]


@pytest.mark.parametrize("told", [(5, 0, 0), (0, 5, 0), (0, 0, 5), (5, 5, 0), (5, 0, 5), (0, 5, 5)])
def test_a_prompt_whose_size_is_known_is_told_as_it_is(told: tuple[int, int, int]) -> None:
    """The first frame has what the model counted; only where it counted nothing, an estimate."""
    usage = Usage(told[0], 0, told[1], told[2])
    [frame] = DIALECT.writer(asked(), STAMP, 0).write(TurnStarted(SONNET, usage))
    assert json.loads(frame.data)["message"]["usage"] == write_usage(usage)
    [frame] = DIALECT.writer(asked(), STAMP, 0).write(TurnStarted(SONNET, Usage()))
    assert json.loads(frame.data)["message"]["usage"] == write_usage(Usage(estimate_turn(TURN)))


def test_an_empty_answer_has_no_blocks() -> None:
    assert streamed([STARTED, ENDED])["content"] == []
    assert whole([STARTED, ENDED])["content"] == []


def test_two_runs_of_thinking_are_two_blocks_each_with_its_own_signature() -> None:
    events: list[Event] = [STARTED, ThinkingDelta("a"), ThinkingEnded("S1"), ThinkingDelta("b"), ThinkingEnded("S2")]
    blocks = streamed([*events, TextDelta("c"), ENDED])["content"]
    assert [unseal(block) for block in blocks] == [Thinking("a", "S1", SONNET), Thinking("b", "S2", SONNET), None]


def test_omitted_thinking_has_no_text_and_comes_back_whole() -> None:
    request = asked(omitted=True)
    for message in (
        streamed([STARTED, ThinkingDelta("a"), ThinkingDelta("ß"), ThinkingEnded("S"), ENDED], request),
        whole([STARTED, ThinkingDelta("a"), ThinkingDelta("ß"), ThinkingEnded("S"), ENDED], request),
    ):
        [block] = message["content"]
        assert block["thinking"] == ""
        assert unseal(block) == Thinking("aß", "S", SONNET)


def test_thinking_that_was_not_asked_for_is_not_shown() -> None:
    events: list[Event] = [
        STARTED,
        ThinkingDelta("a"),
        ThinkingEnded("S"),
        RedactedThinking("R"),
        TextDelta("b"),
        ENDED,
    ]
    assert streamed(events, asked(shows=False))["content"] == [{"type": "text", "text": "b"}]


def test_encrypted_thinking_comes_whole_and_comes_back() -> None:
    [block] = streamed([STARTED, RedactedThinking("R"), ENDED])["content"]
    assert unseal(block) == RedactedThinking("R", SONNET)


def test_calls_end_as_objects_and_say_why_the_answer_ended() -> None:
    events: list[Event] = [
        STARTED,
        TextDelta("Let me see."),
        ToolCallStarted(0, "toolu_1", "Bash"),
        ToolCallDelta(0, '{"command": '),
        ToolCallDelta(0, '"ls"}'),
        ToolCallStarted(1, "toolu_2", "Read"),
        TurnEnded("tool_use", Usage(1, 1)),
    ]
    for message in (streamed(events), whole(events)):
        assert message["stop_reason"] == "tool_use"
        assert message["content"] == [
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}},
            {"type": "tool_use", "id": "toolu_2", "name": "Read", "input": {}},
        ]


def test_each_text_of_a_cited_answer_is_a_block_with_its_citations() -> None:
    place = {"type": "char_location", "cited_text": "Green.", "document_index": 0}
    events: list[Event] = [
        STARTED,
        TextDelta("It is "),
        TextEnded(),
        TextDelta("green"),
        TextEnded((place, {**place, "document_index": 1})),
        TextEnded(),
        TextDelta("."),
        ENDED,
    ]
    for message in (streamed(events), whole(events)):
        assert message["content"] == [
            {"type": "text", "text": "It is "},
            {"type": "text", "text": "green", "citations": [place, {**place, "document_index": 1}]},
            {"type": "text", "text": "."},
        ]
    cut = streamed([STARTED, TextDelta("a E"), TextEnded((place,)), TextDelta("b"), ENDED], asked(stop=("END",)))
    assert [block["text"] for block in cut["content"]] == ["a E", "b"]


def test_a_stop_string_is_named() -> None:
    message = streamed([STARTED, TextDelta("a EN"), TextDelta("D b")], asked(stop=("END",)))
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")
    assert message["content"] == [{"type": "text", "text": "a "}]


def test_a_stream_that_fails_ends_with_an_error_and_no_stop() -> None:
    (frame,) = DIALECT.error_frames(Failure(529, "overloaded", "Busy.", request_id="req_1"), [])
    assert frame.name == "error"
    assert json.loads(frame.data) == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Busy."},
        "request_id": "req_1",
    }


TEXTS = st.text(max_size=6)
PARTS = st.one_of(
    st.builds(lambda texts: [TextDelta(text) for text in texts], st.lists(TEXTS, max_size=3)),
    st.builds(
        lambda texts, signature: [*map(ThinkingDelta, texts), ThinkingEnded(signature)],
        st.lists(TEXTS, max_size=3),
        st.text(st.characters(codec="ascii"), max_size=4),
    ),
    st.builds(lambda data: [RedactedThinking(data)], TEXTS),
    st.builds(lambda text, cited: [TextDelta(text), TextEnded(({"type": "x"},) * cited)], TEXTS, st.integers(0, 2)),
    st.just([ToolCallStarted(0, "call", "f")]),
    st.builds(
        lambda value: [ToolCallStarted(0, "call", "f"), *(ToolCallDelta(0, c) for c in json.dumps({"a": value}))],
        TEXTS,
    ),
)


@given(st.lists(PARTS, max_size=6), st.booleans(), st.booleans())
def test_whatever_comes_is_streamed_in_the_grammar_and_is_the_same_whole(
    parts: list[list[Event]], omitted: bool, shows: bool
) -> None:
    events: list[Event] = [STARTED]
    calls = 0
    for part in parts:
        for event in part:
            if isinstance(event, ToolCallStarted):
                event, calls = ToolCallStarted(calls, f"toolu_{calls}", "f"), calls + 1
            elif isinstance(event, ToolCallDelta):
                event = ToolCallDelta(calls - 1, event.partial_json)
            events.append(event)
    events.append(TurnEnded("tool_use" if calls else "end_turn", Usage(1, 1)))
    request = asked(omitted=omitted, shows=shows)
    answer = whole(events, request)
    message = streamed(events, request)
    assert message["content"] == answer["content"]
    assert (message["stop_reason"], message["id"]) == (answer["stop_reason"], answer["id"])


def test_a_silence_is_filled_by_a_ping() -> None:
    frame = DIALECT.keep_alive(asked(), STAMP)
    assert frame is not None and (frame.name, json.loads(frame.data)) == ("ping", {"type": "ping"})
