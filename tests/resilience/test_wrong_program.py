"""The program that should be Claude Code is missing, broken or no such program at all."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest

from tests.resilience.fault_report import FaultReport
from tests.resilience.faults import ask, bound, healthy_again, refusal, told
from tests.resilience.wrong_claude import FAULTS
from tests.running_bridge import RunningBridge, running_bridge, wait_for
from tray_bridge.claude import in_time
from tray_bridge.standin import StandIn

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs programs that are scripts")
Make = Callable[..., RunningBridge]


class Program:
    """`wrong_claude.py` as a program of its own, whose faults come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "claude"
        script = Path(__file__).with_name("wrong_claude.py")
        command = shlex.join([sys.executable, "-I", "-S", str(script), str(folder)])  # it needs no libraries
        self.path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        self.path.chmod(0o755)

    def fail(self, fault: str) -> None:
        (self.folder / "fault").write_text(fault)

    def repair(self) -> float:
        """Let it work from now on, and say when that was."""
        self.fail("")
        return time.monotonic()

    @property
    def starts(self) -> list[float]:
        path = self.folder / "starts"
        return [float(line) for line in path.read_text().split()] if path.exists() else []


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def say(words: str) -> list[Any]:
    return [{"role": "user", "content": f"say {words}"}]


@pytest.mark.parametrize("fault", ["exit", pytest.param("complaint", marks=pytest.mark.full), "exit after greeting"])
def test_a_cold_session_that_does_not_start_is_told_as_such(make_bridge: Make, program: Program, fault: str) -> None:
    """It is bound while it starts, so that both may fail at once."""
    program.fail(fault)
    bridge = make_bridge(pool_size=0, cli_path=program.path)
    with ThreadPoolExecutor(4) as threads:
        errors = list(threads.map(lambda _: refusal(lambda: ask(bridge, say("hello"))), range(3)))
    assert {error.status_code for error in errors} <= {502, 503}, errors


def recovered(bridge: RunningBridge, since: float, spares: int = 1) -> float:
    """Seconds until the pool is well; a person asks at once, which ends the waiting for the next try."""
    assert ask(bridge, say("back")) == "back"
    return healthy_again(bridge, since, spares, asked=say("well"))


@pytest.mark.parametrize(
    ("fault", "what", "reason"),
    [
        ("exit", "exits at once", "something is missing"),
        ("not JSON", "prints broken JSON", "did not start"),
        ("not UTF-8", "prints bytes that are no text", "did not start"),
        ("20 MB line", "prints a line of 20 MB", "did not start"),
        ("complaint", "complains in 20 MB without a line break, and exits", "xxx"),
        ("odd answer", "answers in a shape that is not known", "did not start"),
        ("old", "is version 2.0.5, too old to be safe", "2.0.5 is too old"),
        ("odd", "introduces itself in a shape that is not known", "not known"),
        ("none", "does not tell its version", "too old"),
        ("exit after greeting", "introduces itself and exits", "end"),
    ],
)
def test_a_program_that_is_wrong_from_the_start(
    make_bridge: Make, program: Program, report: FaultReport, fault: str, what: str, reason: str
) -> None:
    program.fail(fault)
    before = psutil.Process().memory_info().rss
    bridge = make_bridge(pool_size=1, cli_path=program.path)
    error = refusal(lambda: ask(bridge, say("hello")))
    assert error.status_code in (502, 503)
    assert reason in error.message
    assert len(error.message) < 12_000
    problem = bridge.wait_for(lambda s: s.pool.problem, bound(10)).problem
    assert problem is not None
    assert reason in problem.message
    assert psutil.Process().memory_info().rss - before < 300 * 2**20
    since = program.repair()
    seconds = recovered(bridge, since)
    report.add("program", what, told(error), seconds)


