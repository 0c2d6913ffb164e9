"""Chunks follow OpenAI's grammar exactly: strict clients read each of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from tests.bridge.chat_bodies import CHAT, STAMP, USER, StreamedAnswer, read
from tray_bridge.bridge.answer import REFUSAL
from tray_bridge.bridge.frames import json_frame
from tray_bridge.bridge.openai_chat.usage import sum_usage
from tray_bridge.bridge.openai_chat.wire import Chunk
from tray_bridge.bridge.openai_chat.write import usage_chunk
from tray_bridge.errors import UpstreamError
from tray_bridge.turns import (
    Event,
    Restarted,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallStarted,
    TurnEnded,
    TurnStarted,
    Usage,
)

USAGE = Usage(input_tokens=10, output_tokens=20, cache_read_tokens=300, cache_creation_tokens=4_000, thinking_tokens=5)
BEGAN = TurnStarted("claude-sonnet-4-6", Usage(input_tokens=10, cache_read_tokens=300))
ENDED = TurnEnded("end_turn", USAGE)


def writer(show_reasoning: bool = True, index: int = 0, **fields: Any) -> StreamedAnswer:
    asked = read({"model": "sonnet", "messages": [USER], **fields}, show_reasoning=show_reasoning)
    return StreamedAnswer(asked, index)


def chunks_of(*events: Event, show_reasoning: bool = True, **fields: Any) -> list[Chunk]:
    made = writer(show_reasoning, **fields)
    return [*(chunk for event in events for chunk in made.write(event)), *made.closing()]


def story(chunks: list[Chunk]) -> list[Any]:
    """Each chunk's delta, or its finish reason."""
    return [choice["finish_reason"] or choice["delta"] for chunk in chunks for choice in chunk["choices"]]


def test_an_answer_is_role_text_and_finish_reason() -> None:
    chunks = chunks_of(BEGAN, TextDelta("Hel"), TextDelta("lo"), ENDED)
    assert story(chunks) == [{"role": "assistant", "content": ""}, {"content": "Hel"}, {"content": "lo"}, "stop"]
    assert chunks[-1]["choices"][0]["delta"] == {}


def test_every_chunk_is_one_that_the_openai_library_knows() -> None:
    chunks = chunks_of(
        BEGAN,
        ThinkingDelta("hm"),
        TextDelta("Hi"),
        ToolCallStarted(0, "toolu_1", "f"),
        ToolCallDelta(0, "{}"),
        TurnEnded("tool_use", USAGE),
        stream_options={"include_usage": True},
    )
    for chunk in chunks:
        read = ChatCompletionChunk.model_validate(chunk, strict=True)
        assert (read.id, read.object, read.created, read.model) == (
            "chatcmpl-1",
            "chat.completion.chunk",
            1,
            "claude-sonnet-4-6",
        )


def test_nothing_is_said_before_the_model_says_something() -> None:
    assert chunks_of(BEGAN) == []
    assert chunks_of(BEGAN, TextDelta(""), ThinkingDelta(""), ToolCallDelta(0, "")) == []


def test_an_empty_answer_still_has_its_role_and_end() -> None:
    assert story(chunks_of(BEGAN, ENDED)) == [{"role": "assistant", "content": ""}, "stop"]


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("tool_use", "stop")],
)
def test_finish_reasons_without_calls(stop_reason: Any, finish_reason: str) -> None:
    assert story(chunks_of(TextDelta("x"), TurnEnded(stop_reason)))[-1] == finish_reason


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [("tool_use", "tool_calls"), ("end_turn", "tool_calls"), ("max_tokens", "length")],
)
def test_finish_reasons_with_calls(stop_reason: Any, finish_reason: str) -> None:
    assert story(chunks_of(ToolCallStarted(0, "a", "f"), TurnEnded(stop_reason)))[-1] == finish_reason


def test_a_refusal_is_told_before_its_finish_reason() -> None:
    chunks = chunks_of(BEGAN, TextDelta("I "), TurnEnded("refusal"))
    assert story(chunks)[2:] == [{"refusal": REFUSAL}, "content_filter"]


def test_reasoning_goes_out_beside_the_content_and_can_be_hidden() -> None:
    events = (BEGAN, ThinkingDelta("hm"), TextDelta("Hi"), ENDED)
    assert story(chunks_of(*events)) == [
        {"role": "assistant", "content": None},
        {"reasoning_content": "hm"},
        {"content": "Hi"},
        "stop",
    ]
    hidden = [{"role": "assistant", "content": ""}, {"content": "Hi"}, "stop"]
    assert story(chunks_of(*events, show_reasoning=False)) == hidden
    assert story(chunks_of(*events, include_reasoning=False)) == hidden


def test_calls_are_counted_from_0_and_named_once() -> None:
    chunks = chunks_of(
        TextDelta("Let me see."),
        ToolCallStarted(0, "a", "f"),
        ToolCallDelta(0, '{"x"'),
        ToolCallDelta(0, ": 1}"),
        ToolCallStarted(1, "b", "g"),
        ToolCallDelta(1, "{}"),
        TurnEnded("tool_use"),
    )
    assert story(chunks)[2:] == [
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"x"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]},
        {"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
        "tool_calls",
    ]


