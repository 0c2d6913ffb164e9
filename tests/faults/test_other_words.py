"""What other libraries write in other words (faults H1 to H9): read where its meaning is plain, named where not."""

from __future__ import annotations

import base64
import io
from typing import Any

import httpx
import pytest
from PIL import Image as Picture

from tests.bridge.chat_bodies import read as read_body
from tests.faults.test_history import PIXEL, read
from tests.running_bridge import RunningBridge, directive
from tray_bridge.bridge.answer_limits import read_effort, read_format
from tray_bridge.bridge.tools import read_tools
from tray_bridge.errors import InvalidRequestError
from tray_bridge.turns import Image, Text, ToolChoice

Wire = dict[str, Any]
OK = directive(text="ok")


def user(content: Any, **fields: Any) -> Wire:
    return {"role": "user", "content": content, **fields}


@pytest.mark.parametrize("names", [("human", "ai"), ("Human", "AI"), ("USER", "Assistant"), ("user", "model")])
def test_h1_roles_of_other_libraries_are_read(names: tuple[str, str]) -> None:
    first, second = names
    past = [{"role": first, "content": "Hi"}, {"role": second, "content": "Yes"}]
    turn = read_body({"messages": [*past, user("Go")]}).turn
    assert [message.role for message in turn.messages] == ["user", "assistant", "user"]


def test_h1_a_system_message_in_capitals_is_the_systems() -> None:
    turn = read_body({"messages": [{"role": "System", "content": "Be kind."}, {"role": "User", "content": "Go"}]}).turn
    assert turn.system == ("Be kind.",)


def test_h2_a_result_whose_call_was_cut_off_is_left_out_and_named() -> None:
    orphan = {"role": "tool", "tool_call_id": "gone", "content": "r"}
    blocks, ignored = read(orphan, user("Go"))
    assert blocks == [Text("Go")] and ignored == ["tool_result.without_call"]
    with pytest.raises(InvalidRequestError):
        read(user("Go"), orphan)


def test_h3_a_newest_message_without_content_is_refused_by_its_path() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        read({"role": "user", "parts": [{"text": "Go"}]})
    assert refused.value.param == "messages[0].content"
    assert read({"role": "user", "parts": []}, {"role": "assistant", "content": "Yes"}, user("Go"))[0] == [Text("Go")]


@pytest.mark.parametrize("form", ["BMP", "TIFF", "ICO", "AVIF"])
def test_h4_pictures_that_claude_does_not_read_are_converted_and_named(form: str) -> None:
    if form not in {*Picture.registered_extensions().values()}:
        pytest.skip(f"no {form} in this Pillow")
    written = io.BytesIO()
    Picture.new("RGB", (40, 30), "red").save(written, form)
    url = f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"
    (block,), ignored = read(user([{"type": "image_url", "image_url": {"url": url}}]))
    assert isinstance(block, Image) and block.media_type == "image/png" and ignored == ["image.converted"]
    with Picture.open(io.BytesIO(base64.b64decode(block.data))) as seen:
        assert max(seen.size) == 40 or form == "ICO"


def test_h4_a_picture_of_a_phone_that_cannot_be_converted_is_named() -> None:
    heic = base64.b64encode(b"\0\0\0\x18ftypheic" + bytes(40)).decode()
    with pytest.raises(InvalidRequestError, match="HEIC"):
        read(user([{"type": "image_url", "image_url": {"url": f"data:image/heic;base64,{heic}"}}]))


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "image": f"data:image/png;base64,{PIXEL}"},
        {"type": "image", "image": PIXEL, "mediaType": "image/png"},
        {"type": "image_url", "image_url": f"data:image/png;base64,data:image/png;base64,{PIXEL}"},
    ],
)
def test_h5_a_picture_in_other_fields_is_seen(part: Wire) -> None:
    assert read(user([part]))[0] == [Image("image/png", PIXEL)]


@pytest.mark.parametrize(
    "form",
    ["\n data:image/png;base64,{}", '"data:image/png;base64,{}"', "<data:image/png;base64,{}>", "data:base64,{}",
     "DATA:IMAGE/PNG; charset=utf-8; base64, {}", "data:image/png;name=a,b.png;base64,{}"],
)  # fmt: skip
def test_h5_a_data_url_in_odd_forms_is_read(form: str) -> None:
    part = {"type": "image_url", "image_url": {"url": form.format(PIXEL)}}
    assert read(user([part]))[0] == [Image("image/png", PIXEL)]


