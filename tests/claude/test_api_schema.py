"""Which schemas of an answer the Messages API itself takes, and what becomes of a refusal."""

from __future__ import annotations

from typing import Any

import pytest

from tray_bridge.claude.api_schema import ApiSchemas, SchemaIgnoredError, check_answer, is_taken
from tray_bridge.errors import UpstreamError
from tray_bridge.turns import Turn

TEXT = {"type": "string"}
REFUSAL = UpstreamError("output_config.format: not supported", status=400)


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


CAT = closed(kind={"const": "cat"}, name=TEXT)
TAKEN = {
    "plain": closed(city=TEXT, people={"type": "integer"}),
    "optional field": {**closed(city=TEXT), "required": []},
    "list": closed(names={"type": "array", "items": TEXT, "minItems": 1}),
    "choice": closed(colour={"enum": ["red", None, 3]}),
    "definition": {**closed(pet={"$ref": "#/$defs/Cat"}, other={"$ref": "#/$defs/Cat"}), "$defs": {"Cat": CAT}},
    "one of several": closed(pet={"anyOf": [CAT, {"type": "null"}]}),
    "several types": closed(size={"type": ["integer", "null"]}),
    "notes": {**closed(at={"type": "string", "format": "date", "description": "When"}), "title": "Event"},
}
NOT_TAKEN: dict[str, Any] = {
    "open object": {"type": "object", "properties": {"city": TEXT}},
    "open object within": closed(pet={"type": "object", "properties": {"name": TEXT}}),
    "no object": {"type": "array", "items": TEXT},
    "pattern": closed(city={"type": "string", "pattern": "^A"}),
    "length": closed(city={"type": "string", "minLength": 1}),
    "limit": closed(people={"type": "integer", "minimum": 0}),
    "two of a list": closed(names={"type": "array", "items": TEXT, "minItems": 2}),
    "unknown format": closed(at={"type": "string", "format": "regex"}),
    "reference to nothing": closed(pet={"$ref": "#/$defs/Dog"}),
    "reference elsewhere": closed(pet={"$ref": "https://example.com/pet.json"}),
    "contains itself": {
        **closed(pet={"$ref": "#/$defs/Cat"}),
        "$defs": {"Cat": closed(kitten={"$ref": "#/$defs/Cat"})},
    },
    "one of": closed(pet={"oneOf": [CAT]}),
    "free fields": {**closed(city=TEXT), "additionalProperties": TEXT},
    "required and unknown": {**closed(city=TEXT), "required": ["town"]},
    "object in a choice": closed(pet={"enum": [{"a": 1}]}),
    "unknown type": closed(city={"type": "text"}),
    "too many optional": {**closed(**{f"f{n}": TEXT for n in range(25)}), "required": []},
    "too many unions": closed(**{f"f{n}": {"type": ["string", "null"]} for n in range(17)}),
    "not a schema": closed(city="text"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_schema_within_the_subset_binds_no_worker(name: str) -> None:
    assert is_taken(TAKEN[name])
    assert ApiSchemas().prepare(Turn("sonnet", (), output_schema=TAKEN[name])).bound_schema is None


@pytest.mark.parametrize("name", NOT_TAKEN)
def test_any_other_schema_is_bound(name: str) -> None:
    assert not is_taken(NOT_TAKEN[name])
    assert ApiSchemas().prepare(Turn("sonnet", (), output_schema=NOT_TAKEN[name])).bound_schema == NOT_TAKEN[name]


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("opus", True),
        ("claude-haiku-4-5", True),
        ("claude-sonnet-4-5-20250929", True),
        ("claude-opus-5", True),
        ("claude-opus-4-1", False),
        ("claude-opus-4-1-20250805", False),
        ("claude-sonnet-4-20250514", False),
        ("claude-3-5-haiku-20241022", False),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", False),
    ],
)
def test_models_before_claude_4_5_are_bound(model: str, takes: bool) -> None:
    turn = ApiSchemas().prepare(Turn(model, (), output_schema=TAKEN["plain"]))
    assert (turn.bound_schema is None) == takes


def test_a_turn_without_a_schema_stays_as_it_is() -> None:
    turn = Turn("sonnet", ())
    assert ApiSchemas().prepare(turn) is turn


def test_a_schema_that_the_api_refused_is_bound_from_then_on() -> None:
    schemas = ApiSchemas()
    asked = Turn("sonnet", (), output_schema=TAKEN["plain"])
    turn = schemas.prepare(asked)
    assert not schemas.note_refusal(turn, UpstreamError("An image is too large.", status=400))
    assert not schemas.note_refusal(asked, REFUSAL)
    assert schemas.note_refusal(turn, REFUSAL)
    assert schemas.prepare(asked).bound_schema == TAKEN["plain"]
    other = Turn("sonnet", (), output_schema=TAKEN["list"])
    assert schemas.prepare(other).bound_schema is None


@pytest.mark.parametrize("text", ["", "Fine.", "[1]", '{"city": "Ulm"}', '{"city": "Ulm", '])
def test_an_answer_that_was_not_held_to_the_schema_is_an_error_once(text: str) -> None:
    schemas = ApiSchemas()
    turn = schemas.prepare(Turn("sonnet", (), output_schema=TAKEN["plain"]))
    with pytest.raises(SchemaIgnoredError) as caught:
        check_answer(turn, text)
    assert isinstance(caught.value, UpstreamError)
    assert schemas.note_refusal(turn, caught.value)


def test_an_answer_that_fits_is_none() -> None:
    check_answer(Turn("sonnet", (), output_schema=TAKEN["plain"]), '{"city": "Ulm", "people": 1}')
