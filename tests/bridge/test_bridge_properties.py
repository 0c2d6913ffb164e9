"""Whatever somebody sends is either understood or refused with the path of what is wrong; and what is understood is
a conversation that the Messages API takes."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.bridge.chat_bodies import PROPERTY, USER, base64_of, data_url, picture, read
from tray_bridge.bridge.content import find_image_urls
from tray_bridge.bridge.openai_chat.parameters import PARAMETERS
from tray_bridge.errors import InvalidRequestError
from tray_bridge.turns import Message, Text, ToolResult, ToolUse, Turn

WORDS = st.sampled_from(
    [
        *("user", "assistant", "system", "developer", "tool", "function", "message", "text", "input_text"),
        *("image_url", "file", "document", "image", "input_audio", "tool_use", "tool_result", "function_call"),
        *("function_call_output", "auto", "none", "json_schema", "base64", "url", "object", "a", "b", "", "\ud800"),
        *("https://example.org/x", "data:,x", data_url(picture()), base64_of(b"%PDF-1 %%EOF"), "{}", '{"a":1}'),
    ]
)
NAMES = st.sampled_from(
    [
        *("role", "content", "type", "text", "name", "tool_calls", "tool_call_id", "id", "function", "arguments"),
        *("image_url", "url", "file", "file_data", "file_id", "source", "data", "call_id", "output", "input"),
        *("tool_use_id", "schema", "json_schema", "effort", "format", "parameters", "input_schema", "refusal"),
    ]
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS, st.text(max_size=4))
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=5),
    max_leaves=12,
)
FIELDS = st.dictionaries(st.sampled_from([parameter.name for parameter in PARAMETERS]), JSON, max_size=6)
ROLES = st.sampled_from(["user", "assistant", "tool", "system", "function", "critic"])
IDS = st.sampled_from(["a", "b", "c", "a.b", "", None])
CALLS = st.lists(
    st.builds(
        lambda id_, arguments: {"id": id_, "type": "function", "function": {"name": "f", "arguments": arguments}},
        IDS,
        st.sampled_from(["", "{}", '{"a": [1]}', "{", None]),
    ),
    max_size=3,
)
CONTENTS = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.lists(
        st.one_of(
            st.builds(lambda text: {"type": "text", "text": text}, st.text(max_size=3)),
            st.builds(lambda id_: {"type": "tool_result", "tool_use_id": id_, "content": "r"}, IDS),
            st.builds(lambda id_: {"type": "tool_use", "id": id_, "name": "f", "input": {}}, IDS),
            st.just({"type": "image_url", "image_url": {"url": data_url(picture())}}),
            st.just({"type": "hologram"}),
        ),
        max_size=4,
    ),
)
MESSAGES = st.lists(
    st.builds(
        lambda role, content, calls, id_: {
            "role": role,
            "content": content,
            **({"tool_calls": calls} if role == "assistant" else {}),
            **({"tool_call_id": id_, "name": "f"} if role in ("tool", "function") else {}),
        },
        ROLES,
        CONTENTS,
        CALLS,
        IDS,
    ),
    max_size=8,
)


def check_turn(turn: Turn) -> None:
    """What the Messages API demands of a conversation."""
    messages = turn.messages
    assert messages
    assert (messages[0].role, messages[-1].role) == ("user", "user")
    ids: list[str] = []
    for index, message in enumerate(messages):
        assert message.content
        uses = [block.id for block in message.content if isinstance(block, ToolUse)]
        results = [block.tool_use_id for block in message.content if isinstance(block, ToolResult)]
        assert not (uses and message.role == "user")
        assert not (results and message.role == "assistant")
        assert all(re.fullmatch("[a-zA-Z0-9_-]+", id_) for id_ in uses)
        assert all(block.text.strip() for block in message.content if isinstance(block, Text))
        if uses:
            assert [block.tool_use_id for block in messages[index + 1].content if isinstance(block, ToolResult)] == uses
        if results:
            assert index
            assert any(isinstance(block, ToolUse) for block in messages[index - 1].content)
        ids += uses
    assert len(ids) == len(set(ids))


def check(body: object) -> None:
    find_image_urls(body)
    try:
        chat = read(body, {"https://example.org/x": picture()})
    except InvalidRequestError as error:
        assert error.param
        assert re.fullmatch(r"[a-z_]+(\[\d+\]|\.[a-z_]+)*", error.param)
        error.message.encode("utf-8")
        assert len(error.message) < 1000
    else:
        check_turn(chat.turn)
        assert all(re.fullmatch(r"[\w.-]+", name, re.ASCII) for name in chat.ignored)


@PROPERTY
@given(JSON)
def test_any_json_is_understood_or_refused(body: object) -> None:
    check(body)


@PROPERTY
@given(FIELDS)
def test_any_fields_are_understood_or_refused(fields: dict[str, Any]) -> None:
    check({"messages": [USER], **fields})


@PROPERTY
@given(st.lists(st.dictionaries(NAMES, JSON, max_size=4), max_size=4), st.sampled_from(["messages", "input"]))
def test_any_messages_are_understood_or_refused(messages: object, name: str) -> None:
    check({name: messages})


@PROPERTY
@given(MESSAGES)
def test_any_conversation_becomes_one_that_the_messages_api_takes(messages: list[Any]) -> None:
    check({"messages": messages})
    check({"messages": [*messages, USER]})


@PROPERTY
@given(st.lists(st.tuples(st.booleans(), st.text(min_size=1, max_size=9)), max_size=20))
def test_a_plain_conversation_arrives_as_it_was_said(said: list[tuple[bool, str]]) -> None:
    said = [(is_user, f"{text}.") for is_user, text in said]
    messages = [USER, *({"role": "user" if is_user else "assistant", "content": text} for is_user, text in said), USER]
    hello = Message("user", (Text("Hello"),))
    expected = [Message("user" if is_user else "assistant", (Text(text),)) for is_user, text in said]
    assert list(read({"messages": messages}).turn.messages) == [hello, *expected, hello]


@PROPERTY
@given(st.lists(st.permutations(["x", "y", "z"]), min_size=1, max_size=10))
def test_any_order_of_results_is_the_same_conversation(rounds: list[list[str]]) -> None:
    def body(orders: list[list[str]]) -> dict[str, Any]:
        messages: list[Any] = [USER]
        for number, order in enumerate(orders):
            calls = [
                {"id": f"{name}{number}", "type": "function", "function": {"name": "f", "arguments": json.dumps({})}}
                for name in "xyz"
            ]
            messages.append({"role": "assistant", "content": None, "tool_calls": calls})
            messages += [{"role": "tool", "tool_call_id": f"{name}{number}", "content": name} for name in order]
        return {"messages": messages}

    assert read(body(rounds)).turn == read(body([["x", "y", "z"]] * len(rounds))).turn
