"""What a Messages request means, field by field, and what is refused by the path of what is wrong."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bridge.chat_bodies import PROPERTY, base64_of, picture
from tests.bridge.test_bridge_properties import JSON, check_turn
from tray_bridge.bridge.anthropic_messages.dialect import DIALECT
from tray_bridge.bridge.anthropic_messages.parameters import PARAMETERS
from tray_bridge.bridge.anthropic_messages.signature import seal
from tray_bridge.bridge.dialect import Asked, Reading, Stamp
from tray_bridge.errors import InvalidRequestError, ModelNotFoundError
from tray_bridge.turns import (
    Document,
    Event,
    Image,
    Message,
    Text,
    TextDelta,
    Thinking,
    ToolChoice,
    ToolResult,
    ToolUse,
    TurnEnded,
    TurnStarted,
)

USER = {"role": "user", "content": "Hi"}
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}
TOOL = {"name": "Bash", "description": "Run.", "input_schema": SCHEMA}


def read(path: str = "/v1/messages", *, stored: Any = None, **fields: Any) -> Asked:
    body = {"model": "sonnet", "max_tokens": 10, "messages": [USER], **fields}
    return DIALECT.read(body, Reading(str, {"https://example.org/x": picture()}, path=path, stored=stored or {}))


def refused(**fields: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        read(**fields)
    return caught.value


def contents(**fields: Any) -> list[Message]:
    return list(read(**fields).turn.messages)


def test_the_plain_request() -> None:
    asked = read(system="Be brief.", stop_sequences=["END", ""], stream=True, output_config={"effort": "max"})
    turn = asked.turn
    assert (turn.model, turn.system, turn.max_tokens, turn.stop) == ("sonnet", ("Be brief.",), 10, ("END",))
    assert turn.messages == (Message("user", (Text("Hi"),)),)
    assert turn.effort == "max"
    assert (asked.streamed, asked.n, asked.requested_model) == (True, 1, "sonnet")


def test_max_tokens_and_model_may_be_missing() -> None:
    asked = DIALECT.read({"messages": [USER]}, Reading(str))
    assert asked.turn.max_tokens is None
    assert asked.turn.model == "default"


def test_system_turns_before_the_first_question_are_the_system_prompt_and_later_ones_keep_their_place() -> None:
    messages = [
        {"role": "system", "content": "One."},
        USER,
        {"role": "system", "content": [{"type": "text", "text": "Two."}, {"type": "tool_addition", "tool": {}}]},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "Go."},
        {"role": "system", "content": []},
    ]
    asked = read(messages=messages, system=[{"type": "text", "text": "Zero."}])
    assert asked.turn.system == ("Zero.", "One.")
    assert asked.turn.messages == (
        Message("user", (Text("Hi"),)),
        Message("user", (Text("<system-reminder>\nTwo.\n</system-reminder>"),)),
        Message("assistant", (Text("Yes?"),)),
        Message("user", (Text("Go."),)),
    )
    assert asked.ignored == ("system.tool_addition",)


@pytest.mark.parametrize("content", ["Rain.", [{"type": "text", "text": "Rain."}]])
@pytest.mark.parametrize("beside", [True, False], ids=["a block", "a turn"])
def test_a_reminder_after_results_is_part_of_the_last_of_them(content: Any, beside: bool) -> None:
    uses = [{"type": "tool_use", "id": id_, "name": "f", "input": {}} for id_ in "ab"]
    results: list[Any] = [{"type": "tool_result", "tool_use_id": id_, "content": content} for id_ in "ab"]
    reminder = "<system-reminder>\nSpeak.\n</system-reminder>"
    block = [{"type": "text", "text": reminder}] if beside else []
    turn = [] if beside else [{"role": "system", "content": "Speak."}]
    said = [USER, {"role": "assistant", "content": uses}, {"role": "user", "content": [*results, *block]}, *turn]
    first, second = read(messages=said).turn.messages[2].content
    assert first == ToolResult("a", (Text("Rain."),))
    assert second == ToolResult("b", (Text("Rain."), Text(reminder)))
    own_words = {"role": "user", "content": [*results, {"type": "text", "text": "And now?"}]}
    assert read(messages=[*said[:2], own_words]).turn.messages[-1] == Message("user", (Text("And now?"),))


def test_the_note_of_which_build_asks_is_no_part_of_the_prompt() -> None:
    system = [{"type": "text", "text": "x-anthropic-billing-header: cch=1"}, {"type": "text", "text": "You are …"}]
    assert read(system=system).turn.system == ("You are …",)


@pytest.mark.parametrize(
    ("thinking", "shown", "thinks", "omitted"),
    [
        (None, False, True, False),
        ({"type": "disabled"}, False, False, False),
        ({"type": "enabled", "budget_tokens": 1024}, True, True, False),
        ({"type": "adaptive"}, True, True, False),
        ({"type": "between_tools"}, True, True, False),
        ({"type": "adaptive", "display": "omitted"}, True, True, True),
        ({"type": "adaptive", "display": "summarized"}, True, True, False),
    ],
)
def test_thinking(thinking: Any, shown: bool, thinks: bool, omitted: bool) -> None:
    asked = read(thinking=thinking)
    assert (asked.show_reasoning, asked.turn.thinking, asked.options.omit_thinking) == (shown, thinks, omitted)


def test_thinking_of_ours_comes_back_and_foreign_thinking_is_left_out() -> None:
    ours = Thinking("Hm.", "S")
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": seal(ours)},
        {"type": "thinking", "thinking": "Other.", "signature": "EqQB"},
        {"type": "text", "text": "A."},
    ]
    messages = [USER, {"role": "assistant", "content": content}, USER]
    assert contents(messages=messages)[1] == Message("assistant", (ours, Text("A.")))


def test_results_are_paired_with_their_calls_and_keep_pictures_and_errors() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64_of(picture())}}
    messages = [
        USER,
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"x": 1}},
                {"type": "tool_use", "id": "toolu_2", "name": "Bash", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": True, "content": [image]},
                {"type": "tool_result", "tool_use_id": "toolu_1"},
                {"type": "text", "text": "Go on."},
            ],
        },
    ]
    _, calls, results, *rest = contents(messages=messages, tools=[TOOL])
    assert calls.content == (ToolUse("toolu_1", "Bash", {"x": 1}), ToolUse("toolu_2", "Bash", {}))
    assert results.content == (
        ToolResult("toolu_1", ()),
        ToolResult("toolu_2", (Image("image/png", base64_of(picture())),), True),
    )
    assert rest == [Message("user", (Text("Go on."),))]


def test_search_results_and_references_in_a_tools_result_reach_the_model() -> None:
    content = [
        {"type": "search_result", "title": "T", "source": "S", "content": [{"type": "text", "text": "Found."}]},
        {"type": "tool_reference", "tool_name": "read_file"},
    ]
    call = {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": content}
    turn = read(
        messages=[USER, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}],
        tools=[{"name": "find", "input_schema": {"type": "object"}}],
    ).turn
    [given] = turn.messages[-1].content
    assert isinstance(given, ToolResult)
    assert given.content == (Text("T\nS\nFound."), Text("Tool: read_file"))


def test_documents_search_results_and_references_reach_the_model() -> None:
    pdf = b64encode(b"%PDF-1 %%EOF").decode()
    content = [
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": pdf}, "title": "T"},
        {
            "type": "document",
            "source": {"type": "text", "data": "Plain."},
            "title": "Plainly",
            "context": "Read it well.",
            "citations": {"enabled": True},
        },
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "Block."}]}},
        {"type": "image", "source": {"type": "url", "url": "https://example.org/x"}},
        {"type": "search_result", "title": "T", "source": "S", "content": [{"type": "text", "text": "Found."}]},
        {"type": "text", "text": "Read."},
        {"type": "text", "text": ""},
    ]
    turn = read(messages=[{"role": "user", "content": content}]).turn
    [message] = turn.messages
    assert turn.cites and not read().turn.cites
    assert message.content == (
        Document("application/pdf", pdf, "T"),
        Document("text/plain", "Plain.", "Plainly", context="Read it well.", citations=True),
        Document("text/plain", "Block."),
        Image("image/png", base64_of(picture())),
        Text("T\nS\nFound."),
        Text("Read."),
    )


def test_tools_whatever_their_type_says_and_how_they_are_chosen() -> None:
    tools = [
        {**TOOL, "type": "custom", "cache_control": {"type": "ephemeral"}, "defer_loading": True},
        {**TOOL, "type": None, "name": "ToolSearch"},
        {"type": "custom", "name": "Stop", "parameters": {"type": "object"}},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
    ]
    choice = {"type": "tool", "name": "Bash", "disable_parallel_tool_use": True}
    asked = read(tools=tools, tool_choice=choice)
    assert [tool.name for tool in asked.turn.tools] == ["Bash", "ToolSearch", "Stop"]
    assert asked.turn.tool_choice == ToolChoice("tool", "Bash", parallel=False)
    assert asked.ignored == ("tools.web_search_20250305",)


@pytest.mark.parametrize(
    ("field", "param"),
    [("output_config", "output_config.format.schema"), ("output_format", "output_format.schema")],
)
def test_a_json_schema_of_the_answer(field: str, param: str) -> None:
    form = {"type": "json_schema", "schema": SCHEMA}
    value = {"format": form} if field == "output_config" else form
    asked = read(**dict[str, Any]({field: value}))
    assert (asked.turn.output_schema, asked.schema_param) == (SCHEMA, param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [USER, {"role": "assistant", "content": "Once"}]}, "messages[1].role"),
        ({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, "messages[0].content[0].type"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}]}
                ]
            },
            "messages[0].content[0].source.file_id",
        ),
        ({"max_tokens": 0}, "max_tokens"),
        ({"thinking": {"type": "sometimes"}}, "thinking.type"),
        ({"output_config": {"effort": "gigantic"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "text"}}}, "output_config.format.type"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0].type"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"thread": {"type": "fork"}}, "thread.type"),
        ({"thread": {"type": "continue", "previous_message_id": "msg_0"}}, "thread.previous_message_id"),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_path(fields: dict[str, Any], param: str) -> None:
    assert refused(**fields).param == param


def test_sampling_is_ignored_and_said_so_and_everything_unknown_is_passed_over() -> None:
    asked = read(temperature=0.2, top_p=1, top_k=5, metadata={"user_id": "{}"}, mcp_servers=[], future={"a": 1})
    assert asked.ignored == ("temperature", "top_k")


def test_an_unknown_model_is_told_as_the_messages_api_tells_it() -> None:
    def resolve(name: str) -> str:
        raise ModelNotFoundError(f"No {name}.", param="model", code="model_not_found")

    with pytest.raises(ModelNotFoundError, match=r"model: claude-9\. No claude-9\."):
        DIALECT.read({"model": "claude-9", "messages": [USER]}, Reading(resolve))


def test_counting_asks_no_model() -> None:
    asked = read("/v1/messages/count_tokens", system="You are helpful.", tools=[TOOL], stream=True)
    assert (asked.n, asked.streamed) == (0, False)
    count = DIALECT.whole(asked, Stamp("msg_1", 1), [])
    assert count.keys() == {"input_tokens"}
    assert 300 < count["input_tokens"] < 400


def test_a_thread_goes_on_from_what_was_kept() -> None:
    first = read(thread={"type": "create"}, system="Be brief.", tools=[TOOL])
    answer: list[Event] = [TurnStarted("m"), TextDelta("Yes?"), TurnEnded("end_turn")]
    kept = DIALECT.kept(first, Stamp("msg_1", 1), [answer])
    thread = {"type": "continue", "previous_message_id": "msg_1"}
    body: dict[str, Any] = {"thread": thread, "messages": [{"role": "user", "content": "Go."}]}
    assert DIALECT.stored_ids(body) == ("msg_1",)
    second = read(stored=kept, **body)
    assert second.turn.system == first.turn.system
    assert second.turn.tools == first.turn.tools
    assert second.turn.messages == (
        Message("user", (Text("Hi"),)),
        Message("assistant", (Text("Yes?"),)),
        Message("user", (Text("Go."),)),
    )
    third = read(
        stored={**kept, **DIALECT.kept(second, Stamp("msg_2", 1), [answer])},
        thread={"type": "continue", "previous_message_id": "msg_2"},
        messages=[USER],
    )
    assert third.turn.messages[:3] == second.turn.messages
    assert len(third.turn.messages) == 5
    assert third.turn.system == first.turn.system
    assert DIALECT.kept(read(), Stamp("msg_1", 1), [answer]) == {}


def test_a_thread_that_is_gone_is_told_with_the_code_that_clients_recover_from() -> None:
    error = refused(thread={"type": "continue", "previous_message_id": "msg_0"})
    assert isinstance(error, ModelNotFoundError)
    assert error.code == "thread_not_found"


FIELDS = st.dictionaries(st.sampled_from([parameter.name for parameter in PARAMETERS]), JSON, max_size=6)


@PROPERTY
@given(FIELDS)
def test_anything_is_understood_or_refused_by_its_path(body: dict[str, Any]) -> None:
    DIALECT.find_urls(body)
    DIALECT.stored_ids(body)
    try:
        asked = DIALECT.read(body, Reading(str, {"https://example.org/x": picture()}))
    except InvalidRequestError as error:
        assert error.param
    else:
        check_turn(asked.turn)


def test_functions_of_another_dialect_are_refused_by_their_own_path() -> None:
    assert refused(functions=[5]).param == "functions[0]"
