"""The conversation arrives as it was said, whichever shape a client gave it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bridge.chat_bodies import USER, base64_of, data_url, messages_of, picture, read, refusal_of, turn_of
from tray_bridge.turns import Image, Message, Text, ToolResult, ToolUse

PNG = base64_of(picture())
HELLO = Message("user", (Text("Hello"),))


def assistant(content: Any = "Hi", **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **fields}


def test_turns_stay_in_order_and_consecutive_messages_stay_apart() -> None:
    messages = messages_of(USER, assistant("A"), assistant("B"), USER, USER)
    assert [(message.role, message.content) for message in messages] == [
        ("user", (Text("Hello"),)),
        ("assistant", (Text("A"),)),
        ("assistant", (Text("B"),)),
        ("user", (Text("Hello"),)),
        ("user", (Text("Hello"),)),
    ]


def test_system_and_developer_messages_are_the_system_prompt_in_order_wherever_they_stand() -> None:
    turn = turn_of(
        {"role": "system", "content": "one"},
        USER,
        {"role": "developer", "content": [{"type": "text", "text": "two"}, "three"]},
        assistant(),
        USER,
        {"role": "system", "content": "four"},
    )
    assert turn.system == ("one", "two", "three", "four")
    assert [message.role for message in turn.messages] == ["user", "assistant", "user"]


@pytest.mark.parametrize("content", [None, "", [], " \n", [{"type": "text", "text": ""}]])
def test_a_blank_system_message_is_none(content: object) -> None:
    assert turn_of({"role": "system", "content": content}, USER).system == ()


def test_with_system_messages_alone_the_last_is_asked() -> None:
    turn = turn_of({"role": "system", "content": "Be kind."}, {"role": "system", "content": "Write a poem."})
    assert turn.system == ("Be kind.",)
    assert turn.messages == (Message("user", (Text("Write a poem."),)),)


@pytest.mark.parametrize(
    "text",
    [
        "@/etc/hostname",
        "/clear",
        "!ls",
        "#memo",
        "<system-reminder>x</system-reminder>",
        "a\0b",
        "\ud800",
        "🙂 שלום",
        "  led by spaces\n\n",
        "x" * 2_000_000,
    ],
)
def test_text_is_verbatim_in_every_role_and_form(text: str) -> None:
    turn = turn_of(
        {"role": "system", "content": text},
        {"role": "user", "content": text},
        assistant([{"type": "text", "text": text}]),
        {"role": "user", "content": [{"type": "input_text", "text": text}, text]},
    )
    assert turn.system == (text,)
    assert [message.content for message in turn.messages] == [
        (Text(text),),
        (Text(text),),
        (Text(text), Text(text)),
    ]


@pytest.mark.parametrize("content", [None, "", " ", [], [{"type": "text", "text": ""}], [None]])
def test_an_empty_user_message_says_that_it_has_no_content(content: object) -> None:
    assert messages_of({"role": "user", "content": content}) == (Message("user", (Text("(no content)"),)),)


def test_an_empty_text_part_beside_others_is_left_out() -> None:
    parts = [{"type": "text", "text": ""}, {"type": "text", "text": "x"}, {"type": "text", "text": "\n"}]
    assert messages_of({"role": "user", "content": parts}) == (Message("user", (Text("x"),)),)


@pytest.mark.parametrize("content", [None, "", []])
def test_an_empty_assistant_message_is_left_out_even_at_the_end(content: object) -> None:
    assert messages_of(USER, assistant(content)) == (HELLO,)


def test_a_conversation_that_the_assistant_began_gets_a_user_message_before_it() -> None:
    messages = messages_of(assistant("How can I help?"), USER)
    assert messages == (
        Message("user", (Text("(no content)"),)),
        Message("assistant", (Text("How can I help?"),)),
        HELLO,
    )


def test_an_assistant_message_at_the_end_is_refused_with_a_hint() -> None:
    error = refusal_of({"messages": [USER, assistant("Once upon")]})
    assert error.param == "messages[1].role"
    assert "user message" in error.hint


def test_a_request_of_nothing_but_empty_messages_is_refused() -> None:
    assert refusal_of({"messages": [assistant("")]}).param == "messages[0]"


@pytest.mark.parametrize(
    "extra",
    [
        {"name": "ann"},
        {"name": None},
        {"refusal": None},
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"reasoning_details": [{"type": "reasoning.text"}]},
        {"tool_calls": None},
        {"tool_calls": []},
        {"function_call": None},
        {"audio": None},
        {"annotations": []},
        {"cache_control": {"type": "ephemeral"}},
        {"id": "msg_1", "unknown": {"a": [1]}},
    ],
)
def test_extra_fields_of_messages_are_tolerated(extra: dict[str, Any]) -> None:
    assert messages_of({**USER, **extra}, assistant(**extra), {**USER, **extra}) == (
        HELLO,
        Message("assistant", (Text("Hi"),)),
        HELLO,
    )


def test_reasoning_that_comes_back_is_left_out() -> None:
    parts = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "reasoning", "text": "hm"},
        {"type": "text", "text": "Hi"},
    ]
    assert messages_of(USER, assistant(parts), USER)[1] == Message("assistant", (Text("Hi"),))


def test_a_refusal_that_comes_back_is_what_the_assistant_said() -> None:
    for refused in (assistant(None, refusal="No."), assistant([{"type": "refusal", "refusal": "No."}])):
        assert messages_of(USER, refused, USER)[1] == Message("assistant", (Text("No."),))


def test_unknown_parts_of_the_past_are_left_out_and_named() -> None:
    chat = read(
        {
            "messages": [
                {"role": "user", "content": [{"type": "video_url", "video_url": {}}, "x"]},
                assistant([{"type": "hologram"}, {"type": "image_url", "image_url": {"url": "https://a/b"}}, "y"]),
                USER,
            ]
        }
    )
    assert chat.turn.messages[0].content == (Text("x"),)
    assert chat.turn.messages[1].content == (Text("y"),)
    assert chat.ignored == ("content.video_url", "assistant.hologram", "assistant.image_url")


def test_pictures_beside_the_content_come_before_it_where_a_message_may_have_them() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    messages = [
        {"role": "system", "content": "Look well.", "images": [PNG]},
        {**USER, "images": [PNG, {"type": "image_url", "image_url": data_url(picture())}]},
        assistant("I see.", images=[PNG], tool_calls=[call]),
        {"role": "tool", "tool_call_id": "a", "content": "1", "images": [PNG]},
        {**USER, "images": ["&&&", PNG]},
        {**USER, "images": []},
    ]
    chat = read({"messages": messages})
    image = Image("image/png", PNG)
    asked = [message.content for message in chat.turn.messages if message.role == "user"]
    assert (asked[0], asked[2:]) == ((image, image, *HELLO.content), [(image, *HELLO.content), HELLO.content])
    assert chat.ignored == ("system.images", "assistant.images", "tool.images", "images.unreadable")


@pytest.mark.parametrize("images", [5, True, {"0": PNG}])
def test_past_pictures_that_are_no_list_are_left_out_and_named(images: object) -> None:
    chat = read({"messages": [{**USER, "images": images}, USER]})
    assert (chat.turn.messages, chat.ignored) == ((HELLO, HELLO), ("images.unreadable",))


def test_an_unknown_part_of_the_newest_message_is_refused_with_what_is_known() -> None:
    error = refusal_of({"messages": [USER, {"role": "user", "content": ["x", {"type": "hologram"}]}]})
    assert error.param == "messages[1].content[1].type"
    assert "image_url" in error.message


def test_audio_in_any_of_the_newest_results_is_refused() -> None:
    calls = [{"id": id_, "type": "function", "function": {"name": "f", "arguments": ""}} for id_ in "ab"]
    odd = [{"type": "input_audio", "input_audio": {"data": ""}}]
    error = refusal_of(
        {
            "messages": [
                USER,
                assistant(None, tool_calls=calls),
                {"role": "tool", "tool_call_id": "a", "content": odd},
                {"role": "tool", "tool_call_id": "b", "content": "2"},
            ]
        }
    )
    assert error.param == "messages[2].content[0]"


def test_an_unknown_role_is_refused_in_the_newest_message_only() -> None:
    odd = {"role": "critic", "content": "Bad."}
    assert messages_of(odd, USER)[0] == Message("user", (Text("Bad."),))
    error = refusal_of({"messages": [USER, odd]})
    assert error.param == "messages[1].role"
    assert "developer" in error.message


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (None, "messages"),
        ([], "messages"),
        ("hi", "messages"),
        ({"role": "user"}, "messages"),
        (["hi"], "messages[0]"),
        ([None], "messages[0]"),
        ([{}], "messages[0].role"),
        ([{"role": None, "content": "x"}], "messages[0].role"),
        ([{"role": 1, "content": "x"}], "messages[0].role"),
        ([USER, {"role": "user", "content": 1}], "messages[1].content"),
        ([{"role": "user", "content": [1]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{}]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "text", "text": 1}]}], "messages[0].content[0].text"),
        ([{"role": "system", "content": [{"type": "image_url"}]}, USER], "messages[0].content[0]"),
        ([USER, assistant(tool_calls="x"), USER], "messages[1].tool_calls"),
        ([USER, assistant(tool_calls="x"), USER], "messages[1].tool_calls"),
        ([{**USER, "images": 5}], "messages[0].images"),
        ([USER, {**USER, "images": [PNG, "&&&"]}], "messages[1].images[1]"),
        ([{**USER, "images": ["https://example.org/x"]}], "messages[0].images[0]"),
        ([{**USER, "images": [PNG] * 2_001}, USER], "messages[0].images"),
        ([USER] * 10_001, "messages"),
        ([{"role": "user", "content": ["x"] * 2_001}], "messages[0].content"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(messages: object, param: str) -> None:
    assert refusal_of({"messages": messages}).param == param


def test_messages_api_blocks_are_read_as_the_same_thing() -> None:
    messages = messages_of(
        USER,
        assistant(
            [
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "a"}},
            ]
        ),
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Go on."},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": "no"}],
                    "is_error": True,
                },
            ],
        },
    )
    assert messages[1:] == (
        Message("assistant", (Text("Let me see."), ToolUse("toolu_1", "read", {"path": "a"}))),
        Message("user", (ToolResult("toolu_1", (Text("no"),), is_error=True),)),
        Message("user", (Text("Go on."),)),
    )


def test_a_call_given_in_both_shapes_is_one_call() -> None:
    block = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = messages_of(
        USER, assistant([block], tool_calls=[call]), {"role": "tool", "tool_call_id": "a", "content": "1"}
    )
    assert messages[1].content == (ToolUse("a", "f", {}),)


def test_a_responses_body_is_read_as_the_same_conversation() -> None:
    turn = read(
        {
            "instructions": "Be brief.",
            "input": [
                {"role": "developer", "content": "Be kind."},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
                {"type": "function_call", "call_id": "a", "name": "f", "arguments": '{"x":1}'},
                {"type": "custom_tool_call", "call_id": "b", "name": "patch", "input": "*** Begin"},
                {"type": "function_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "B"}]},
                {"type": "custom_tool_call_output", "call_id": "a", "output": "A"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]},
                {"role": "user", "content": "Thanks"},
            ],
        }
    ).turn
    assert turn.system == ("Be brief.", "Be kind.")
    assert turn.messages == (
        HELLO,
        Message("assistant", (ToolUse("a", "f", {"x": 1}), ToolUse("b", "patch", {"_raw": "*** Begin"}))),
        Message("user", (ToolResult("a", (Text("A"),)), ToolResult("b", (Text("B"),)))),
        Message("assistant", (Text("Done."),)),
        Message("user", (Text("Thanks"),)),
    )


def test_a_responses_body_may_be_one_string() -> None:
    assert read({"input": "Hello"}).turn.messages == (HELLO,)
    assert read({"input": "Hello", "messages": None}).turn.messages == (HELLO,)


def test_an_item_with_a_role_is_a_message_whatever_its_type_says() -> None:
    assert read({"input": [{"type": "human", "role": "user", "content": "Hello"}]}).turn.messages == (HELLO,)


def test_unknown_items_are_refused_only_as_the_newest() -> None:
    odd = {"type": "local_shell_call", "id": "x"}
    assert read({"input": [odd, USER]}).turn.messages == (HELLO,)
    assert refusal_of({"input": [USER, odd]}).param == "input[1].type"


@pytest.mark.parametrize("system", ["Be brief.", [{"type": "text", "text": "Be brief."}]])
def test_a_messages_api_system_prompt_is_read(system: object) -> None:
    assert turn_of(USER, system=system).system == ("Be brief.",)


def test_a_wrong_system_prompt_is_named() -> None:
    assert refusal_of({"messages": [USER], "instructions": 1}).param == "instructions"


def test_an_image_may_stand_between_texts() -> None:
    content = ["a", {"type": "image_url", "image_url": {"url": data_url(picture())}}, "b"]
    (message,) = messages_of({"role": "user", "content": content})
    assert [type(block) for block in message.content] == [Text, Image, Text]
