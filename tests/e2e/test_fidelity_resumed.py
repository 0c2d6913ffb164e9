"""A long past conversation is resumed from a file: it arrives as it does turn by turn, and no file stays."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.e2e.test_fidelity_turns import NASTY, SLOW, Generated, check, conversations, said, text_block
from tests.e2e.upstream import answer, as_the_cli_writes, newest, turns
from tests.running_bridge import RunningBridge, directive, wait_for
from tray_bridge.claude import transcript
from tray_bridge.machine.paths import transcript_folder

Make = Callable[..., RunningBridge]


@pytest.fixture(scope="module", autouse=True)
def resumed() -> Iterator[list[Path]]:
    """Every conversation with an answer in it counts as long; the files that were written for them."""
    files: list[Path] = []
    write = transcript.write_transcript

    def write_and_note(*arguments: object) -> Path:
        files.append(write(*arguments))  # type: ignore[arg-type]
        return files[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transcript, "LEAST_ROUND_TRIPS", 1)
        patch.setattr("tray_bridge.claude.transcript.write_transcript", write_and_note)
        yield files


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(made=conversations(), said_back=said)
@pytest.mark.timeout(240)
def test_generated_conversations_arrive_turn_by_turn(bridge: RunningBridge, made: Generated, said_back: str) -> None:
    check(bridge, made, as_the_cli_writes(said_back))


@pytest.mark.full
@pytest.mark.timeout(1800)
@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(made=conversations(), said_back=said)
def test_many_generated_conversations_arrive(bridge: RunningBridge, made: Generated, said_back: str) -> None:
    check(bridge, made, as_the_cli_writes(said_back))


def long_past(rounds: int) -> Generated:
    made = Generated()
    for number in range(rounds):
        for role in ("user", "assistant"):
            text = f"{NASTY[number % len(NASTY)]} {role} {number}"
            made.messages.append({"role": role, "content": text})
            made.expect(role, [text_block(text)])
    return made


def test_the_file_is_gone_when_the_answer_has_come_and_the_follow_up_stays_in_its_session(
    bridge: RunningBridge, resumed: list[Path], home: Path
) -> None:
    before = len(resumed)
    made = long_past(100)
    question = {"role": "user", "content": directive(text="first")}
    answer(bridge, {"messages": [*made.messages, question]})
    assert len(resumed) == before + 1
    assert list(transcript_folder().iterdir()) == []
    assert [path for path in home.rglob("*.jsonl") if "transcripts" in path.parts or "projects" in path.parts] == []

    # The follow-up stays in its session.
    parked = dict(bridge.snapshot().pool.taken)["parked"]
    made.messages += [question, {"role": "assistant", "content": "first"}]
    made.expect("user", [text_block(question["content"])])
    made.expect("assistant", [text_block("first")])
    check(bridge, made, "second")
    bridge.wait_for(lambda s: dict(s.pool.taken)["parked"] == parked + 1)
    assert len(resumed) == before + 1


def test_what_follows_the_last_answer_in_words_is_laid_down(bridge: RunningBridge, resumed: list[Path]) -> None:
    """Calls that have just been answered: the CLI would take them for cut off."""
    made = long_past(3)
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    made.messages += [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "seen"},
    ]
    made.expect("user", [text_block("Look.")])
    made.expect("assistant", [{"type": "tool_use", "id": "call_1", "name": "look", "input": {}}])
    seen = {"type": "tool_result", "tool_use_id": "call_1", "content": [text_block("seen")]}
    made.expect("user", [seen])
    before = len(resumed)
    assert "seen" in answer(bridge, {"messages": made.messages})["content"]
    assert turns(newest(bridge)) == made.expected
    assert len(resumed) == before + 1


@pytest.mark.parametrize("trouble", ["no folder", "no file"])
def test_where_it_cannot_be_resumed_it_is_laid_down(
    bridge: RunningBridge, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    def lose(folder: Path, messages: object) -> Path:
        if trouble == "no folder":
            raise OSError("No space left on device")
        return folder / "lost.jsonl"

    monkeypatch.setattr("tray_bridge.claude.transcript.write_transcript", lose)
    for _ in range(2):
        check(bridge, long_past(3), "all the same")
    assert bridge.snapshot().problem is None


def test_what_a_killed_app_left_behind_is_removed(make_bridge: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = transcript_folder()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "left.jsonl").touch()
    monkeypatch.setattr(transcript, "STALE_SECONDS", 0.0)
    time.sleep(0.01)
    make_bridge(pool_size=0)
    wait_for(lambda: not list(folder.iterdir()))


def test_a_program_of_the_users_own_resumes_nothing_before_it_was_examined(
    make_bridge: Make, resumed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tray_bridge.machine.cli_program import find_cli

    monkeypatch.setattr("tray_bridge.server.pool_setup.PROVE_AFTER", 600.0)
    program = find_cli()
    assert program is not None
    bridge = make_bridge(pool_size=0, cli_path=program.path)
    before = len(resumed)
    check(bridge, long_past(3), "laid down")
    assert len(resumed) == before
