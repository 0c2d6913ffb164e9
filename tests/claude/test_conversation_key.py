"""Which conversations count as the same: a table of what changes a key and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tray_bridge.claude.conversation_key import Binding, ConversationKeys
from tray_bridge.turns import Document, Image, Message, Text, Thinking, Tool, ToolResult, ToolUse, Turn

TOOL = Tool("f", "F", {"type": "object"})
TURN = Turn(
    "sonnet", (Message("user", (Text("Hello"),)),), system=("S",), tools=(TOOL,), output_schema={"type": "object"}
)


def key(*messages: Message, turn: Turn = TURN) -> bytes:
    keys = ConversationKeys(replace(turn, messages=messages or turn.messages))
    return keys[len(keys) - 1]


def user(*blocks: Any) -> Message:
    return Message("user", blocks)


def assistant(*blocks: Any) -> Message:
    return Message("assistant", blocks)


@pytest.mark.parametrize(
    "changed",
    [
        replace(TURN, model="haiku"),
        replace(TURN, system=("T",)),
        replace(TURN, system=("S", "S")),
        replace(TURN, tools=()),
        replace(TURN, tools=(replace(TOOL, name="g"),)),
        replace(TURN, tools=(replace(TOOL, description="G"),)),
        replace(TURN, tools=(replace(TOOL, input_schema={}),)),
        replace(TURN, output_schema=None),
        replace(TURN, effort="low"),
        replace(TURN, thinking=False),
    ],
)
def test_what_a_conversation_fixes_is_part_of_its_key(changed: Turn) -> None:
    assert key(turn=changed) != key()


@pytest.mark.parametrize(
    "changed", [replace(TURN, max_tokens=5), replace(TURN, stop=("x",)), replace(TURN, keep=False)]
)
def test_what_each_turn_may_change_is_not(changed: Turn) -> None:
    assert key(turn=changed) == key()


CALL = ToolUse("toolu_1", "f", {"n": 1, "list": [1, True]})
SAME = {
    "white space at the end": (user(Text("a")), user(Text("a \n"))),
    "one text in two": (user(Text("ab")), user(Text("a"), Text("b"))),
    "an empty text": (user(Text("a")), user(Text("a"), Text(" "))),
    "thinking": (assistant(Text("a")), assistant(Thinking("h", "s"), Text("a"))),
    "thinking at the end": (assistant(Text("a")), assistant(Text("a"), Thinking("h", "s"))),
    "a number as JavaScript writes it": (
        assistant(CALL),
        assistant(replace(CALL, input={"list": [1.0, True], "n": 1.0})),
    ),
    "the id of a call": (assistant(CALL), assistant(replace(CALL, id="other"))),
}
OTHER = {
    "words": (user(Text("a")), user(Text("b"))),
    "white space at the beginning": (user(Text("a")), user(Text(" a"))),
    "role": (user(Text("a")), assistant(Text("a"))),
    "arguments": (assistant(CALL), assistant(replace(CALL, input={"n": 2}))),
    "true and one": (assistant(CALL), assistant(replace(CALL, input={"n": 1, "list": [1, 1]}))),
    "name of a call": (assistant(CALL), assistant(replace(CALL, name="g"))),
    "an error and a result": (user(ToolResult("x", (Text("a"),))), user(ToolResult("x", (Text("a"),), is_error=True))),
    "what a result says": (user(ToolResult("x", (Text("a"),))), user(ToolResult("x", (Text("b"),)))),
    "a picture": (user(Image("image/png", "a")), user(Image("image/png", "b"))),
    "a picture's type": (user(Image("image/png", "a")), user(Image("image/gif", "a"))),
    "a document's title": (user(Document("text/plain", "a")), user(Document("text/plain", "a", "t"))),
    "a document": (user(Document("text/plain", "a")), user(Document("text/plain", "b"))),
    "a text beside a picture": (user(Text("a"), Image("image/png", "a")), user(Image("image/png", "a"), Text("a"))),
}


@pytest.mark.parametrize("case", SAME)
def test_what_clients_change_on_the_way_makes_no_other_conversation(case: str) -> None:
    one, other = SAME[case]
    assert key(one) == key(other)


@pytest.mark.parametrize("case", OTHER)
def test_what_was_said_makes_another_conversation(case: str) -> None:
    one, other = OTHER[case]
    assert key(one) != key(other)


def test_messages_of_one_role_count_as_one() -> None:
    assert key(user(Text("a")), user(Text("b"))) != key(user(Text("a")), assistant(Text("x")), user(Text("b")))


def test_results_belong_to_the_call_of_their_place() -> None:
    def rounds(first: str, second: str, result: str) -> bytes:
        calls = assistant(ToolUse(first, "f", {}), ToolUse(second, "f", {}))
        return key(calls, user(ToolResult(result, (Text("r"),))))

    assert rounds("a", "b", "a") == rounds("c", "d", "c")
    assert rounds("a", "b", "a") != rounds("a", "b", "b")


def test_every_beginning_has_its_key_and_the_answer_leads_to_the_next() -> None:
    messages = (user(Text("a")), assistant(Text("b")), user(Text("c")))
    whole, short = (
        ConversationKeys(replace(TURN, messages=messages)),
        ConversationKeys(replace(TURN, messages=messages[:1])),
    )
    assert len(whole) == 4 and len({whole[index] for index in range(4)}) == 4
    assert (short[0], short[1], short.with_answer(messages[1])) == (whole[0], whole[1], whole[2])


TALK = (
    user(Text("a")),
    assistant(Text("b"), ToolUse("t1", "f", {"x": 1})),
    user(ToolResult("t1", (Text("r"),))),
    assistant(ToolUse("t2", "f", {})),
    user(ToolResult("t2", (Text("s"),)), Text("c")),
    user(Text("a")),
)


def keys_of(turn: Turn) -> list[bytes]:
    keys = ConversationKeys(turn)
    return [keys[index] for index in range(len(keys))]


@given(st.lists(st.tuples(st.sampled_from("ST"), st.lists(st.sampled_from(TALK), max_size=8)), max_size=6))
def test_messages_that_were_in_other_conversations_have_the_keys_of_new_ones(
    talks: list[tuple[str, list[Message]]],
) -> None:
    for system, talk in talks:
        again = replace(TURN, system=(system,), messages=tuple(talk))
        fresh = replace(again, messages=tuple(replace(message) for message in talk))
        assert keys_of(again) == keys_of(fresh)


def test_a_changed_message_remembers_nothing() -> None:
    said = user(Text("a"))
    key(said)
    assert said.memo and key(replace(said, content=(Text("b"),))) == key(user(Text("b"))) != key(said)


def test_two_messages_of_one_role_are_one_turn_however_they_are_cut() -> None:
    parts = key(user(Text("a")), user(Text("b")), assistant(Text("c")))
    assert parts == key(user(Text("a")), user(Text("b")), assistant(Text("c")))
    assert key(user(Text("a")), assistant(Text("b"))) != key(user(Text("a")), user(Text("b")))


def test_a_file_with_half_a_character_has_a_key() -> None:
    assert key(user(Document("text/plain", "\ud83d"))) != key(user(Document("text/plain", "?")))


@pytest.mark.parametrize("number", [10**299, 10**300, 10**308 * 10])
def test_a_number_of_any_size_has_a_key(number: int) -> None:
    assert key(assistant(replace(CALL, input={"n": number}))) == key(assistant(replace(CALL, input={"n": number})))


def test_the_binding_joins_the_prompts_as_the_cli_does() -> None:
    assert Binding("m", ("a", "b")).prompt == "a\n\nb"
    assert Binding("m").prompt == ""
