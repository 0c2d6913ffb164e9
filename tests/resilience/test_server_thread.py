"""The server's own thread dies."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable

import httpx
import openai
import pytest

from tests.resilience.fault_report import FaultReport
from tests.resilience.faults import bound, healthy_again, stream
from tests.running_bridge import RunningBridge, wait_for
from tray_bridge.desktop.icon import icon_state
from tray_bridge.desktop.words import last_problem

Make = Callable[..., RunningBridge]


def strike(bridge: RunningBridge, error: type[BaseException]) -> threading.Thread:
    """Raise `error` wherever the server's thread is just now."""
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "server" and thread.is_alive()][-1:]
    assert thread.ident is not None
    assert ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(error)) == 1
    bridge.server.cancel_request("nobody")
    return thread


def test_a_thread_that_dies_is_told_leaves_nothing_and_can_be_started_again(
    make_bridge: Make, report: FaultReport
) -> None:
    bridge = make_bridge(pool_size=1)
    bridge.wait_until_warm(1)
    seen: list[str] = []
    bridge.server.subscribe(lambda snapshot: seen.append(snapshot.state))
    with stream(bridge) as texts:
        processes = bridge.processes()
        since = time.monotonic()
        thread = strike(bridge, SystemExit)
        with pytest.raises((openai.APIError, httpx.HTTPError)):  # the connection just ends
            list(texts)
    thread.join(bound(8))
    snapshot = bridge.snapshot()
    assert snapshot.state == "error"
    assert snapshot.problem is not None
    assert "ended unexpectedly" in snapshot.problem.title
    assert icon_state(snapshot) == "error"
    assert last_problem(snapshot) == snapshot.problem
    assert seen[-1] == "error"
    wait_for(lambda: not any(process.is_running() for process in processes), bound(5))
    bridge.server.start()
    assert bridge.server.wait_until_settled(bound(20)).state == "ready"
    seconds = healthy_again(bridge, time.monotonic(), spares=1)
    report.add(
        "app",
        "the server’s thread dies with an answer under way",
        "the connection ends; the tray says so; no process is left; Start server works",
        time.monotonic() - since,
    )
    assert seconds < bound(5)
