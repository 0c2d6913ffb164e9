"""Kindness to the past and to odd words (faults A9, A13 to A20): read as any dialect's shared readers read it."""

from __future__ import annotations

import base64
import io
import random
from typing import Any

import pytest
from PIL import Image as Picture

from tray_bridge.bridge.answer_limits import read_effort, read_format
from tray_bridge.bridge.messages import read_messages
from tray_bridge.bridge.tool_history import read_arguments
from tray_bridge.errors import InvalidRequestError
from tray_bridge.turns import Document, Image, Text, ToolResult

Wire = dict[str, Any]
PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da63fcff1f0003030200efa37c9f"
        "0000000049454e44ae426082"
    )
).decode()


def read(*messages: Wire) -> tuple[list[Any], list[str]]:
    """The blocks of the newest user message, and what was ignored."""
    ignored: list[str] = []
    given = [(f"messages[{at}]", message) for at, message in enumerate(messages)]
    return list(read_messages(given, {}, ignored).messages[-1].content), ignored


@pytest.mark.parametrize("empty", ["[]", " [] ", [], "", None, {}, "{}", "null", "None", "undefined", '""', "''"])
def test_a9_no_arguments_in_any_words_are_an_empty_object(empty: object) -> None:
    assert read_arguments(empty) == {}


@pytest.mark.parametrize(
    "written",
    ['"{\\"a\\": \\"x\\"}"', "{'a': 'x'}", '\ufeff{"a": "x"}', '```json\n{"a": "x"}\n```', "```\n{'a': 'x'}```"],
)
def test_a9_arguments_in_other_words_are_read(written: str) -> None:
    assert read_arguments(written) == {"a": "x"}


def test_a9_arguments_with_a_raw_line_break_are_read() -> None:
    assert read_arguments('{"a": "x\ny"}') == {"a": "x\ny"}


@pytest.mark.parametrize("written", ["{'a'}", "{'a': {1, 2}}", "[1]", "a=1", "{'a': float('nan')}", '{"a":1,'])
def test_a9_arguments_without_a_plain_meaning_stay_as_they_came(written: str) -> None:
    assert read_arguments(written) == {"_raw": written}


@pytest.mark.parametrize("word", ["", "default", "auto", "Auto", None])
def test_a13_words_for_the_default_effort_are_not_given(word: object) -> None:
    assert read_effort(word, "reasoning_effort") == (None, True)


def test_a13_words_for_efforts_are_read_in_any_case() -> None:
    assert read_effort("High", "reasoning_effort") == read_effort("high", "reasoning_effort")
    assert read_effort("off", "reasoning_effort") == read_effort("none", "reasoning_effort")
    with pytest.raises(InvalidRequestError):
        read_effort("gigantic", "reasoning_effort")


def result(content: object) -> tuple[Any, ...]:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    blocks, _ = read(
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": content},
    )
    (block,) = blocks
    assert isinstance(block, ToolResult)
    return block.content


RESULTS: list[tuple[object, tuple[Any, ...]]] = [
    (5, (Text("5"),)),
    ({"type": "sunny"}, (Text('{"type": "sunny"}'),)),
    ([{"type": "sunny"}, {"a": 1}, 7], (Text('{"type": "sunny"}'), Text('{"a": 1}'), Text("7"))),
    ({"text": "a", "n": 1}, (Text('{"text": "a", "n": 1}'),)),
    ([{"type": "resource", "resource": {"uri": "file:///a", "text": "inside"}}], (Text("inside"),)),
    ([{"type": "resource_link", "name": "a", "uri": "file:///a"}], (Text("a file:///a"),)),
    ([{"type": "image", "data": PIXEL, "mimeType": "image/png"}], (Image("image/png", PIXEL),)),
    ([{"type": "resource", "resource": {"uri": "a.png", "blob": PIXEL}}], (Image("image/png", PIXEL),)),
]