def test_a_call_without_arguments_ends_as_an_empty_object() -> None:
    chunks = chunks_of(
        ToolCallStarted(0, "a", "f"), ToolCallDelta(0, ""), ToolCallStarted(1, "b", "g"), TurnEnded("tool_use")
    )
    _, first, first_arguments, second, second_arguments, _ = story(chunks)
    assert (first["tool_calls"][0]["id"], second["tool_calls"][0]["id"]) == ("a", "b")
    assert first_arguments == {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}
    assert second_arguments == {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]}


def test_the_older_functions_are_answered_in_their_own_shape() -> None:
    chunks = chunks_of(
        ToolCallStarted(0, "a", "f"),
        ToolCallDelta(0, "{}"),
        ToolCallStarted(1, "b", "f"),
        ToolCallDelta(1, "{}"),
        TurnEnded("tool_use"),
        functions=[{"name": "f"}],
    )
    assert story(chunks) == [
        {"role": "assistant", "content": None},
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
        "function_call",
    ]


def test_usage_comes_only_where_it_was_asked_for_and_on_a_chunk_of_its_own() -> None:
    events = (BEGAN, TextDelta("x"), ENDED)
    assert not any("usage" in chunk for chunk in chunks_of(*events))
    *before, last = chunks_of(*events, stream_options={"include_usage": True})
    assert not any("usage" in chunk for chunk in before)
    assert last["choices"] == []
    assert last["usage"] == {
        "prompt_tokens": 4_310,
        "completion_tokens": 20,
        "total_tokens": 4_330,
        "prompt_tokens_details": {"cached_tokens": 300},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }


def test_a_stop_string_cuts_across_chunks_and_ends_the_answer() -> None:
    made = writer(stop=["END"], stream_options={"include_usage": True})
    chunks = [chunk for text in ("one E", "ND two") for chunk in made.write(TextDelta(text))]
    assert story(chunks) == [{"role": "assistant", "content": ""}, {"content": "one "}, "stop"]
    assert "usage" in made.closing()[0]
    assert made.shaper.finished
    assert made.write(TextDelta("three")) == made.write(ENDED) == []
    assert made.frames(TextDelta("three")) == []


def test_after_a_stop_string_usage_tells_the_prompt_and_an_estimate() -> None:
    made = writer(stop=["."], stream_options={"include_usage": True})
    made.write(BEGAN)
    made.write(TextDelta("12345678."))
    assert made.writer.usage == Usage(input_tokens=10, output_tokens=3, cache_read_tokens=300)


@pytest.mark.parametrize("event", [ThinkingDelta("hm"), ToolCallStarted(0, "a", "f"), ENDED])
def test_text_that_was_held_back_comes_before_what_follows(event: Event) -> None:
    assert story(chunks_of(TextDelta("one EN"), event, stop=["END"]))[:3] == [
        {"role": "assistant", "content": ""},
        {"content": "one "},
        {"content": "EN"},
    ]


def test_stop_strings_do_not_cut_arguments_or_reasoning() -> None:
    chunks = chunks_of(
        ThinkingDelta("a}"), ToolCallStarted(0, "a", "f"), ToolCallDelta(0, '{"x":{}}'), ENDED, stop=["}"]
    )
    assert story(chunks)[-1] == "tool_calls"


def test_an_answer_that_begins_again_before_anything_was_sent_is_no_matter() -> None:
    chunks = chunks_of(BEGAN, TextDelta("EN"), Restarted(), TextDelta("D"), ENDED, stop=["END"])
    assert story(chunks) == [{"role": "assistant", "content": ""}, {"content": "D"}, "stop"]


@pytest.mark.parametrize("event", [TextDelta("x"), ThinkingDelta("x"), ToolCallStarted(0, "a", "f")])
def test_an_answer_that_begins_again_after_something_was_sent_is_an_error(event: Event) -> None:
    made = writer()
    made.write(event)
    with pytest.raises(UpstreamError) as caught:
        made.write(Restarted())
    assert caught.value.status == 502


def test_hidden_reasoning_may_begin_again() -> None:
    chunks = chunks_of(ThinkingDelta("x"), Restarted(), TextDelta("y"), ENDED, show_reasoning=False)
    assert story(chunks)[1:] == [{"content": "y"}, "stop"]


@pytest.mark.parametrize("text", ["plain", 'quote " and \\', "é ☕ \u2028 \u0085", "\ud800", "\0\n", '"content":""'])
def test_json_says_the_same_as_the_chunks_in_ascii(text: str) -> None:
    events: list[Event] = [BEGAN, TextDelta(text), TextDelta(text), ThinkingDelta(text), TextDelta(""), ENDED]
    written, encoded = writer(model=text), writer(model=text)
    for event in events:
        lines = encoded.frames(event)
        assert [json.loads(line) for line in lines] == written.write(event)
        assert all(line.isascii() and b"\n" not in line for line in lines)


def test_several_choices_share_one_usage_chunk() -> None:
    made = [writer(n=2, index=index, stream_options={"include_usage": True}) for index in range(2)]
    chunks = [chunk for each in made for event in (TextDelta("x"), ENDED) for chunk in each.write(event)]
    assert [choice["index"] for chunk in chunks for choice in chunk["choices"]] == [0, 0, 0, 1, 1, 1]
    assert not any("usage" in chunk for chunk in chunks)
    last = usage_chunk(STAMP, "sonnet", sum_usage(each.writer.usage for each in made))
    assert last["usage"]["total_tokens"] == 2 * 4_330
    assert CHAT.closing(made[0].asked, STAMP, [each.writer for each in made]) == (json_frame(last),)
