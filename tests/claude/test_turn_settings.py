"""What the CLI is told for one turn, for each kind of model."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tray_bridge.claude.prompt import can_be_forced, demand_for_call, turn_settings
from tray_bridge.snapshots import ModelSnapshot
from tray_bridge.turns import Effort, Tool, ToolChoice, Turn

ALWAYS_THINKS = ModelSnapshot("sonnet", "claude-sonnet-5-5", "Sonnet", efforts=("low", "high", "max"))
CAN_STOP = replace(ALWAYS_THINKS, can_stop_thinking=True)
TURN = Turn("sonnet", (), tools=(Tool("f", "", {"type": "object"}),))
ANY, NAMED, NONE = ToolChoice("any"), ToolChoice("tool", "f"), ToolChoice("none")


def extra(turn: Turn, model: ModelSnapshot | None) -> Any:
    return json.loads(turn_settings(turn, model)["env"]["CLAUDE_CODE_EXTRA_BODY"] or "{}")


def test_nothing_is_added_where_nothing_is_asked() -> None:
    assert turn_settings(TURN, ALWAYS_THINKS)["env"] == {
        "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "",
        "CLAUDE_CODE_EXTRA_BODY": "",
    }


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ANY, {"type": "any"}),
        (NAMED, {"type": "tool", "name": "f"}),
        (replace(ANY, parallel=False), {"type": "any", "disable_parallel_tool_use": True}),
    ],
)
def test_a_call_is_forced_where_thinking_can_stop(choice: ToolChoice, sent: object) -> None:
    turn = replace(TURN, tool_choice=choice)
    assert extra(turn, CAN_STOP) == {"tool_choice": sent, "thinking": {"type": "disabled"}}
    assert can_be_forced(turn, CAN_STOP)


@pytest.mark.parametrize("choice", [ANY, NAMED])
def test_a_model_that_always_thinks_is_asked_in_words(choice: ToolChoice) -> None:
    turn = replace(TURN, tool_choice=choice)
    assert extra(turn, ALWAYS_THINKS) == {} and not can_be_forced(turn, ALWAYS_THINKS)
    assert ("`f`" in demand_for_call(turn).text) == (choice is NAMED)
    alone = replace(turn, tool_choice=replace(choice, parallel=False))
    assert extra(alone, ALWAYS_THINKS) == {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}


def test_none_is_sent_to_every_model() -> None:
    turn = replace(TURN, tool_choice=replace(NONE, parallel=False))
    assert extra(turn, ALWAYS_THINKS) == extra(turn, CAN_STOP) == {"tool_choice": {"type": "none"}}


@pytest.mark.parametrize(
    ("model", "is_older"),
    [
        ("claude-3-7-sonnet-20250219", True),
        ("claude-2.1", True),
        ("claude-sonnet-4-20250514", True),
        ("claude-opus-4-1", True),
        ("claude-haiku-4-5", True),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("claude-sonnet-4-5@20250929", True),
        ("claude-opus-4-6", False),
        ("claude-sonnet-4-6", False),
        ("claude-opus-4-8", False),
        ("claude-sonnet-5", False),
        ("claude-fable-5-1", False),
        ("opus", False),
    ],
)
def test_an_older_model_is_known_by_its_id(model: str, is_older: bool) -> None:
    """Where the account does not list it: it can be forced, and does not think in a chain of calls."""
    turn = replace(TURN, model=model)
    assert can_be_forced(turn, None) is is_older
    assert extra(turn, None) == ({"thinking": {"type": "disabled"}} if is_older else {})


@pytest.mark.parametrize(("effort", "given"), [("max", "high"), ("low", "low"), (None, None)])
def test_without_thinking_effort_has_a_limit(effort: Effort | None, given: str | None) -> None:
    turn = replace(TURN, effort=effort, tool_choice=ANY)
    assert turn_settings(turn, CAN_STOP)["effortLevel"] == given
    assert turn_settings(turn, ALWAYS_THINKS)["effortLevel"] == effort


def test_a_limit_on_the_answer_acts_at_once() -> None:
    settings = turn_settings(replace(TURN, max_tokens=50), ALWAYS_THINKS)
    assert settings["env"]["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] == "50"
    assert extra(replace(TURN, max_tokens=50), ALWAYS_THINKS) == {"max_tokens": 50}
