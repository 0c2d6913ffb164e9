"""A process of the CLI is killed or stopped, in each state that a session can be in."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import openai
import psutil
import pytest

from tests.resilience.fault_report import FaultReport
from tests.resilience.faults import (
    ask,
    bound,
    bystander,
    healthy_again,
    pool_now,
    question,
    ready,
    refusal,
    session_process,
    stream,
    told,
)
from tests.running_bridge import RunningBridge, directive, running_bridge, wait_for
from tray_bridge.standin import StandIn

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

WEATHER: Any = [
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
]


@pytest.fixture(scope="module")
def killed_bridge(running_standin: StandIn) -> Iterator[RunningBridge]:
    """Faults of processes in each state need spares beside those that are busy and those that rest."""
    with running_bridge(running_standin, pool_size=3, parked_sessions=1) as running:
        yield running


@pytest.fixture
def steady(killed_bridge: RunningBridge, standin: StandIn) -> RunningBridge:
    """One bridge for all these faults, healthy at first: that it is so again is each test's concern."""
    killed_bridge.wait_for(lambda s: ready(s.pool) >= 2 and not s.pool.queued, 60)
    return killed_bridge


LIMIT = 4  # seconds of silence


@pytest.fixture(scope="module")
def stopped_bridge(running_standin: StandIn) -> Iterator[RunningBridge]:
    with running_bridge(running_standin, pool_size=2, claude_timeout=LIMIT) as running:
        yield running


@pytest.fixture
def stopping(stopped_bridge: RunningBridge, standin: StandIn) -> RunningBridge:
    """A bridge whose processes are stopped; the last of these tests stops the server, too."""
    stopped_bridge.wait_until_warm(2)
    return stopped_bridge


def kill(process: psutil.Process) -> float:
    process.kill()
    return time.monotonic()


def test_killed_while_warm(steady: RunningBridge, report: FaultReport) -> None:
    with bystander(steady):
        since = kill(session_process(steady, "warm", "fitting"))
        answer = ask(steady, question(text="as if nothing were"))
        assert answer == "as if nothing were"
        seconds = healthy_again(steady, since)
    report.add("processes", "killed while warm, and a question at once", "its answer", seconds)


def test_killed_while_bound_ahead(steady: RunningBridge, report: FaultReport) -> None:
    with bystander(steady, words=80):
        if not pool_now(steady).fitting:  # all have served: a new one is bound ahead
            kill(session_process(steady, "warm", "parked"))
        since = kill(session_process(steady, "fitting"))
        assert ask(steady, question(text="as if nothing were")) == "as if nothing were"
        seconds = healthy_again(steady, since)
    report.add("processes", "killed while bound ahead to the next question, which comes at once", "its answer", seconds)


@pytest.mark.full  # the same as one of them, with more processes
def test_all_spares_killed_at_once(steady: RunningBridge, report: FaultReport) -> None:
    with bystander(steady):
        steady.wait_for(lambda s: s.pool.warm + s.pool.fitting >= 2, bound(20))
        for session in pool_now(steady).sessions:
            if session.state in ("warm", "fitting") and session.pid:
                since = kill(psutil.Process(session.pid))
        assert ask(steady, question(text="as if nothing were")) == "as if nothing were"
        seconds = healthy_again(steady, since)
    report.add("processes", "all ready processes killed, and a question at once", "its answer", seconds)


def test_killed_in_mid_stream(steady: RunningBridge, report: FaultReport) -> None:
    with bystander(steady), stream(steady) as texts:
        steady.wait_for(lambda s: s.pool.busy == 2, bound(20))
        since = kill(session_process(steady, "busy"))
        with pytest.raises(openai.APIError, match="ended in the middle") as caught:
            list(texts)
        seconds = healthy_again(steady, since)
    report.add("processes", "killed in the middle of a streamed answer", told(caught.value), seconds)


def test_killed_before_the_first_word(steady: RunningBridge, report: FaultReport) -> None:
    """A session lost before it said anything is replaced: the client only waits a little longer."""
    asked = question(text="second try", first_delay=2.0)
    with bystander(steady, words=80):
        answers: list[str] = []
        asking = threading.Thread(target=lambda: answers.append(ask(steady, asked)))
        asking.start()
        wait_for(lambda: len(steady.standin.requests) >= 2, bound(20))
        steady.wait_for(lambda s: s.pool.busy == 2, bound(20))  # a snapshot without it would name the bystander's
        since = kill(session_process(steady, "busy"))
        seconds = healthy_again(steady, since)
        asking.join(bound(30))
        assert answers == ["second try"]
    report.add("processes", "killed after the question, before the first word", "its answer, from another", seconds)


