"""The app is ended, killed or stopped in the middle of everything."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest

from tests.resilience.fault_report import FaultReport
from tests.resilience.faults import bound, question
from tests.resilience.running_app import SHORT_SILENCE, RunningApp, running_app
from tests.running_bridge import RunningBridge, claude_processes, directive, wait_for
from tray_bridge.session_log import LogReader
from tray_bridge.standin import StandIn

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

TOOL: Any = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]


class Reading:
    """A client that reads a long answer until something ends it."""

    def __init__(self, app: RunningApp, words: int = 600, rate: float = 10) -> None:
        self.texts: list[str] = []
        self.error: Exception | None = None
        self._asked = question(words=words, rate=rate)
        self._app = app
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        wait_for(lambda: self.texts or self.error, bound(30))

    def _read(self) -> None:
        try:
            chunks: Any = self._app.client.chat.completions.create(model="sonnet", messages=self._asked, stream=True)
            for chunk in chunks:
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    self.texts.append(text)
        except Exception as error:  # which one depends on the ending
            self.error = error

    def join(self, timeout: float) -> str:
        self._thread.join(timeout)
        assert not self._thread.is_alive()
        return "".join(self.texts)


def left_in(home: Path, children: Iterable[psutil.Process]) -> list[str]:
    """What these CLI processes keep in folders of the user's for as long as they run.

    Sockets of killed ones stay in the folder for ever, so another program may have the number of one by now.
    """
    kept = [*(home / "claude" / "sessions").iterdir()]
    kept += [Path(tempfile.gettempdir(), "cc-socks", f"{child.pid}.sock") for child in children]
    return [path.name for path in kept if path.exists()]


@contextmanager
def busy_app(home: Path, **environment: str) -> Iterator[tuple[RunningApp, Reading]]:
    """Sessions in every state: one busy, one parked, one suspended; spares enough, so that none of them is reset."""
    with running_app(home, POOL_SIZE="3", CLAUDE_CONFIG_DIR=str(home / "claude"), **environment) as app:
        app.wait_until_warm(3, 60)
        app.ask(question(text="parked"))
        asked: Any = [{"role": "user", "content": directive(tools=[{"name": "look", "input": {}}])}]
        app.client.chat.completions.create(model="sonnet", messages=asked, tools=TOOL)
        reading = Reading(app)
        states = ("busy", "parked", "suspended")
        wait_for(lambda: [app.status()["pool"][state] for state in states] == [1, 1, 1], bound(5))
        yield app, reading


def assert_log_is_whole(app: RunningApp, outcomes: set[str]) -> None:
    """Every file is whole, also those whose answers were cut off."""
    files = [path for path in app.log_folder.rglob("*.json") if not path.name.startswith(".")]
    assert len(files) == 3
    for path in files:
        json.loads(path.read_bytes())
    found = {summary["outcome"] for summary in LogReader(app.log_folder).all()}
    assert found == {"completed", *outcomes}


def check_that_stopped_processes_do_not_outlive_it(app: RunningApp, report: FaultReport) -> None:
    reading = Reading(app)
    children = app.children()
    stopped = claude_processes(app.process.pid)
    assert stopped
    for child in stopped:
        child.suspend()
    since = time.monotonic()
    app.send(signal.SIGKILL)
    app.process.wait()
    _, alive = psutil.wait_procs(children, bound(5))
    assert not alive
    seconds = time.monotonic() - since
    reading.join(30)
    report.add("app", "all processes stopped (SIGSTOP), then SIGKILL of the app", "no process is left", seconds)


ENDINGS = [
    (signal.SIGTERM, {"error"}, "an error event that says so"),
    (signal.SIGINT, {"error"}, "an error event that says so"),
    (signal.SIGKILL, {"unfinished"}, "the connection ends"),
]


@pytest.mark.parametrize(
    ("number", "outcomes", "seen"),
    [pytest.param(*e, id=e[0].name, marks=[pytest.mark.full] if e[0] == signal.SIGINT else []) for e in ENDINGS],
)
def test_an_end_leaves_no_process_and_no_torn_file_and_the_next_start_is_clean(
    standin: StandIn, tmp_path: Path, report: FaultReport, number: signal.Signals, outcomes: set[str], seen: str
) -> None:
    with busy_app(tmp_path / "app") as (app, reading):
        time.sleep(1.5)  # the log has written what has come so far
        children = app.children()
        assert len(children) >= 4
        workers = {session["pid"] for session in app.status()["pool"]["sessions"]}
        processes = [child for child in children if child.pid in workers]
        assert len(left_in(app.home, processes)) >= 6
        since = time.monotonic()
        app.send(number)
        code = app.process.wait(bound(8))
        _, alive = psutil.wait_procs(children, bound(5))
        seconds = time.monotonic() - since
        assert not alive
        assert seconds < bound(5)
        assert left_in(app.home, processes) == []
        assert code == (0 if number != signal.SIGKILL else -signal.SIGKILL)
        assert reading.join(30).startswith("word1 word2")
        assert reading.error is not None
        assert isinstance(reading.error, openai.APIError) or number == signal.SIGKILL
        assert_log_is_whole(app, outcomes)
        assert "Traceback" not in app.errors.read_text()
    with running_app(tmp_path / "app", POOL_SIZE="1") as again:
        again.wait_until_warm(1)
        assert again.ask(question(text="here again")) == "here again"
        assert again.status()["problem"] is None
        assert again.status()["log_problem"] is None
        if number == signal.SIGKILL:
            check_that_stopped_processes_do_not_outlive_it(again, report)
    report.add(
        "app",
        f"{number.name} with an answer under way, one process parked, one suspended",
        f"{seen}; no process, no torn file, nothing of theirs in the user's folders; the next start is clean",
        seconds,
    )


def test_a_session_that_is_ended_in_the_middle_tidies_up(
    make_bridge: Callable[..., RunningBridge], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: FaultReport
) -> None:
    """Whether its client left, it waits for a tool's result, or was never asked."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    bridge = make_bridge(pool_size=1, suspended_sessions=1, reuse_workers=False)
    bridge.wait_until_warm(1)
    stream: Any = bridge.client.chat.completions.create(
        model="sonnet", messages=question(words=600, rate=10), stream=True
    )
    next(chunk for chunk in stream if chunk.choices and chunk.choices[0].delta.content)
    for name in ("first", "second"):  # the second takes the place of the first
        asked: Any = [{"role": "user", "content": f"{name}\n{directive(tools=[{'name': 'look', 'input': {}}])}"}]
        bridge.client.chat.completions.create(model="sonnet", messages=asked, tools=TOOL)
    bridge.wait_for(lambda s: s.pool.busy == 1 and s.pool.suspended == 1 and s.pool.warm + s.pool.fitting == 1)
    since = time.monotonic()
    processes = bridge.processes()
    assert len(left_in(tmp_path, processes)) >= 9
    stream.close()
    bridge.wait_for(lambda s: not s.pool.busy)
    bridge.server.stop()
    assert left_in(tmp_path, processes) == []
    report.add(
        "app",
        "a client leaves in the middle of its answer, then the server is stopped",
        "the processes tidy up what they had put into the user's folders",
        time.monotonic() - since,
    )


