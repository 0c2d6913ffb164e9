"""A client's JSON Schema in the one dialect that the CLI reads."""

from __future__ import annotations

from typing import Any

import pytest

from tray_bridge.bridge.output_schema import plain_schema

TEXT = {"type": "string"}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the name of a draft": ({"$schema": "https://json-schema.org/draft/2020-12/schema", **TEXT}, TEXT),
    "notes of OpenAPI": ({**TEXT, "example": "a", "x-order": 1, "discriminator": {"propertyName": "k"}}, TEXT),
    "a tuple of 2020-12": (
        {"type": "array", "prefixItems": [TEXT], "items": False},
        {"type": "array", "items": [TEXT], "additionalItems": False},
    ),
    "additional items beside a single schema": ({"items": TEXT, "additionalItems": TEXT}, {"items": TEXT}),
    "dependencies of 2019-09": (
        {"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": {"required": ["d"], "x-y": 1}}},
        {"dependencies": {"a": ["b"], "c": {"required": ["d"]}}},
    ),
    "flags of draft-04": (
        {"minimum": 0, "exclusiveMinimum": True, "maximum": 9, "exclusiveMaximum": False},
        {"exclusiveMinimum": 0, "maximum": 9},
    ),
    "a then without an if": ({"then": TEXT, "else": TEXT}, {}),
    "nullable without a type": ({"nullable": True, "enum": ["a", None]}, {"enum": ["a", None]}),
    "values named twice": ({"enum": [1, "1", 1, True]}, {"enum": [1, "1", True]}),
    "rules without a counterpart": (
        {"type": "object", "unevaluatedProperties": False, "minContains": 2},
        {"type": "object"},
    ),
    "all levels": (
        {
            "properties": {"a": {"anyOf": [{"$ref": "#/$defs/n"}, {"not": {"example": 1}}]}, "example": TEXT},
            "$defs": {"n": {"items": {"x-a": 1, **TEXT}}},
            "additionalProperties": {"x-b": 1},
        },
        {
            "properties": {"a": {"anyOf": [{"$ref": "#/$defs/n"}, {"not": {}}]}, "example": TEXT},
            "$defs": {"n": {"items": TEXT}},
            "additionalProperties": {},
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_other_dialects_are_put_in_draft_07s_words(case: str) -> None:
    schema, expected = CASES[case]
    assert plain_schema(schema) == expected


def test_what_draft_07_knows_stays_as_it_is() -> None:
    schema = {
        "$id": "https://example.com/a",
        "title": "A",
        "type": "object",
        "properties": {"a": {"type": ["string", "null"], "format": "date-time", "default": {"example": 1}}},
        "patternProperties": {"^x-": True},
        "required": ["a"],
        "additionalProperties": False,
        "if": {"const": 1},
        "then": {"const": 1},
        "examples": [{"x-a": 1}],
        "enum": [{"x-a": 1}],
    }
    assert plain_schema(schema) == schema


@pytest.mark.parametrize("value", [None, 3, "x", [1], {"a": 1}])
@pytest.mark.parametrize(
    "key", ["properties", "items", "dependentRequired", "dependencies", "enum", "anyOf", "minimum"]
)
def test_nonsense_raises_nothing(key: str, value: Any) -> None:
    plain_schema({key: value, "exclusiveMinimum": True, "prefixItems": value})
