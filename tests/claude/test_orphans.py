"""The guard of a killed app, against processes that leave, that do not, and that are none of its business."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.running_bridge import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there the system itself ends them")

GONE_WITHIN = 30.0
PROGRAM = """
import sys
from tray_bridge.claude.orphans import guard
for line in sys.stdin:
    (guard.watch if line[0] == "+" else guard.forget)(int(line[1:]))
    print("done", flush=True)
"""


class App:
    """A program that watches what it is told to, by `+pid` and `-pid`."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", PROGRAM]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def do(self, *lines: str) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        for line in lines:
            print(line, file=self._process.stdin, flush=True)
            assert self._process.stdout.readline() == "done\n"

    def keeper(self) -> psutil.Process:
        """The guard's own process."""
        return psutil.Process(self._process.pid).children()[-1]

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def app() -> Iterator[App]:
    app = App()
    yield app
    app.kill()


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def start(prelude: str = "") -> subprocess.Popen[bytes]:
    program = f"import signal, sys, time; {prelude}\nprint('there', flush=True)\ntime.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"there\n"
    return process


def ignores_sigterm(process: psutil.Process) -> bool:
    """The guard has begun to read by then."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        time.sleep(1)
        return True
    (mask,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigIgn"))
    return bool(int(mask, 16) & 1 << 14)


def test_it_ends_what_it_watches_gently_then_by_force(app: App, started: list[subprocess.Popen[bytes]]) -> None:
    polite = start("signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))")
    stubborn = start("signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    forgotten, stranger = start(), start()
    started += [polite, stubborn, forgotten, stranger]
    said_twice = polite
    app.do(*(f"+{process.pid}" for process in (polite, forgotten, stubborn, said_twice)), f"-{forgotten.pid}")
    keeper = app.keeper()
    wait_for(lambda: ignores_sigterm(keeper))
    keeper.terminate()  # the app's own end by a signal reaches its whole group
    time.sleep(0.1)
    assert all(process.poll() is None for process in started)
    assert "PATH" in keeper.environ() and len(keeper.environ()) <= 4, "nothing of the app's environment is in it"
    app.kill()
    assert polite.wait(GONE_WITHIN) == 7
    assert stubborn.wait(GONE_WITHIN) == -9
    assert forgotten.poll() is None and stranger.poll() is None
    wait_for(lambda: not keeper.is_running() or keeper.status() == psutil.STATUS_ZOMBIE)


def test_what_leaves_within_three_seconds_is_not_killed(app: App, started: list[subprocess.Popen[bytes]]) -> None:
    slow = start("signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1.3), sys.exit(7)))")
    started.append(slow)
    app.do(f"+{slow.pid}")
    app.kill()
    assert slow.wait(GONE_WITHIN) == 7


def test_a_guard_that_was_killed_is_replaced_and_told_again(app: App, started: list[subprocess.Popen[bytes]]) -> None:
    first, second = start(), start()
    started += [first, second]
    app.do(f"+{first.pid}")
    keeper = app.keeper()
    keeper.kill()
    wait_for(lambda: keeper.status() == psutil.STATUS_ZOMBIE)
    app.do(f"+{second.pid}")
    app.kill()
    assert [first.wait(GONE_WITHIN), second.wait(GONE_WITHIN)] == [-15, -15]