@pytest.mark.parametrize(
    "everything",
    [
        pytest.param(False, marks=pytest.mark.full, id="the app alone"),
        pytest.param(True, id="the app and its sessions"),
    ],
)
def test_an_app_that_stood_still_goes_on_where_it_was(
    standin: StandIn, tmp_path: Path, report: FaultReport, everything: bool
) -> None:
    """Also when it stood longer than the time limit: what came meanwhile has come in time."""
    limit = 3
    with running_app(tmp_path / "app", (), SHORT_SILENCE, POOL_SIZE="1", CLAUDE_TIMEOUT=str(limit)) as app:
        app.wait_until_warm(1)
        reading = Reading(app, words=10 * (limit + 3))
        stopped = [psutil.Process(app.process.pid), *(app.children() if everything else ())]
        for process in stopped:
            process.suspend()
        time.sleep(limit + 1.5)
        for process in stopped:
            process.resume()
        since = time.monotonic()
        words = reading.join(bound(30)).split()
        assert reading.error is None
        assert words == [f"word{n}" for n in range(1, 10 * (limit + 3) + 1)]
        wait_for(lambda: app.status()["pool"]["parked"] == 1, bound(5))
        assert app.ask(question(text="well")) == "well"
        seconds = time.monotonic() - since
    what = "the app and all its processes" if everything else "the app"
    report.add("app", f"{what} stopped (SIGSTOP) for longer than the time limit, then continued", "its answer", seconds)
