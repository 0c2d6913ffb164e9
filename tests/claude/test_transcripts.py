"""What the real CLI printed, as recorded, becomes the events that it became then: no process is started.

`python -m tests.claude.record` records the transcripts anew and says what changed.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest

from tests.claude.scenarios import SCENARIOS
from tests.claude.transcripts import FOLDER, Entry, Replay, changes, load, versions
from tray_bridge.claude.greeting import read_greeting
from tray_bridge.machine.cli_program import find_cli

RECORDED = [(version, name) for version in versions() for name in SCENARIOS]


def recorded(name: str, version: str = "") -> list[Entry]:
    return load(FOLDER / (version or versions()[-1]) / f"{name}.jsonl")


def expected(entries: Sequence[Entry]) -> list[tuple[list[dict[str, Any]], str]]:
    return [(entry["events"], entry.get("error", "")) for entry in entries if "events" in entry]


@pytest.mark.parametrize(("version", "name"), RECORDED, ids=lambda value: str(value))
def test_the_lines_of_a_turn_become_the_same_events_again(version: str, name: str) -> None:
    entries, steps = recorded(name, version), SCENARIOS[name]
    answers = list(Replay(entries).run([step.turn for step in steps]))
    for step, (events, error), (events_then, error_then) in zip(steps, answers, expected(entries), strict=True):
        if step.given_up_after is None:
            assert (events, error) == (events_then, error_then)
        else:  # the client stopped reading, the CLI went on
            assert events[: len(events_then) - 1] == events_then[:-1]
            assert events[len(events_then) - 1]["text"].startswith(events_then[-1]["text"])


def test_the_bundled_version_was_recorded() -> None:
    program = find_cli()
    assert program is not None and program.version in versions(), "run `python -m tests.claude.record --write`"


def test_every_scenario_of_a_version_is_known() -> None:
    for version in versions():
        assert {path.stem for path in (FOLDER / version).iterdir()} == set(SCENARIOS)


@pytest.mark.parametrize(
    ("name", "hows"),
    [
        ("one_call", ["new", "results"]),
        ("parallel_calls", ["new", "results"]),
        ("follow_up", ["new", "continue"]),
        ("edited", ["new", "continue", "rewind"]),
        ("reset", ["new", "new", "new"]),
        ("with_past", ["new"]),
    ],
)
def test_a_conversation_goes_on_as_it_did(name: str, hows: list[str]) -> None:
    replay = Replay(recorded(name))
    assert [replay.how for _ in replay.run([step.turn for step in SCENARIOS[name]])] == hows


def test_the_greeting_names_models_and_their_efforts() -> None:
    (greeting,) = [
        entry["from"]["response"]["response"]
        for entry in recorded("text")
        if entry.get("from", {}).get("type") == "control_response"
        and "models" in entry["from"]["response"].get("response", {})
    ]
    models = read_greeting(greeting).models
    assert [model.value for model in models][:1] == ["default"] and all(model.resolved for model in models)


# The comparison that a new release is judged by


def test_a_transcript_does_not_differ_from_itself() -> None:
    for name in SCENARIOS:
        assert changes(recorded(name), recorded(name)) == []


def a_line(entries: list[Any], kind: str) -> dict[str, Any]:
    line: dict[str, Any] = next(entry["from"] for entry in entries if entry.get("from", {}).get("type") == kind)
    return line


def test_the_comparison_names_a_field_that_is_gone_and_one_that_is_new() -> None:
    new = copy.deepcopy(recorded("text"))
    result = a_line(new, "result")
    del result["stop_reason"]
    result["surprise"] = {"deep": 1}
    assert changes(recorded("text"), new) == [
        "from result success: no longer has `stop_reason`",
        "from result success: now has `surprise`",
        "from result success: now has `surprise.deep`",
    ]


def test_the_comparison_names_a_kind_of_line_that_is_gone_and_one_that_is_new() -> None:
    new = copy.deepcopy(recorded("text"))
    a_line(new, "result")["type"] = "outcome"
    assert [each.split(" [")[0] for each in changes(recorded("text"), new)] == [
        "new: from outcome success",
        "no longer: from result success",
    ]


def test_the_comparison_names_another_order() -> None:
    new = copy.deepcopy(recorded("text"))
    at = next(i for i, entry in enumerate(new) if entry.get("from", {}).get("type") == "result")
    new.insert(3, new.pop(at))
    assert [each.split(":")[0] for each in changes(recorded("text"), new)] == ["other order"]


def test_the_comparison_names_other_events_and_counts_no_tokens() -> None:
    new: list[Any] = copy.deepcopy(recorded("text"))
    new[-1]["events"][-1]["usage"]["input_tokens"] += 5
    assert changes(recorded("text"), new) == []
    new[-1]["events"][-1]["stop_reason"] = "max_tokens"
    assert len(changes(recorded("text"), new)) == 1
    assert changes(recorded("text"), new[:-1])[-1] == "1 turns  →  0 turns"


def test_the_comparison_does_not_mind_how_much_came_before_the_connection_was_lost() -> None:
    new: list[Any] = copy.deepcopy(recorded("retry_in_the_middle"))
    events = new[-1]["events"]
    lost = events[next(number for number, event in enumerate(events) if event["event"] == "Restarted") - 1]
    lost["text"] += " more"
    assert changes(recorded("retry_in_the_middle"), new) == []
    events[-2]["text"] += " more"
    assert len(changes(recorded("retry_in_the_middle"), new)) == 1
