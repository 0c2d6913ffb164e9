"""Pasts that clients of other services replay: read where the meaning is plain, else named (faults H14, H15)."""

from __future__ import annotations

from typing import Any

import pytest

from tray_bridge.bridge.all_dialects import DIALECTS
from tray_bridge.bridge.dialect import Reading
from tray_bridge.bridge.messages import read_messages
from tray_bridge.turns import Message, Text, ToolResult

Wire = dict[str, Any]
QUESTION: Wire = {"role": "user", "content": "Go on"}


def read(*past: Wire) -> tuple[tuple[Message, ...], list[str]]:
    ignored: list[str] = []
    given = [(f"messages[{at}]", message) for at, message in enumerate((*past, QUESTION))]
    return read_messages(given, {}, ignored).messages, ignored


def test_h14_geminis_parts_are_read_in_the_past() -> None:
    past = ({"role": "user", "parts": [{"text": "Hello"}]}, {"role": "model", "parts": [{"text": "Hi"}, {"text": "."}]})
    messages, ignored = read(*past)
    assert messages[:2] == (Message("user", (Text("Hello"),)), Message("assistant", (Text("Hi"), Text("."))))
    assert ignored == []


def test_h14_a_spoken_answer_is_its_words_or_named() -> None:
    question = {"role": "user", "content": "x"}
    messages, ignored = read(question, {"role": "assistant", "content": None, "audio": {"transcript": "Hi"}})
    assert messages[1] == Message("assistant", (Text("Hi"),)) and ignored == []
    _, ignored = read(question, {"role": "assistant", "audio": {"id": "audio_1"}})
    assert ignored == ["assistant.audio"]


@pytest.mark.parametrize(("second", "named"), [("again", ["tool_result.repeated"]), ("first", [])])
def test_h15_of_two_results_of_one_call_the_last_counts(second: str, named: list[str]) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    results = [{"role": "tool", "tool_call_id": "c1", "content": text} for text in ("first", second)]
    messages, ignored = read({"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call]}, *results)
    assert messages[2].content[0] == ToolResult("c1", (Text(second),), False) and ignored == named


@pytest.mark.parametrize(
    ("item", "named"),
    [
        ({"type": "function_call", "name": "f", "arguments": "{}"}, ("input.function_call.unreadable",)),
        ({"type": "function_call", "call_id": "c", "arguments": "{}"}, ("input.function_call.unreadable",)),
        ({"type": "message", "content": "x"}, ()),
    ],
)
def test_h15_an_item_of_the_past_without_its_id_name_or_role_ends_no_conversation(
    item: Wire, named: tuple[str, ...]
) -> None:
    (dialect,) = (each for each in DIALECTS if each.name == "openai_responses")
    reading = Reading(resolve_model=lambda name: name)
    asked = dialect.read({"model": "sonnet", "input": [item, QUESTION]}, reading)
    assert tuple(asked.ignored) == named
