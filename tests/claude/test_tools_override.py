"""Which tools the CLI passes on as they are, and which are replaced in the request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tray_bridge.claude.offered_tools import callable_names, tools_override
from tray_bridge.turns import JsonObject, Tool, ToolChoice, Turn

EMPTY: JsonObject = {"type": "object", "properties": {}}


def offering(*tools: Tool, choice: ToolChoice = ToolChoice(), schema: JsonObject | None = None) -> Turn:  # noqa: B008
    return Turn("sonnet", (), tools=tools, tool_choice=choice, output_schema=schema)


@pytest.mark.parametrize("text", ["plain", "Grüße, 日本語。", "em — dash, “quotes”, → ✓", "tab\tand\x1bescape", ""])
def test_what_passes_is_left_to_the_cli(text: str) -> None:
    schema = {"type": "object", "properties": {"v": {"description": text}}}
    assert tools_override(offering(Tool("f", text, schema))) is None


@pytest.mark.parametrize(
    "text", ["…", "½", "ﬁ", "，", "nbsp\u00a0", "e\u0301", "👩\u200d💻", "\u00ad", "\ufeff", "\ue000"]
)
def test_what_the_cli_would_alter_is_overridden(text: str) -> None:
    plain = Tool("plain", "plain", EMPTY)
    described = Tool("f", text, EMPTY)
    limited = Tool("f", "", {"type": "object", "properties": {"v": {"enum": [text]}}})
    for tool in (described, limited):
        laid = tools_override(offering(plain, tool))
        assert laid == [
            {"name": "plain", "description": "plain", "input_schema": EMPTY},
            {"name": "f", "description": tool.description, "input_schema": tool.input_schema},
        ]


def test_a_name_that_the_cli_keeps_for_itself_is_overridden() -> None:
    assert tools_override(offering(Tool("ToolSearch", "", EMPTY)))


def test_the_tool_for_structured_output_is_overridden_beside_the_others() -> None:
    laid = tools_override(offering(Tool("f", "…", EMPTY), schema={"type": "object"}))
    assert laid is not None
    assert (laid[1]["name"], laid[1]["input_schema"]) == ("StructuredOutput", {"type": "object"})


def test_the_choice_says_what_may_be_called() -> None:
    turn = offering(Tool("f", "", EMPTY), Tool("g", "", EMPTY))
    for choice in (ToolChoice(), ToolChoice("any")):
        assert callable_names(replace(turn, tool_choice=choice)) == {"f", "g"}
    assert callable_names(replace(turn, tool_choice=ToolChoice("tool", "g"))) == {"g"}
    assert callable_names(replace(turn, tool_choice=ToolChoice("none"))) == set()
