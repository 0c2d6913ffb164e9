"""The guard of a killed app, against processes that leave, that do not, and that are none of its business."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from tray_bridge.claude.orphans import _Guard

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there the system itself ends them")

GONE_WITHIN = 5.0


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


def lose_the_app(guard: _Guard) -> None:
    """As when the app is killed: its end of the pipe closes."""
    assert guard._process is not None and guard._process.stdin is not None
    guard._process.stdin.close()
    guard._process.wait(GONE_WITHIN)


def test_it_ends_what_it_watches_gently_then_by_force(started: list[subprocess.Popen[bytes]]) -> None:
    polite = start("signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))")
    stubborn = start("signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    forgotten, stranger = start(), start()
    started += [polite, stubborn, forgotten, stranger]
    guard = _Guard()
    for process in (polite, forgotten, stubborn):
        guard.watch(process.pid)
    guard.watch(polite.pid)  # said twice is said once
    guard.forget(forgotten.pid)
    assert guard._process is not None
    keeper = psutil.Process(guard._process.pid)
    time.sleep(0.3)  # until it has begun to read
    keeper.terminate()  # the app's own end by a signal reaches its whole group
    time.sleep(0.1)
    assert all(process.poll() is None for process in started)
    assert "PATH" in keeper.environ() and len(keeper.environ()) <= 4, "nothing of the app's environment is in it"
    lose_the_app(guard)
    assert polite.wait(GONE_WITHIN) == 7
    assert stubborn.wait(GONE_WITHIN) == -9
    assert forgotten.poll() is None and stranger.poll() is None
    assert not keeper.is_running()


def test_a_guard_that_was_killed_is_replaced_and_told_again(started: list[subprocess.Popen[bytes]]) -> None:
    first, second = start(), start()
    started += [first, second]
    guard = _Guard()
    guard.watch(first.pid)
    assert guard._process is not None
    guard._process.kill()
    guard._process.wait()
    guard.watch(second.pid)
    lose_the_app(guard)
    assert [first.wait(GONE_WITHIN), second.wait(GONE_WITHIN)] == [-15, -15]