def test_killed_while_parked(steady: RunningBridge, report: FaultReport) -> None:
    asked, began = question(text="first"), time.time()
    assert ask(steady, asked) == "first"
    # One that an earlier test has parked would soon be reset, and might answer the bystander.
    steady.wait_for(
        lambda s: any(each.state == "parked" and each.since >= began for each in s.pool.sessions), bound(40)
    )
    parked = session_process(steady, "parked")
    steady.wait_for(lambda s: s.pool.warm + s.pool.fitting, bound(40))  # for the bystander, who would take it else
    with bystander(steady):
        since = kill(parked)
        follow_up = [*asked, {"role": "assistant", "content": "first"}, *question(text="second")]
        assert ask(steady, follow_up) == "second"
        sent = [m["role"] for m in steady.standin.requests[-1].body["messages"] if m["role"] != "system"]
        assert sent == ["user", "assistant", "user"]
        seconds = healthy_again(steady, since)
    report.add(
        "processes", "killed while parked, then the follow-up", "its answer; the conversation was rebuilt", seconds
    )


def test_killed_while_suspended(steady: RunningBridge, report: FaultReport) -> None:
    text = directive(tools=[{"name": "weather", "input": {}}], then=[{"text": "sunny"}])
    asked: list[Any] = [{"role": "user", "content": text}]
    completion = steady.client.chat.completions.create(model="sonnet", messages=asked, tools=WEATHER)
    message = completion.choices[0].message
    assert message.tool_calls
    with bystander(steady):
        since = kill(session_process(steady, "suspended"))
        result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "27 degrees"}
        assert ask(steady, [*asked, message.model_dump(exclude_none=True), result], tools=WEATHER) == "sunny"
        assert "27 degrees" in str(steady.standin.requests[-1].body["messages"])
        seconds = healthy_again(steady, since)
    report.add("processes", "killed while it waited for a tool’s result, which then came", "its answer", seconds)


@pytest.mark.full  # `test_endings` continues the app with all its processes
@posix_only
def test_stopped_in_mid_stream_and_continued(steady: RunningBridge, report: FaultReport) -> None:
    with bystander(steady), stream(steady, words=60) as texts:
        process = session_process(steady, "busy")
        process.suspend()
        time.sleep(2)
        process.resume()
        since = time.monotonic()
        next(texts)
        seconds = healthy_again(steady, since)
        rest = "".join(texts).split()
        assert rest[-1] == "word60"
    report.add("processes", "stopped (SIGSTOP) for 2 s in mid-stream, then continued", "its answer", seconds)


@posix_only
@pytest.mark.usefixtures("short_silence")
def test_stopped_for_good(stopping: RunningBridge, report: FaultReport) -> None:
    """A stopped process takes no end of input and no SIGTERM: only the time limit and SIGKILL help."""
    bridge = stopping
    with bystander(bridge, words=30):
        spares = [psutil.Process(s.pid) for s in pool_now(bridge).sessions if s.state != "busy" and s.pid]
        with stream(bridge) as texts:
            busy = session_process(bridge, "busy")
            for process in (busy, *spares):
                if process.is_running():
                    process.suspend()
            began = time.monotonic()
            with pytest.raises(openai.APIError, match="Nothing came") as caught:
                list(texts)
            since = time.monotonic()
            assert LIMIT - 0.5 < since - began < LIMIT + bound(4)
        for _ in spares:  # clients that get a stopped spare are told too, and it is replaced
            if any(p.is_running() and p.status() == psutil.STATUS_STOPPED for p in spares):
                try:
                    ask(bridge)
                except openai.APIStatusError as late:
                    assert late.status_code == 504
                    since = time.monotonic()
        seconds = healthy_again(bridge, since)
    wait_for(lambda: not any(p.is_running() for p in (busy, *spares)), bound(5))
    seen = f"after the time limit, {told(caught.value)}"
    report.add("processes", "stopped (SIGSTOP) for good in mid-stream, and all warm ones with it", seen, seconds)


@posix_only
def test_stopped_sessions_do_not_keep_the_server_from_stopping(stopping: RunningBridge, report: FaultReport) -> None:
    bridge = stopping
    ask(bridge)
    bridge.wait_for(lambda s: s.pool.parked and not s.pool.starting, bound(20))
    processes = bridge.processes()
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    bridge.server.stop(30)
    seconds = time.monotonic() - began
    assert bridge.snapshot().state == "stopped"
    assert seconds < bound(5)
    wait_for(lambda: not any(p.is_running() for p in processes), 1)
    report.add("app", "all processes stopped (SIGSTOP), then Stop server", "stopped; no process is left", seconds)


def test_an_answer_that_is_not_streamed_is_lost_with_its_session(steady: RunningBridge, report: FaultReport) -> None:
    errors: list[openai.APIStatusError] = []
    asking = threading.Thread(target=lambda: errors.append(refusal(lambda: ask(steady, question(words=400, rate=20)))))
    asking.start()
    steady.wait_for(lambda s: s.requests and s.requests[0].tokens > 3, bound(20))
    since = kill(session_process(steady, "busy"))
    seconds = healthy_again(steady, since)
    asking.join(bound(20))
    assert errors[0].status_code == 502
    assert errors[0].response.headers["x-should-retry"] == "true"
    report.add("processes", "killed in the middle of an answer that is not streamed", told(errors[0]), seconds)
