"""Tools that are a choice between schemas at the root reach Claude as one object, with all they say (fault A26)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.faults.test_dialects import TOOLS, asked
from tests.running_bridge import RunningBridge
from tray_bridge.bridge.root_choice import one_object
from tray_bridge.bridge.tool_keys import ToolKeys
from tray_bridge.bridge.tool_schemas import tool_schema
from tray_bridge.turns import Message, Text, Tool, Turn

T = {"type": "string"}
X = {"type": "object", "properties": {"kind": {"const": "x"}, "a": T}, "required": ["kind", "a"]}
Y = {"type": "object", "properties": {"kind": {"const": "y"}, "b": T}, "required": ["kind"]}


def flat(schema: dict[str, Any]) -> tuple[dict[str, Any], str]:
    tool = one_object(Tool("t", "Look.", {"type": "object", **schema}, "tools[0]"))
    assert not tool.input_schema.keys() & {"anyOf", "oneOf", "allOf"}
    return dict(tool.input_schema), tool.description


@pytest.mark.parametrize("word", ["anyOf", "oneOf"])
def test_a26_the_branches_of_a_choice_are_in_the_description(word: str) -> None:
    schema, words = flat({word: [X, Y]})
    assert schema["properties"] == {"kind": {"anyOf": [{"const": "x"}, {"const": "y"}]}, "a": T, "b": T}
    assert schema["required"] == ["kind"]
    assert words.startswith("Look.\n\n") and json.dumps({word: [X, Y]}) in words


def test_a26_parts_that_hold_at_once_need_no_words() -> None:
    base = {"type": "object", "properties": {"id": T}, "required": ["id"]}
    given = {"properties": {"n": T}, "allOf": [{"$ref": "#/$defs/Base"}], "$defs": {"Base": base}}
    schema, words = flat(given)
    assert schema["properties"] == {"n": T, "id": T} and schema["required"] == ["id"] and words == "Look."


def test_a26_conditions_within_a_choice_are_kept_as_words() -> None:
    given = {"properties": {"b": T}, "allOf": [{"if": {"required": ["b"]}, "then": {"properties": {"c": T}}}]}
    schema, words = flat(given)
    assert schema["properties"] == {"b": T, "c": T} and '"if"' in words


@pytest.mark.parametrize(
    "branches", [[{"$ref": "#"}], [{"$ref": "#/$defs/A"}], [True, {"type": "null"}], [{"allOf": [Y]}]]
)
def test_a26_odd_branches_end(branches: list[Any]) -> None:
    schema, _ = flat({"anyOf": branches, "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}]}}})
    assert schema["type"] == "object"


def test_a26_keys_that_are_not_plain_are_mapped_in_the_branches_too() -> None:
    schema = {"type": "object", "anyOf": [{"properties": {"$a": T}, "required": ["$a"]}]}
    keys = ToolKeys(Turn(model="m", messages=(Message("user", (Text("x"),)),), tools=(Tool("t", "", schema, "p"),)))
    (tool,) = keys.turn.tools
    assert tool.input_schema["properties"].keys() == {"a"} and tool.input_schema["required"] == ["a"]


@pytest.mark.parametrize("wrapper", ["json", "schema", "jsonSchema"])
def test_a26_a_schema_that_is_wrapped_once_more_is_read(wrapper: str) -> None:
    inner = {"type": "object", "properties": {"a": T}}
    assert tool_schema({wrapper: inner}, "p") == inner
    assert tool_schema({"city": T}, "p") == {"type": "object", "properties": {"city": T}}


@pytest.mark.parametrize("dialect", TOOLS)
def test_a26_such_a_tool_arrives_with_all_that_it_says(bridge: RunningBridge, dialect: str) -> None:
    path, body, tool, _ = TOOLS[dialect]
    response = asked(bridge, path, {**body, "tools": [tool("t", {"oneOf": [X, Y]})]})
    assert response.status_code == 200, response.text
    (arrived,) = bridge.standin.requests[-1].body["tools"]
    assert arrived["input_schema"]["properties"].keys() == {"kind", "a", "b"}
    assert json.loads(arrived["description"].partition(": ")[2]) == {"oneOf": [X, Y]}