@pytest.mark.parametrize("size", [(9000, 1), (3, 20000)])
def test_a19_a_picture_that_is_long_and_thin_is_scaled(size: tuple[int, int]) -> None:
    Picture.new("RGB", size, "red").save(written := io.BytesIO(), "PNG")
    url = f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"
    (block,), changed = read(user([{"type": "image_url", "image_url": {"url": url}}]))
    assert isinstance(block, Image) and changed == ["image.scaled"]


def test_h5_a_text_as_in_the_assistants_api_is_read() -> None:
    assert read(user([{"type": "text", "text": {"value": "Go", "annotations": []}}]))[0] == [Text("Go")]


SCHEMA: Wire = {"type": "object", "properties": {"path": {"type": "string"}}}


@pytest.mark.parametrize(
    "field", ["parameters", "input_schema", "inputSchema", "parametersJsonSchema", "schema", "args_schema"]
)
@pytest.mark.parametrize("nested", [False, True])
def test_h6_a_tool_keeps_its_schema_under_any_field(field: str, nested: bool) -> None:
    spec = {"name": "read", field: SCHEMA}
    tool = {"type": "function", "function": spec} if nested else spec
    tools, _ = read_tools({"tools": [None, tool]}, [])
    (found,) = tools
    assert found.input_schema == SCHEMA


def test_h6_coheres_definitions_of_parameters_are_a_schema() -> None:
    definitions = {"path": {"type": "str", "required": True}, "depth": {"type": "int"}}
    (found,), _ = read_tools({"tools": [{"name": "read", "parameter_definitions": definitions}]}, [])
    properties = {"path": {"type": "string"}, "depth": {"type": "integer"}}
    assert found.input_schema == {"type": "object", "properties": properties, "required": ["path"]}


def test_h6_a_tool_choice_in_other_words_is_read() -> None:
    tools = [{"name": "read", "parameters": SCHEMA}]
    assert read_tools({"tools": tools, "tool_choice": "read"}, [])[1] == ToolChoice("tool", "read")
    assert read_tools({"tools": tools, "tool_choice": "Required"}, [])[1] == ToolChoice("any")
    with pytest.raises(InvalidRequestError):
        read_tools({"tools": tools, "tool_choice": "write"}, [])


def asked(bridge: RunningBridge, path: str, **body: Any) -> httpx.Response:
    return httpx.post(bridge.url + path, json={"model": "sonnet", **body}, timeout=60)


def test_h7_three_hundred_tools_with_long_names_reach_the_model(bridge: RunningBridge) -> None:
    names = [f"mcp__a_server_with_a_long_name__{'a_tool_' * 12}{number}" for number in range(300)]
    tools = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in names]
    response = asked(bridge, "/v1/chat/completions", messages=[user(OK)], tools=tools)
    assert response.status_code == 200, response.text
    assert sorted(tool["name"] for tool in bridge.standin.requests[-1].body["tools"]) == sorted(names)
    assert 100 < len(names[-1]) < 128


def test_h8_items_of_hosted_tools_in_the_past_are_named(bridge: RunningBridge) -> None:
    past = [user("x"), {"type": "web_search_call", "id": "ws_1"}, {"type": "local_shell_call", "call_id": "c"}]
    response = asked(bridge, "/v1/responses", input=[*past, {"role": "tool", "content": "y"}, user(OK)])
    assert response.status_code == 200, response.text
    ignored = response.headers["x-bridge-ignored"]
    assert "input.web_search_call" in ignored and "input.local_shell_call" in ignored


def test_h9_switches_in_other_words_are_read() -> None:
    assert read_format("json_object", "response_format") == {"type": "object"}
    assert read_format("text", "response_format") is None
    assert read_effort("true", "think") == (None, True)
    turns = [read_body({"messages": [user("Go")], "thinking": word}).turn for word in (True, False)]
    assert [turn.thinking for turn in turns] == [True, False]
