"""How a turn follows from what a worker holds: pure, with conversations made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tray_bridge.claude.conversation import Conversation, Line, Plan, Wanted, first_new
from tray_bridge.turns import Block, Document, Image, Message, Text, ToolResult, ToolUse, Turn

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


def test_what_is_cut_to_nothing_has_no_key_and_waits_for_nothing() -> None:
    conversation = suspended("toolu_a")
    conversation.lines.append(Line("one", b"before one"))
    conversation.turn_line = 1
    conversation.was_cut(0)
    assert (conversation.key, conversation.lines, conversation.turn_line) == (None, [], 0)
    assert (conversation.is_suspended, conversation.calls) == (False, ())


RESULT = ToolResult("toolu_a", (Text("sunny"),))
PICTURE = Image("image/png", "AA==")


@pytest.mark.parametrize(
    ("content", "how"),
    [
        ((RESULT,), "results"),
        ((ToolResult("toolu_a", (Text("sunny"), PICTURE)),), "results"),
        ((ToolResult("toolu_a", (Text("no"),), is_error=True),), "results"),
        ((), "new"),
        ((RESULT, ToolResult("toolu_b", ())), "new"),
        ((RESULT, Text("And?")), "new"),
        ((Text("And?"),), "new"),
        ((ToolResult("toolu_a", (PICTURE,), is_error=True),), "new"),
        ((ToolResult("toolu_a", (Document("application/pdf", "AA=="),)),), "new"),
    ],
)
def test_only_results_that_the_cli_passes_on_reach_a_waiting_call(content: tuple[Block, ...], how: str) -> None:
    call = Message("assistant", (ToolUse("toolu_a", "look", {"at": "sky"}),))
    turn = Turn("haiku", (QUESTION, call, Message("user", content)))
    assert suspended("toolu_a").plan(Wanted.of(turn)).how == how


@pytest.mark.parametrize(("max_tokens", "how"), [(None, "new"), (5, "results")])
def test_a_limit_of_tokens_cannot_be_taken_back_within_a_turn(max_tokens: int | None, how: str) -> None:
    conversation = suspended("toolu_a")
    conversation.is_limited = True
    assert conversation.plan(Wanted.of(replace(wanted("toolu_a").turn, max_tokens=max_tokens))).how == how


def test_the_conversation_is_rewound_to_the_longest_common_beginning() -> None:
    messages = (QUESTION, Message("assistant", (Text("Sunny."),)), Message("user", (Text("And now?"),)))
    asked = Wanted.of(Turn("haiku", messages))
    lines = [Line("one", asked.keys[0]), Line("two", asked.keys[2]), Line("three", b"another")]
    assert Conversation(lines=lines, key=b"end").plan(asked) == Plan("rewind", 2, 1)
    assert Conversation(lines=lines, key=b"end", can_be_cut=False).plan(asked) == Plan("new")
    assert Conversation(lines=[lines[0], Line("two", None)], key=b"end").plan(asked) == Plan("new")
    one_message = [Line("one", asked.keys[0]), Line("two", asked.keys[1])]
    assert Conversation(lines=one_message, key=b"end").plan(asked) == Plan("rewind", 1, 1)
    assert Conversation(lines=[Line("zero", asked.keys[1])], key=b"end").plan(asked) == Plan("new")  # nothing is left


def test_what_is_new_stands_after_the_last_answer_wherever_that_is() -> None:
    answer = Message("assistant", (Text("Sunny."),))
    for messages, start in (((), 0), ((QUESTION,), 0), ((answer,), 1), ((answer, QUESTION), 1)):
        assert first_new(messages) == start
    assert first_new((QUESTION, answer, QUESTION, answer, QUESTION, QUESTION)) == 4
