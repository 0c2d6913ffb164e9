"""A Responses request → the turn: items, tools, references, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bridge.chat_bodies import PROPERTY, base64_of, data_url, picture
from tests.bridge.responses_bodies import Wire, ask, read, refusal_of, turn_of
from tray_bridge.bridge.openai_responses.parameters import PARAMETERS
from tray_bridge.bridge.openai_responses.request import ResponseOptions
from tray_bridge.bridge.openai_responses.thinking_token import from_token, to_token
from tray_bridge.errors import InvalidRequestError
from tray_bridge.turns import (
    Document,
    Image,
    Message,
    RedactedThinking,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)

CALL: Wire = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"x": 1}'}
OUTPUT: Wire = {"type": "function_call_output", "call_id": "c1", "output": "one"}
FUNCTION: Wire = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}


def user(*parts: Any) -> Wire:
    return {"role": "user", "content": parts[0] if len(parts) == 1 else list(parts)}


def said(text: str) -> Wire:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def test_a_string_is_the_users_message() -> None:
    assert read({"input": "Hi"}).turn.messages == (Message("user", (Text("Hi"),)),)


@pytest.mark.parametrize("value", [None, "", []])
def test_a_missing_input_is_refused(value: object) -> None:
    assert refusal_of({"input": value}).param == "input"
    assert refusal_of({}).param == "input"


@pytest.mark.parametrize("value", [5, {"role": "user"}, True])
def test_an_input_of_another_type_is_refused(value: object) -> None:
    assert refusal_of({"input": value}).param == "input"


def test_a_role_of_another_program_is_the_users_in_the_past_and_refused_in_the_newest_item() -> None:
    other = {"type": "message", "role": "critic", "content": "Go on."}
    assert [message.role for message in turn_of(user("Hi"), said("Yes"), other, said("So"), user("On")).messages] == [
        *("user", "assistant", "user", "assistant", "user")
    ]
    assert refusal_of({"input": [user("Hi"), said("Yes"), other]}).param == "input[2].role"


def test_instructions_stand_before_developer_and_system_items() -> None:
    turn = turn_of(
        {"role": "developer", "content": "Second."},
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Third."}]},
        user("Hi"),
        instructions="First.",
    )
    assert turn.system == ("First.", "Second.", "Third.")
    assert turn.messages == (Message("user", (Text("Hi"),)),)


@pytest.mark.parametrize("value", ["", None, "  "])
def test_empty_instructions_are_none(value: object) -> None:
    assert turn_of(instructions=value).system == ()


def test_neighbouring_items_of_the_assistant_are_one_message() -> None:
    second = {**CALL, "call_id": "c2", "arguments": ""}
    turn = turn_of(user("Hi"), said("Let me look."), CALL, second, OUTPUT, {**OUTPUT, "call_id": "c2", "output": "two"})
    assert turn.messages[1] == Message(
        "assistant", (Text("Let me look."), ToolUse("c1", "f", {"x": 1}), ToolUse("c2", "f", {}))
    )
    assert turn.messages[2] == Message("user", (ToolResult("c1", (Text("one"),)), ToolResult("c2", (Text("two"),))))
    assert len(turn.messages) == 3


def test_extra_fields_and_nulls_in_items_change_nothing() -> None:
    extra = {"id": "fc_1", "status": "completed", "parsed_arguments": None, "namespace": None}
    plain = turn_of(user("Hi"), said("Yes?"), CALL, OUTPUT)
    decorated = turn_of(
        {**user("Hi"), "id": "msg_9", "status": "completed", "phase": None},
        {**said("Yes?"), "id": "msg_1", "status": "completed"},
        {**CALL, **extra},
        {**OUTPUT, "id": "fco_1", "status": "completed"},
    )
    assert decorated == plain


def test_an_output_may_be_parts_with_pictures() -> None:
    image = {"type": "input_image", "image_url": data_url(picture())}
    parts = [{"type": "input_text", "text": "see"}, image]
    turn = turn_of(user("Hi"), CALL, {**OUTPUT, "output": parts})
    (result,) = turn.messages[-1].content
    assert isinstance(result, ToolResult)
    assert result.content[0] == Text("see") and isinstance(result.content[1], Image)


def test_images_and_files_in_a_message() -> None:
    file = {"type": "input_file", "filename": "a.txt", "file_data": data_url(b"plain words", "text/plain")}
    turn = turn_of(user({"type": "input_image", "image_url": data_url(picture()), "detail": "auto"}, file))
    image, document = turn.messages[0].content
    assert isinstance(image, Image) and isinstance(document, Document) and document.title == "a.txt"


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "input_video"}, "input[0].content[0].type"),
        ({"type": "input_image", "file_id": "file-1"}, "input[0].content[0].file_id"),
        ({"type": "input_image", "image_url": "data:image/png;base64,&&&"}, "input[0].content[0].image_url"),
    ],
)
def test_parts_that_cannot_be_read_are_refused_by_their_path(part: Wire, param: str) -> None:
    assert refusal_of({"input": [{"role": "user", "content": [part]}]}).param == param


def test_custom_calls_of_the_past_are_calls_with_one_string() -> None:
    call = {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "*** Begin"}
    turn = turn_of(user("Hi"), call, {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"})
    assert turn.messages[1].content == (ToolUse("c1", "patch", {"input": "*** Begin"}),)


def test_an_output_without_its_call_is_refused_in_openais_words() -> None:
    error = refusal_of({"input": [user("Hi"), OUTPUT]})
    assert error.param == "input[1].call_id"
    assert 'No tool call found for function call output with call_id "c1"' in error.message


def test_a_call_without_an_output_is_answered_by_an_error() -> None:
    turn = turn_of(user("Hi"), CALL, user("And?"))
    (result,) = turn.messages[2].content
    assert isinstance(result, ToolResult) and result.is_error


def test_call_ids_that_are_used_again_bind_to_the_nearest_call() -> None:
    turn = turn_of(user("Hi"), CALL, OUTPUT, said("One."), user("Again"), CALL, {**OUTPUT, "output": "two"})
    results = [block for message in turn.messages for block in message.content if isinstance(block, ToolResult)]
    calls = [block.id for message in turn.messages for block in message.content if isinstance(block, ToolUse)]
    assert [result.content for result in results] == [(Text("one"),), (Text("two"),)]
    assert [result.tool_use_id for result in results] == calls and len(set(calls)) == 2


@pytest.mark.parametrize(
    "kind", ["web_search_call", "mcp_call", "compaction", "tool_search_output", "file_search_call"]
)
def test_what_hosted_tools_left_is_passed_over(kind: str) -> None:
    assert turn_of({"type": kind, "id": "x"}, user("Hi")) == turn_of(user("Hi"))


@pytest.mark.parametrize("item", [{"type": "message_2"}, {"type": "compaction_trigger"}, {}, {"type": 5}])
def test_unknown_items_are_refused_by_their_path(item: Wire) -> None:
    assert refusal_of({"input": [user("Hi"), item]}).param == "input[1].type"


def test_reasoning_of_ours_comes_back_as_signed_thinking() -> None:
    thinking = Thinking("Count first.", "sig==", "claude-sonnet-5-5")
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": to_token(thinking)}
    turn = turn_of(user("Hi"), item, said("Four."), user("More"))
    assert turn.messages[1].content == (thinking, Text("Four."))


@pytest.mark.parametrize("token", [None, "gAAAA-foreign", 5, "tb2.", "tb2.AAAA", "tb1.é"])
def test_reasoning_of_others_is_passed_over_and_its_summary_never_told(token: object) -> None:
    item = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "psst"}], "encrypted_content": token}
    assert turn_of(user("Hi"), item, said("Four."), user("More")).messages[1].content == (Text("Four."),)


@given(st.text(), st.text(), st.text())
@PROPERTY
def test_a_token_gives_its_thinking_back(text: str, signature: str, model: str) -> None:
    for block in (Thinking(text, signature, model), RedactedThinking(text, model)):
        token = to_token(block)
        assert from_token(token) == block
        assert from_token(token[:-3]) is None and from_token(f"{token[:-4]}AAA=") is None


def test_a_token_of_an_earlier_version_has_no_model() -> None:
    token = "tb1.gCzPj8pnPop4nItWcklNLVAoycgvTc8o0VPSUVBKNg7KSMoNLEkMN7FVigUAtRMKaQ=="
    assert from_token(token) == Thinking("Deep thought.", "c3RhbmQtaW4=")


def test_functions_may_lack_what_openai_demands() -> None:
    turn = turn_of(tools=[{"type": "function", "name": "f", "parameters": None, "strict": None}])
    assert turn.tools == (Tool("f", "", {"type": "object", "properties": {}}),)


def test_a_custom_tool_is_a_function_of_one_string_with_its_grammar_told() -> None:
    form = {"type": "grammar", "syntax": "lark", "definition": 'start: "x"'}
    (tool,) = turn_of(tools=[{"type": "custom", "name": "patch", "description": "Edit.", "format": form}]).tools
    assert tool.name == "patch" and 'start: "x"' in tool.description and tool.description.startswith("Edit.")
    assert list(tool.input_schema["properties"]) == ["input"] and tool.input_schema["required"] == ["input"]


def test_a_namespace_is_flattened_and_its_replayed_calls_too() -> None:
    space = {"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "close"}]}
    turn = turn_of(user("Hi"), {**CALL, "name": "close", "namespace": "agents"}, OUTPUT, tools=[space])
    assert [tool.name for tool in turn.tools] == ["agents__close"]
    assert turn.messages[1].content == (ToolUse("c1", "agents__close", {"x": 1}),)


@pytest.mark.parametrize("kind", ["namespace", "web_search"])
def test_what_is_no_function_of_a_namespace_is_left_out_and_the_rest_offered(kind: str) -> None:
    tools = [{"type": kind}, {"type": "function", "name": "close"}]
    space = {"type": "namespace", "name": "agents", "tools": tools}
    assert [tool.name for tool in turn_of(tools=[space]).tools] == ["agents__close"]


def test_a_long_namespace_still_has_a_name_that_upstream_takes() -> None:
    tools = [{"type": "function", "name": f"{'f' * 60}{number}"} for number in range(2)]
    names = [tool.name for tool in turn_of(tools=[{"type": "namespace", "name": "n" * 60, "tools": tools}]).tools]
    assert len(set(names)) == 2 and all(len(name) <= 64 for name in names)


@pytest.mark.parametrize("kind", ["image", "file"])
def test_what_was_fetched_is_kept_as_its_bytes_without_its_url(kind: str) -> None:
    url = "https://example.org/it"
    part = {"type": f"input_{kind}", f"{kind}_url": url}
    asked = read({"input": [user(part), user(part, "and")]}, fetched={url: picture()})
    assert isinstance(asked.options, ResponseOptions)
    data = f"data:application/octet-stream;base64,{base64_of(picture())}"
    kept = {"type": f"input_{kind}", ("image_url" if kind == "image" else "file_data"): data}
    assert [item["content"] for item in asked.options.given] == [kept, [kept, "and"]]


def test_of_many_pictures_a_large_one_is_scaled_and_told() -> None:
    pictures = picture(size=(2001, 9)), *[picture(size=(9, 9))] * 20
    asked = ask(user(*({"type": "input_image", "image_url": data_url(each)} for each in pictures)))
    assert asked.ignored == ("image.reencoded", "image.scaled")
    first, second = asked.turn.messages[0].content[:2]
    assert isinstance(first, Image) and first.media_type == "image/jpeg"
    assert isinstance(second, Image) and second.media_type == "image/png"


@pytest.mark.parametrize("value", [[], {}, [None], {"type": "function"}])
def test_a_type_or_id_may_be_any_json(value: object) -> None:
    assert len(turn_of(user("Hi"), {**OUTPUT, "call_id": value}, user("More")).messages) == 2
    assert refusal_of({"input": "Hi", "tools": [{"type": value}]}).param == "tools"
    assert refusal_of({"input": [user("Hi"), {**OUTPUT, "call_id": value}]}).param == "input[1].call_id"
    assert refusal_of({"input": [user("Hi"), {**CALL, "type": value}]}).param == "input[1].type"


def test_hosted_tools_are_ignored_beside_others_and_refused_alone() -> None:
    asked = ask(tools=[FUNCTION, {"type": "web_search"}])
    assert [tool.name for tool in asked.turn.tools] == ["f"] and asked.ignored == ("tools.web_search",)
    error = refusal_of({"input": "Hi", "tools": [{"type": "web_search"}, {"type": "mcp"}]})
    assert error.param == "tools" and "web_search, mcp" in error.message
    assert (
        refusal_of({"input": "Hi", "tools": [FUNCTION], "tool_choice": {"type": "file_search"}}).param == "tool_choice"
    )


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", ToolChoice()),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("any")),
        *(({"type": kind}, ToolChoice(kind)) for kind in ("auto", "any", "none")),
        ({"type": "function", "name": "f"}, ToolChoice("tool", "f")),
        ({"type": "custom", "name": "f"}, ToolChoice("tool", "f")),
    ],
)
def test_tool_choice(choice: object, expected: ToolChoice) -> None:
    assert turn_of(tools=[FUNCTION], tool_choice=choice).tool_choice == expected


def test_allowed_tools_narrow_the_list() -> None:
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}
    turn = turn_of(tools=[FUNCTION, {**FUNCTION, "name": "g"}], tool_choice=allowed)
    assert [tool.name for tool in turn.tools] == ["f"] and turn.tool_choice.type == "any"


def test_allowed_tools_skip_hosted_ones_beside_functions() -> None:
    hosted = {"type": "mcp", "server_label": "docs", "name": "f"}
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [hosted, {"type": "function", "name": "g"}]}
    turn = turn_of(tools=[FUNCTION, {**FUNCTION, "name": "g"}, hosted], tool_choice=allowed)
    assert [tool.name for tool in turn.tools] == ["g"]


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ([{"type": "function", "name": "f"}, {"type": "custom", "name": "no"}], "tool_choice.tools[1]"),
        ([{"type": "web_search"}], "tool_choice.tools"),
    ],
)
def test_allowed_tools_that_are_not_offered_are_refused(tools: Any, param: str) -> None:
    choice = {"type": "allowed_tools", "mode": "auto", "tools": tools}
    assert (
        refusal_of({"input": "Hi", "tools": [FUNCTION, {"type": "web_search"}], "tool_choice": choice}).param == param
    )


def test_a_choice_that_is_not_offered_is_refused() -> None:
    body = {"input": "Hi", "tools": [FUNCTION], "tool_choice": {"type": "function", "name": "g"}}
    assert refusal_of(body).param == "tool_choice"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"max_output_tokens": 1.5}, "max_output_tokens"),
        ({"reasoning": "high"}, "reasoning"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"metadata": "x"}, "metadata"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].id"),
        ({"input": [user("Hi"), said("Yes")]}, "input[1].role"),
    ],
)
def test_what_would_change_the_answer_is_refused(body: Wire, param: str) -> None:
    assert refusal_of({"input": "Hi", **body}).param == param


def test_nulls_mean_absent() -> None:
    names = [parameter.name for parameter in PARAMETERS if parameter.name != "input"]
    asked = read({"input": "Hi", **dict.fromkeys(names)})
    assert asked.turn.messages == read({"input": "Hi"}).turn.messages and asked.ignored == ()


def test_what_has_no_effect_is_told() -> None:
    asked = ask(
        temperature=0.2, text={"verbosity": "low"}, max_tool_calls=3, include=["message.output_text.logprobs", "x"]
    )
    assert set(asked.ignored) == {
        "temperature",
        "text.verbosity",
        "max_tool_calls",
        "include.message.output_text.logprobs",
    }


def test_structured_output_length_and_effort() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    form = {"type": "json_schema", "name": "n", "schema": schema, "strict": True}
    turn = turn_of(text={"format": form}, max_tokens=9, reasoning={"effort": "minimal"})
    assert (turn.output_schema, turn.max_tokens, turn.effort) == (schema, 9, "low")
    assert turn_of(max_output_tokens=5, max_tokens=9).max_tokens == 5
    assert not turn_of(reasoning={"effort": "none"}).thinking


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["type", "role", "content", "call_id", "name", "arguments", "output", "id", "summary", "encrypted_content", "input"]
)
WORDS = st.sampled_from(["message", "user", "assistant", "function_call", "function_call_output", "reasoning", "c1"])
ITEMS = st.lists(st.dictionaries(FIELDS, WORDS | JSON, max_size=6), max_size=5)


@given(st.dictionaries(st.sampled_from([p.name for p in PARAMETERS]), JSON), ITEMS | JSON)
@PROPERTY
def test_whatever_the_body_holds_it_is_read_or_refused(body: Wire, items: Any) -> None:
    try:
        read({**body, "model": "sonnet", "input": items})
    except InvalidRequestError as error:
        assert error.param