def test_a_program_that_never_answers(
    make_bridge: Make, program: Program, report: FaultReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit, unpatched = 2, in_time.START_TIMEOUT  # the limit itself follows the load
    monkeypatch.setattr("tray_bridge.claude.worker.START_TIMEOUT", limit)
    monkeypatch.setattr("tray_bridge.claude.keeper.START_TIMEOUT", limit)
    program.fail("silence")
    bridge = make_bridge(pool_size=1, cli_path=program.path)
    began = time.monotonic()
    error = refusal(lambda: ask(bridge, say("hello")))
    assert error.status_code == 503
    assert time.monotonic() - began < bound(8)
    seconds = recovered(bridge, program.repair())
    what = f"never answers (the limit was {limit} s instead of {unpatched:g})"
    report.add("program", what, told(error), seconds)


def test_a_program_that_is_missing_or_may_not_be_run(make_bridge: Make, program: Program, report: FaultReport) -> None:
    elsewhere = program.path.with_name("elsewhere")
    program.path.rename(elsewhere)
    bridge = make_bridge(pool_size=1, cli_path=program.path)
    error = refusal(lambda: ask(bridge, say("hello")))
    assert error.status_code == 503
    assert "not found" in error.message
    elsewhere.rename(program.path)
    report.add(
        "program", "is missing", told(error).replace(str(program.path), "…/claude"), recovered(bridge, time.monotonic())
    )

    for each in bridge.processes():
        each.kill()
    program.path.chmod(0o644)
    error = refusal(lambda: [ask(bridge, say("hello")) for _ in range(4)])  # spares may be there still
    assert error.status_code == 503
    assert "ermission" in error.message
    program.path.chmod(0o755)
    report.add(
        "program",
        "may not be executed",
        told(error).replace(str(program.path), "…/claude"),
        recovered(bridge, time.monotonic()),
    )


def test_starts_that_fail_are_tried_again_ever_later_and_the_state_says_why(
    make_bridge: Make, program: Program, report: FaultReport
) -> None:
    program.fail("exit")
    bridge = make_bridge(pool_size=2, cli_path=program.path, reuse_workers=False)  # else its examination starts it, too
    wait_for(lambda: len(program.starts) >= 4, bound(20))
    gaps = [later - earlier for earlier, later in zip(program.starts, program.starts[1:], strict=False)]
    assert all(gap >= least for gap, least in zip(gaps, (0.5, 1, 2), strict=False)), gaps
    problem = bridge.snapshot().problem
    assert problem is not None
    assert "something is missing" in problem.message
    bridge.wait_for(lambda s: not s.pool.starting)  # else a question waits for a start that will fail
    since = program.repair()
    seconds = recovered(bridge, since, spares=2)
    waits = ", ".join(f"{gap:.1f} s" for gap in gaps[:3])
    report.add("program", "fails to start again and again", f"tried again after {waits}, …; the tray says why", seconds)


@pytest.mark.full
def test_a_program_that_starts_and_soon_ends_is_not_started_without_pause(make_bridge: Make, program: Program) -> None:
    program.fail("exit after greeting")
    bridge = make_bridge(pool_size=1, cli_path=program.path, reuse_workers=False)
    bridge.wait_for(lambda s: s.pool.problem, bound(10))
    time.sleep(4)
    assert len(program.starts) <= 6


def test_another_program_in_the_settings_is_tried_at_once(make_bridge: Make, program: Program, tmp_path: Path) -> None:
    from tray_bridge.settings.schema import load_settings

    settings = {"port": 0, "pool_size": 1}
    bridge = make_bridge(pool_size=1, cli_path=tmp_path / "nothing")
    bridge.wait_for(lambda s: s.pool.problem, bound(10))
    time.sleep(2)  # the next try is more than a second away now
    bridge.server.apply(load_settings({**settings, "cli_path": program.path}))
    bridge.wait_for(lambda s: s.pool.warm + s.pool.fitting == 1 and s.pool.problem is None, bound(1))


# What each fault is in the middle of an answer, where the others do no harm.
MEANING = {
    "silence": "falls silent",
    "exit": "exits",
    "not JSON": "prints broken JSON",
    "not UTF-8": "prints bytes that are no text",
    "20 MB line": "prints a line of 20 MB",
    "20 MB without an end": "prints 20 MB without a line break",
    "too deep": "prints 100,000 levels of JSON",
    "no event": "sends an event line without an event",
    "odd event": "prints a number for an event",
    "odd block": "begins a part of an unknown kind",
    "odd usage": "counts the tokens in words",
    "odd error": "ends with an error of a shape that is not known",
}
SHORTEST = {"silence": "Nothing came", "odd error": "gave no answer"}


def test_every_fault_is_tried() -> None:
    assert {*MEANING} == {*FAULTS} - {"complaint", "odd answer", "odd limit"}


@pytest.fixture(scope="module")
def erring(running_standin: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBridge]:
    """One bridge whose program errs when it is asked to."""
    path = Program(tmp_path_factory.mktemp("erring")).path
    with running_bridge(running_standin, pool_size=2, cli_path=path, claude_timeout=round(bound(2))) as running:
        yield running


@pytest.mark.parametrize("fault", MEANING)
def test_a_program_that_goes_wrong_in_the_middle_of_an_answer(
    erring: RunningBridge, report: FaultReport, fault: str
) -> None:
    bridge = erring
    bridge.wait_until_warm(2)
    answers: list[str] = []
    with openai.OpenAI(base_url=bridge.base_url, api_key="x", max_retries=0) as client:
        messages: Any = [{"role": "user", "content": f"fault {fault}"}]
        stream: Any = client.chat.completions.create(model="sonnet", messages=messages, stream=True)
        with pytest.raises(openai.APIError) as caught:
            for chunk in stream:
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    answers.append(text)
                    assert ask(bridge, say("meanwhile")) == "meanwhile"
        since = time.monotonic()
    assert answers == ["Well"]
    assert SHORTEST.get(fault, "Claude Code") in str(caught.value)
    seconds = healthy_again(bridge, since, asked=say("well"))
    bridge.wait_for(lambda s: not s.pool.busy, bound(1))
    report.add("program", f"{MEANING[fault]} in the middle of an answer", told(caught.value), seconds)


def test_an_odd_plan_window_loses_nothing(make_bridge: Make, program: Program, report: FaultReport) -> None:
    """It is only for show."""
    bridge = make_bridge(pool_size=1, cli_path=program.path)
    assert ask(bridge, [{"role": "user", "content": "fault odd limit"}]) == "Well"
    what = "reports the plan’s limits in a shape that is not known, in the middle of an answer"
    report.add("program", what, "its answer", figure="nothing to heal")
