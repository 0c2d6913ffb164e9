"""Every call of the past has its result, by the rules in the docstring of `tool_history`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bridge.chat_bodies import USER, base64_of, data_url, messages_of, picture, refusal_of
from tray_bridge.turns import Image, Message, Text, ToolResult, ToolUse


def calling(*ids: str, content: Any = None, arguments: Any = "{}", name: str = "f") -> dict[str, Any]:
    calls = [{"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}} for id_ in ids]
    return {"role": "assistant", "content": content, "tool_calls": calls}


def result(id_: Any, content: Any = "ok", **fields: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": content, **fields}


def use(id_: str) -> ToolUse:
    return ToolUse(id_, "f", {})


def ok(id_: str, text: str = "ok") -> ToolResult:
    return ToolResult(id_, (Text(text),))


def none_given(id_: str) -> ToolResult:
    return ToolResult(id_, (Text("No result was given for this call."),), is_error=True)


def test_results_become_one_user_message_in_the_order_of_the_calls() -> None:
    messages = messages_of(USER, calling("a", "b", "c"), result("c"), result("a"), result("b"))
    assert messages[1:] == (
        Message("assistant", (use("a"), use("b"), use("c"))),
        Message("user", (ok("a"), ok("b"), ok("c"))),
    )


def test_text_before_the_calls_is_kept() -> None:
    messages = messages_of(USER, calling("a", content="Let me see."), result("a"))
    assert messages[1].content == (Text("Let me see."), use("a"))


def test_a_user_message_among_the_results_follows_them() -> None:
    system = {"role": "system", "content": "s"}
    messages = messages_of(USER, calling("a", "b"), result("a"), system, USER, result("b"), USER)
    assert messages[2:] == (
        Message("user", (ok("a"), ok("b"))),
        Message("user", (Text("Hello"),)),
        Message("user", (Text("Hello"),)),
    )


@pytest.mark.parametrize(
    ("sent", "content"),
    [
        (None, ()),
        ("", ()),
        ([], ()),
        ("x", (Text("x"),)),
        (["x", {"type": "text", "text": "y"}], (Text("x"), Text("y"))),
        ({"temperature": 21}, (Text('{"temperature": 21}'),)),
        ({"type": "text", "text": "x"}, (Text("x"),)),
    ],
)
def test_a_results_content_may_have_any_shape(sent: object, content: tuple[Text, ...]) -> None:
    messages = messages_of(USER, calling("a"), result("a", sent))
    assert messages[2].content == (ToolResult("a", content),)


def test_a_result_may_hold_images_and_be_an_error() -> None:
    content = ["x", {"type": "image_url", "image_url": {"url": data_url(picture())}}]
    messages = messages_of(USER, calling("a"), result("a", content, is_error=True))
    expected = (Text("x"), Image("image/png", base64_of(picture())))
    assert messages[2].content == (ToolResult("a", expected, is_error=True),)


def test_a_missing_result_is_told_in_history_and_beside_others() -> None:
    messages = messages_of(USER, calling("a", "b"), USER, calling("c", "d"), result("d"))
    assert messages[2] == Message("user", (none_given("a"), none_given("b")))
    assert messages[5] == Message("user", (none_given("c"), ok("d")))


def test_a_user_message_instead_of_results_is_asked_after_the_missing_ones() -> None:
    messages = messages_of(USER, calling("a"), USER)
    assert messages[2:] == (Message("user", (none_given("a"),)), Message("user", (Text("Hello"),)))


def test_calls_at_the_very_end_are_refused() -> None:
    error = refusal_of({"messages": [USER, calling("a")]})
    assert error.param == "messages[1].role"
    assert "results" in error.hint


def test_a_result_that_fits_no_call_is_dropped_in_history() -> None:
    messages = messages_of(result("lost"), USER, calling("a"), result("a"), result("b"), calling("c"), result("c"))
    assert messages == (
        Message("user", (Text("Hello"),)),
        Message("assistant", (use("a"),)),
        Message("user", (ok("a"),)),
        Message("assistant", (use("c"),)),
        Message("user", (ok("c"),)),
    )


@pytest.mark.parametrize(
    ("messages", "param", "word"),
    [
        ([USER, result("a")], "messages[1].tool_call_id", '"a"'),
        ([USER, calling("a"), result("a"), result("b")], "messages[3].tool_call_id", '"b"'),
        ([USER, calling("a"), result("b")], "messages[2].tool_call_id", '"a"'),
        (
            [USER, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "z", "content": ""}]}],
            "messages[1].content[0].tool_use_id",
            '"z"',
        ),
        ([USER, {"role": "function", "name": "g", "content": ""}], "messages[1].tool_call_id", '"g"'),
    ],
)
def test_a_newest_result_that_fits_no_call_is_refused_by_its_id(messages: Any, param: str, word: str) -> None:
    error = refusal_of({"messages": messages})
    assert error.param == param
    assert word in error.message


def test_of_several_results_for_one_call_the_last_counts() -> None:
    messages = messages_of(USER, calling("a"), result("a", "running"), result("a", "done"))
    assert messages[2].content == (ok("a", "done"),)


def test_calls_in_consecutive_messages_are_one_message() -> None:
    messages = messages_of(USER, calling("a"), calling("b"), result("a"), result("b"))
    assert messages[1:] == (Message("assistant", (use("a"), use("b"))), Message("user", (ok("a"), ok("b"))))


def test_ids_that_come_again_are_told_apart_upstream() -> None:
    messages = messages_of(
        USER,
        calling("call_0", "call_0"),
        result("call_0", "1"),
        result("call_0", "2"),
        calling("call_0"),
        result("call_0", "3"),
    )
    assert messages[1].content == (use("call_0"), use("call_0-2"))
    assert messages[2].content == (ok("call_0", "1"), ok("call_0-2", "2"))
    assert messages[4].content == (ok("call_0-3", "3"),)


@pytest.mark.parametrize(
    ("ids", "upstream"),
    [
        (("call_0", "call_0", "call_0_2"), ("call_0", "call_0-2", "call_0_2-2")),
        (("call_0_2", "call_0"), ("call_0_2", "call_0-2")),
        (("call", "call_7"), ("call", "call_7-2")),
        (("call_0", "call_1", "call_2"), ("call_0", "call_1", "call_2")),
        (("call_0", "call_0-2", "call_0"), ("call_0", "call_0-2", "call_0-3")),
    ],
)
def test_g1_no_id_is_another_with_a_number_behind_it(ids: tuple[str, ...], upstream: tuple[str, ...]) -> None:
    rounds = [message for id_ in ids for message in (calling(id_), result(id_))]
    sent = messages_of(USER, *rounds)
    assert [message.content for message in sent[1::2]] == [(use(id_),) for id_ in upstream]
    assert [message.content for message in sent[2::2]] == [(ok(id_),) for id_ in upstream]


def test_ids_and_names_of_other_servers_are_made_plain() -> None:
    messages = messages_of(USER, calling("functions.read:0|x", name="a.b c"), result("functions.read:0|x"))
    assert messages[1].content == (ToolUse("functions_read_0_x", "a_b_c", {}),)
    assert messages[2].content == (ok("functions_read_0_x"),)


@pytest.mark.parametrize("id_", [None, "", 7])
def test_a_result_without_an_id_answers_the_first_open_call(id_: object) -> None:
    messages = messages_of(USER, calling("a", "b"), result("a", "1"), result(id_, "2"))
    assert messages[2].content == (ok("a", "1"), ok("b", "2"))


def test_the_older_function_messages_are_calls_and_results() -> None:
    spoken = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"x": 1}'}}
    messages = messages_of(USER, spoken, {"role": "function", "name": "f", "content": "1"})
    assert messages[1:] == (
        Message("assistant", (ToolUse("call", "f", {"x": 1}),)),
        Message("user", (ok("call", "1"),)),
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (None, {}),
        ("", {}),
        (" ", {}),
        ("{}", {}),
        ('{"x": 1}', {"x": 1}),
        ({"x": 1}, {"x": 1}),
        ('{"x": ', {"_raw": '{"x": '}),
        ("[1]", {"_raw": "[1]"}),
        ([1], {"_raw": "[1]"}),
        ('{"x": NaN}', {"_raw": '{"x": NaN}'}),
        ('{"x": 1e999}', {"_raw": '{"x": 1e999}'}),
        ("[" * 100_000, {"_raw": "[" * 100_000}),
    ],
)
def test_arguments_of_the_past_are_an_object_whatever_was_sent(arguments: object, expected: object) -> None:
    (call,) = messages_of(USER, calling("a", arguments=arguments), result("a"))[1].content
    assert isinstance(call, ToolUse)
    assert call.input == expected


def test_thousands_of_calls_with_one_id_are_paired_in_time() -> None:
    many = ["a"] * 9_000
    messages = messages_of(USER, calling(*many), *[result("a")] * 9_000)
    assert len({block.id for block in messages[1].content if isinstance(block, ToolUse)}) == 9_000


def test_thousands_of_past_results_without_a_call_are_left_out_in_time() -> None:
    calls = [calling(*(f"a{number}" for number in range(5_000)))]
    strays = [result(f"b{number}") for number in range(5_000)]
    messages = messages_of(USER, *calls, *strays, USER)
    assert len(messages[1].content) == len(messages[2].content) == 5_000
    assert messages[2].content[0] == none_given("a0")


def test_fifty_rounds_stay_fifty_pairs() -> None:
    rounds = [message for n in range(50) for message in (calling(f"c{n}"), result(f"c{n}"))]
    assert [message.role for message in messages_of(USER, *rounds)] == ["user"] + ["assistant", "user"] * 50


def test_results_with_ids_answer_calls_that_came_without_them_by_name_then_by_place() -> None:
    messages = messages_of(
        USER,
        {**calling("", "", name="f"), "content": "One."},
        result("toolu_2", "two", name="f"),
        result("toolu_3", "three"),
    )
    assert [answer.content for answer in messages[2].content if isinstance(answer, ToolResult)] == [
        (Text("two"),),
        (Text("three"),),
    ]
    wrong = [USER, calling("", name="f"), result("toolu_2", "two", name="g")]
    assert "toolu_2" in str(refusal_of({"messages": wrong}))