@pytest.mark.parametrize(("content", "right"), RESULTS)
def test_a14_what_tools_return_is_understood(content: object, right: tuple[Any, ...]) -> None:
    assert result(content) == right


def test_a15_pictures_beside_the_content_are_seen() -> None:
    blocks, _ = read({"role": "user", "content": "Look", "images": [PIXEL]})
    assert blocks == [Image("image/png", PIXEL), Text("Look")]


def test_a16_a_json_object_with_a_schema_is_held_to_it() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert read_format({"type": "json_object", "schema": schema}, "response_format") == schema


@pytest.mark.parametrize(
    "url", ["", "blob:http://x/1", "data:image/png;base64,AAAA", "https://gone.example/a.png", None]
)
def test_a17_a_picture_of_the_past_that_cannot_be_had_is_left_out_and_named(url: object) -> None:
    picture = {"type": "image_url", "image_url": {"url": url}}
    past = {"role": "user", "content": [{"type": "text", "text": "Look"}, picture]}
    answer = {"role": "assistant", "content": "Yes"}
    blocks, ignored = read(past, answer, {"role": "user", "content": "And now?"})
    assert blocks == [Text("And now?")] and ignored == ["content.image_url.unreadable"]
    with pytest.raises(InvalidRequestError):
        read(past)


def noise(width: int, height: int) -> str:
    pixels = random.Random(1).randbytes(width * height * 3)
    written = io.BytesIO()
    Picture.frombytes("RGB", (width, height), pixels).save(written, "PNG")
    return base64.b64encode(written.getvalue()).decode()


def test_a19_a_photo_of_more_than_5_mb_is_scaled_and_named() -> None:
    photo = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{noise(1500, 1250)}"}}
    (block,), ignored = read({"role": "user", "content": [photo]})
    assert isinstance(block, Image) and not isinstance(block, Document)
    data = base64.b64decode(block.data)
    assert len(data) <= 5 * 2**20 and block.media_type == "image/jpeg"
    with Picture.open(io.BytesIO(data)) as picture:
        assert picture.size == (1500, 1250)
    assert ignored[0] == "image.scaled"


def test_a18_a_picture_that_claude_code_makes_a_jpeg_of_is_named() -> None:
    photo = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{noise(500, 400)}"}}
    _, ignored = read({"role": "user", "content": [photo]})
    assert ignored == ["image.reencoded"]
    _, ignored = read({"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]})
    assert ignored == []


def blank(width: int, height: int) -> Wire:
    written = io.BytesIO()
    Picture.new("RGB", (width, height), "navy").save(written, "PNG")
    return {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"},
    }


@pytest.mark.parametrize(
    ("size", "ignored"),
    [((1999, 1999), ["image.reencoded"]), ((1960, 1900), []), ((10, 2001), ["image.reencoded"]), ((2000, 900), [])],
)
def test_a18_a_picture_of_many_tiles_is_named_too(size: tuple[int, int], ignored: list[str]) -> None:
    assert read({"role": "user", "content": [blank(*size)]})[1] == ignored


@pytest.mark.parametrize(("count", "sizes"), [(20, {(2400, 8)}), (21, {(2000, 7)})])
def test_a20_more_than_20_pictures_have_no_side_above_2000(count: int, sizes: set[tuple[int, int]]) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ignored: list[str] = []
    messages: list[Wire] = [
        {"role": "user", "content": [blank(2400, 8)] * (count - 1)},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": [blank(2400, 8)]},
    ]
    given = [(f"messages[{at}]", message) for at, message in enumerate(messages)]
    conversation = read_messages(given, {}, ignored)
    (returned,) = conversation.messages[2].content
    assert isinstance(returned, ToolResult)
    pictures = [block for block in (*conversation.messages[0].content, *returned.content) if isinstance(block, Image)]
    assert len(pictures) == count
    assert {Picture.open(io.BytesIO(base64.b64decode(picture.data))).size for picture in pictures} == sizes
    assert ("image.scaled" in ignored) is (count > 20)
