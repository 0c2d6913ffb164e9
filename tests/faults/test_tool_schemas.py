"""Schemas of tools in every dialect and generation (faults A1, A2, A5): mended where the meaning is plain, or named."""

from __future__ import annotations

import json
import random
from typing import Any

import httpx
import jsonschema
import pytest

from tests.running_bridge import RunningBridge, directive
from tray_bridge.bridge.tool_schemas import tool_schema
from tray_bridge.errors import InvalidRequestError

Wire = dict[str, Any]
META = jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)
AT = "tools[0].function.parameters"


def mended(**properties: Any) -> Any:
    """The properties of an object after mending."""
    return tool_schema({"type": "object", "properties": properties}, AT)["properties"]


def takes(schema: Wire) -> bool:
    """What the CLI asks of a tool's schema, but for the keys: valid in 2020-12, and its MCP client's own demands."""
    properties = schema.get("properties", {})
    return (
        META.is_valid(schema)
        and schema.get("type") == "object"
        and isinstance(properties, dict)
        and all(isinstance(each, dict) for each in properties.values())
    )


VALID: list[Wire] = [
    {"type": "object", "properties": {"v": {"type": ["string", "null"], "default": None}}},
    {"type": "object", "properties": {"v": {"enum": [None, 1]}, "w": {}}, "x-more": [1, {"y": None}]},
    {"type": "object", "properties": {"t": {"prefixItems": [{"type": "string"}], "items": False}}},
    {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "title": "T"},
    {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "integer", "minimum": 0}}},
    {"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}], "properties": {"a": {}, "b": {}}},
]


@pytest.mark.parametrize("schema", VALID)
def test_a5_a_valid_schema_stays_as_it_is(schema: Wire) -> None:
    assert tool_schema(schema, AT) == schema


@pytest.mark.parametrize("empty", [None, [], {}, True])
def test_a1_no_parameters_in_any_words_are_an_empty_object(empty: object) -> None:
    assert tool_schema(empty, AT) == {"type": "object", "properties": {}}


@pytest.mark.parametrize("key", ["properties", "$defs", "definitions", "patternProperties"])
def test_a1_an_empty_array_of_php_is_an_empty_object(key: str) -> None:
    assert tool_schema({"type": "object", key: []}, AT)[key] == {}
    assert mended(v={"type": "object", key: []}) == {"v": {"type": "object", key: {}}}
    assert mended(v=[], w={"items": []}) == {"v": {}, "w": {}}


def test_a2_a_null_of_go_is_a_keyword_left_out() -> None:
    given = {"type": "object", "properties": None, "required": None, "description": None, "additionalProperties": None}
    assert tool_schema(given, AT) == {"type": "object"}
    assert mended(v=None, w={"type": "string", "enum": None, "items": None}) == {"v": {}, "w": {"type": "string"}}


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("a", ["a"]),
        ({"0": "a", "1": "b"}, ["a", "b"]),
        ({}, []),
        (["a", "a"], ["a"]),
        ({"a": True, "b": False}, ["a"]),
        (["a", None], ["a"]),
    ],
)
def test_a2_required_is_a_list_of_names(given: object, right: list[str]) -> None:
    assert tool_schema({"type": "object", "properties": {"a": {}}, "required": given}, AT)["required"] == right


