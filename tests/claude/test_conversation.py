"""How a turn follows from what a worker holds: pure, with conversations made by hand."""

from __future__ import annotations

import pytest

from tray_bridge.claude.conversation import Conversation, Line, Plan, Wanted
from tray_bridge.turns import Message, Text, ToolResult, ToolUse, Turn

QUESTION = Message("user", (Text("Weather?"),))


def wanted(call_id: str, *, text: str = "sunny") -> Wanted:
    call = Message("assistant", (ToolUse(call_id, "look", {"at": "sky"}),))
    result = Message("user", (ToolResult(call_id, (Text(text),)),))
    return Wanted.of(Turn("haiku", (QUESTION, call, result)))


def suspended(call_id: str) -> Conversation:
    """A worker's conversation that waits for the result of one call."""
    turn = Turn("haiku", (QUESTION,))
    first = Wanted.of(turn)
    conversation = Conversation(is_suspended=True)
    conversation.key = first.keys.with_answer(Message("assistant", (ToolUse(call_id, "look", {"at": "sky"}),)))
    conversation.answered(first, 0, (call_id,))
    return conversation


def test_a_result_reaches_the_call_that_it_names() -> None:
    assert suspended("toolu_a").plan(wanted("toolu_a")) == Plan("results", 2)


def test_a_result_of_another_conversation_with_the_same_words_does_not() -> None:
    assert suspended("toolu_a").plan(wanted("toolu_b")).how == "new"


@pytest.mark.parametrize("changed", ["call_1", "c", "call"])
def test_an_id_that_the_client_changed_is_taken_by_its_place(changed: str) -> None:
    assert suspended("toolu_a").plan(wanted(changed)) == Plan("results", 2)


def test_the_ids_that_the_cli_knows_stay_while_the_client_uses_its_own() -> None:
    conversation = suspended("toolu_a")
    turn = wanted("call_1")
    conversation.answered(turn, 2, ("toolu_c",))
    assert conversation.call_ids == ("toolu_a", "toolu_c")
    assert conversation.calls == ("toolu_c",)


def test_a_turn_given_up_before_its_first_line_leaves_the_conversation_as_it_was() -> None:
    conversation = Conversation(lines=[Line("one", b"before one")], key=b"after one")
    conversation.begin_turn()
    assert (conversation.turn_line, conversation.key) == (1, None)
    conversation.was_cut(conversation.turn_line)
    assert (conversation.key, len(conversation.lines)) == (b"after one", 1)


def test_a_turn_given_up_after_its_first_line_is_cut_away() -> None:
    conversation = Conversation(lines=[Line("one", b"before one")], key=b"after one")
    conversation.begin_turn()
    conversation.lines.append(Line("two", b"after one"))
    conversation.was_cut(conversation.turn_line)
    assert (conversation.key, len(conversation.lines)) == (b"after one", 1)