OLDER: list[tuple[Wire, Wire]] = [
    ({"minimum": 1, "exclusiveMinimum": True}, {"exclusiveMinimum": 1}),
    ({"maximum": 1, "exclusiveMaximum": False}, {"maximum": 1}),
    ({"items": [{"type": "string"}], "additionalItems": False}, {"prefixItems": [{"type": "string"}], "items": False}),
    ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
    ({"type": "string", "nullable": True, "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
    ({"$ref": "#/$defs/n", "nullable": True}, {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}),
    ({"type": "STRING"}, {"type": "string"}),
    ({"type": "int32", "minimum": "3"}, {"type": "integer", "minimum": 3}),
    ({"type": "float"}, {"type": "number"}),
    ({"type": "dict"}, {"type": "object"}),
    ({"type": "any", "description": 5}, {"description": "5"}),
    ({"type": "string[]"}, {"type": "array", "items": {"type": "string"}}),
    ({"type": "string|null"}, {"type": ["string", "null"]}),
    ({"type": ["string", {"type": "integer"}]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
    ({"enum": {"0": "a", "1": "b"}}, {"enum": ["a", "b"]}),
    ({"anyOf": []}, {}),
    ({"anyOf": {"type": "string"}}, {"anyOf": [{"type": "string"}]}),
    ({"dependencies": {"a": ["b"]}}, {"dependentRequired": {"a": ["b"]}}),
    ({"maxLength": -1, "minLength": 2.0, "maxItems": 0}, {"minLength": 2.0, "maxItems": 0}),
    ({"uniqueItems": "true", "multipleOf": 0}, {"uniqueItems": True}),
    ({"examples": "a"}, {"examples": ["a"]}),
    ({"$id": "#here"}, {"$anchor": "here"}),
    ({"type": "TYPE_STRING"}, {"type": "string"}),
    ({"type": "java.lang.Integer"}, {"type": "integer"}),
    ({"type": "Optional[str]"}, {"type": ["string", "null"]}),
    ({"type": "typing.Union[int, None]"}, {"type": ["integer", "null"]}),
    ({"type": "List<List<String>>"}, {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}),
    ({"type": "Dict[str, int | None]"}, {"type": "object", "additionalProperties": {"type": ["integer", "null"]}}),
    ({"type": "Literal['a', 'b']"}, {"enum": ["a", "b"]}),
    ({"type": "enum", "values": ["a", 1]}, {"enum": ["a", 1]}),
    ({"type": "string", "description": {"en": "City"}}, {"type": "string", "description": '{"en": "City"}'}),
    ({"type": "string?"}, {"type": ["string", "null"]}),
    ({"type": {"type": "string"}}, {"anyOf": [{"type": "string"}]}),
    ({"disallow": "string"}, {"not": {"type": "string"}}),
    ({"extends": {"type": "string"}}, {"allOf": [{"type": "string"}]}),
    ({"divisibleBy": 2}, {"multipleOf": 2}),
    ({"$recursiveRef": "#", "$recursiveAnchor": True}, {"$ref": "#"}),
    ({"$recursiveRef": 5}, {}),
    ({"$vocabulary": []}, {}),
    ({"$id": "https://example.com/a#"}, {"$id": "https://example.com/a#"}),
    ({"$id": "https://example.com/a#b"}, {}),
    ({"$id": 5}, {}),
    ({"minimum": 1, "exclusiveMinimum": "true"}, {"exclusiveMinimum": 1}),
    ({"exclusiveMaximum": True}, {}),
    ({"dependencies": {"a": {"type": "object"}}}, {"dependentSchemas": {"a": {"type": "object"}}}),
    ({"additionalItems": False}, {}),
    ({"$anchor": "here"}, {"$anchor": "here"}),
]


@pytest.mark.parametrize(("given", "right"), OLDER)
def test_a5_older_words_become_those_of_2020_12(given: Wire, right: Wire) -> None:
    assert mended(v=given) == {"v": right}
    assert mended(v={"type": "array", "items": {"anyOf": [given]}})["v"]["items"]["anyOf"] == [right]


@pytest.mark.parametrize(("given", "right"), [("true", True), ("1", True), ("False", False), ("0", False), (0, False)])
def test_a5_flags_in_words_are_read(given: object, right: bool) -> None:
    assert mended(v={"type": "array", "uniqueItems": given})["v"]["uniqueItems"] is right


def test_a5_a_key_that_only_claude_code_leaves_out_is_taken_at_the_root() -> None:
    assert (
        "__proto__"
        in tool_schema({"type": "object", "properties": {"__proto__": {"type": "string"}}}, AT)["properties"]
    )


def test_a5_a_property_that_says_itself_that_it_is_required() -> None:
    schema = tool_schema({"type": "object", "properties": {"a": {"required": True}, "b": {"required": False}}}, AT)
    assert schema == {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"]}


def test_a5_a_property_may_be_a_boolean_schema() -> None:
    assert mended(a=True, b=False) == {"a": {}, "b": {"not": {}}}


NAMED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


@pytest.mark.parametrize(
    "given",
    [
        [{"name": "a", "type": "string", "required": True}],
        {"type": "object", "properties": [{"name": "a", "type": "string"}], "required": ["a"]},
        {"type": "object", "properties": [{"a": {"type": "string"}}], "required": ["a"]},
        json.dumps(NAMED),
    ],
)
def test_a5_parameters_in_a_list_or_in_a_string_are_read(given: object) -> None:
    assert tool_schema(given, AT) == NAMED


REFUSED = [
    ({"v": {"type": "file"}}, ".properties.v.type"),
    ({"v": {"type": "Foo<string>"}}, ".properties.v.type"),
    ({"v": {"properties": {"__proto__": {}}}}, ".properties.v.properties.__proto__"),
    ({"v": {"enum": ["a", 2**53 + 1]}}, ".properties.v.enum[1]"),
    ({"v": {"const": -(2**53) - 1}}, ".properties.v.const"),
    ({"v": {"type": "strnig"}}, ".properties.v.type"),
    ({"v": {"items": 5}}, ".properties.v.items"),
    ({"v": {"anyOf": [{"minimum": "much"}]}}, ".properties.v.anyOf[0].minimum"),
    ({"v": {"pattern": 5}}, ".properties.v.pattern"),
    ({"v": 7}, ".properties.v"),
    ({"v": {"required": [1]}}, ".properties.v.required"),
    ({"v": {"minLength": 1.5}}, ".properties.v.minLength"),
]


@pytest.mark.parametrize(("properties", "where"), REFUSED)
def test_a5_what_has_no_plain_meaning_is_refused_by_its_path(properties: Wire, where: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        mended(**properties)
    assert refused.value.param == AT + where


# A generator of schemas, right and wrong, in every dialect.

NAMES = [
    "a",
    "b_1",
    "c.d",
    "e-f",
    "$filter",
    "filter[x]",
    "城市",
    "first name",
    "ı",
    "x" * 70,
    "0",
    "type",
    "properties",
]
TYPES: list[Any] = [
    "string",
    "integer",
    "object",
    "array",
    "STRING",
    "float",
    "any",
    ["string", "null"],
    [],
    None,
    "dict",
]
WORDS: list[tuple[str, list[Any]]] = [
    ("type", [*TYPES, "strnig", 5]),
    ("required", [True, False, None, "a", [], ["a", "a"], {"0": "a"}, [1]]),
    ("nullable", [True, False, None, "true"]),
    ("minimum", [0, -1.5, "3", None, "much"]),
    ("exclusiveMinimum", [True, False, 3, "true"]),
    ("minLength", [0, 2, -1, "2", None, 1.5]),
    ("multipleOf", [2, 0, -1, "0.5"]),
    ("uniqueItems", [True, "true", 0, None]),
    ("enum", [[1, "a", None], [], {"0": "a"}, "a", None]),
    ("pattern", ["^a", None, 5]),
    ("description", ["Words.", 5, ["a", "b"], [], None]),
    ("examples", [[1], "a", {}, None]),
    ("default", [None, 1, {}, []]),
    ("format", ["date", 5, None]),
    ("$id", ["#a", "http://x/y", 5]),
    ("dependencies", [{"a": ["b"]}, {"a": "b"}, [], None]),
    ("additionalItems", [True, False, {}]),
    ("x-own", [None, [], {}]),
    ("$recursiveAnchor", [True]),
    ("deprecated", [True, "yes", None]),
]
NESTED = ["items", "additionalProperties", "not", "if", "then", "contains", "propertyNames"]
LISTS = ["anyOf", "allOf", "oneOf", "prefixItems", "items"]
MAPS = ["properties", "$defs", "definitions", "patternProperties", "dependentSchemas"]


def generated(chance: random.Random, depth: int = 0) -> Any:
    """One schema, or what a client might send for one."""
    if depth and chance.random() < 0.12:
        return chance.choice([True, False, None, [], {}, "string", 7])
    schema: Wire = {}
    for key, values in chance.sample(WORDS, chance.randint(0, 3)):
        schema[key] = chance.choice(values)
    if depth < 3:
        for key in chance.sample(NESTED, chance.randint(0, 1)):
            schema[key] = generated(chance, depth + 1)
        for key in chance.sample(LISTS, chance.randint(0, 1)):
            schema[key] = [generated(chance, depth + 1) for _ in range(chance.randint(0, 2))]
        for key in chance.sample(MAPS, chance.randint(0, 2)):
            schema[key] = {chance.choice(NAMES): generated(chance, depth + 1) for _ in range(chance.randint(0, 3))}
            if chance.random() < 0.1:
                schema[key] = chance.choice([[], None])
    if not depth and chance.random() < 0.9:
        schema["type"] = "object"
    return schema


@pytest.mark.parametrize("count", [1000, pytest.param(5000, marks=pytest.mark.full)])
def test_a5_thousands_of_schemas_are_taken_or_named(count: int) -> None:
    chance = random.Random(5)
    taken = refused = 0
    for _ in range(count):
        given = generated(chance)
        try:
            schema = tool_schema(given, AT)
        except InvalidRequestError as error:
            assert error.param is not None and error.param.startswith(AT)
            refused += 1
            continue
        assert takes(dict(schema)), (given, schema)
        assert tool_schema(schema, AT) == schema
        taken += 1
    assert taken > 0.3 * count and refused > 0.02 * count, (taken, refused)


def offered(bridge: RunningBridge, schemas: list[Any]) -> None:
    """Offer the schemas in one request: each arrives, or the request names the first that does not."""
    while schemas:
        tools = [
            {"type": "function", "function": {"name": f"t{at}", "parameters": schema}}
            for at, schema in enumerate(schemas)
        ]
        body = {"model": "sonnet", "messages": [{"role": "user", "content": directive(text="ok")}], "tools": tools}
        response = httpx.post(f"{bridge.base_url}/chat/completions", json=body, timeout=60)
        if response.status_code == 200:
            arrived = [tool["name"] for tool in bridge.standin.requests[-1].body["tools"]]
            assert sorted(arrived) == sorted(f"t{at}" for at in range(len(schemas)))
            return
        assert response.status_code == 400, response.text
        param = response.json()["error"]["param"]
        assert param.startswith("tools["), response.text
        del schemas[int(param.removeprefix("tools[").partition("]")[0])]


def test_a5_dozens_of_schemas_reach_the_model_or_are_named(bridge: RunningBridge) -> None:
    chance = random.Random(6)
    offered(bridge, [generated(chance) for _ in range(40)])


@pytest.mark.full
@pytest.mark.timeout(900)
def test_a5_five_thousand_schemas_reach_the_model_or_are_named(bridge: RunningBridge) -> None:
    chance = random.Random(7)
    for _ in range(50):
        offered(bridge, [generated(chance) for _ in range(100)])


def test_a1_a_tool_of_php_does_not_take_the_others_with_it(bridge: RunningBridge) -> None:
    offered(
        bridge, [{"type": "object", "properties": []}, {"type": "object", "properties": {"x": {"type": "integer"}}}]
    )
    assert len(bridge.standin.requests[-1].body["tools"]) == 2


@pytest.mark.parametrize("anchor", ["#here", "9", "a b", 5])
def test_a5_an_anchor_that_is_no_plain_name_is_named(anchor: object) -> None:
    with pytest.raises(InvalidRequestError, match="plain name"):
        mended(v={"$anchor": anchor})
