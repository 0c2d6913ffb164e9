"""The port while the server runs and while it starts anew (fault D4): lost, taken by another program, kept."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.faults.other_sockets import CAN_TAKE_SOCKETS, listening_socket
from tests.resilience.faults import bound
from tests.running_bridge import RunningBridge, wait_for
from tray_bridge.doctor.health import health_of
from tray_bridge.machine.port import bind

Make = Callable[..., RunningBridge]
SOON = 5.0


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=bound(10)).is_success
    except httpx.HTTPError:
        return False


def taken(port: int) -> socket.socket:
    """Another program's socket at the bridge's port, which the bridge has just lost."""
    found: list[socket.socket] = []

    def is_taken() -> bool:
        try:
            with listening_socket(os.getpid(), port) as lost:
                lost.shutdown(socket.SHUT_RDWR)
        except LookupError:
            pass  # not opened again yet
        try:
            found.append(bind("127.0.0.1", port))
        except OSError:
            return False
        return True

    wait_for(is_taken, bound(SOON))
    return found[0]


@pytest.mark.skipif(not CAN_TAKE_SOCKETS, reason="sockets are taken on Linux only")
def test_d4_a_port_that_another_program_takes_is_told_and_taken_back(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=0)
    port = bridge.snapshot().port
    with taken(port):
        seen = bridge.wait_for(lambda s: s.problem, bound(SOON))
        assert seen.problem is not None and str(port) in seen.problem.message and "in use" in seen.problem.message
        assert not health_of(seen).answers and seen.port == port
    wait_for(lambda: answers(port), bound(SOON))
    bridge.wait_for(lambda s: s.problem is None, bound(SOON))


def test_d4_a_restart_does_not_give_the_port_up(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=0)
    port, over, got = bridge.snapshot().port, threading.Event(), list[socket.socket]()

    def grab() -> None:
        while not over.is_set() and not got:
            try:
                got.append(bind("127.0.0.1", port))
            except OSError:
                over.wait(0.001)

    with ThreadPoolExecutor(2) as pool:
        pool.submit(grab)
        restarted = pool.submit(bridge.server.restart)
        while not restarted.done():  # no one is refused meanwhile: connections wait for the next run
            socket.create_connection(("127.0.0.1", port), timeout=bound(10)).close()
        restarted.result()
        assert bridge.server.wait_until_settled(bound(30)).state == "ready"
        over.set()
    assert not got and answers(port)
    assert bridge.snapshot().port == port


def test_d4_a_port_that_is_taken_while_the_server_is_stopped_is_told(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=0)
    port = bridge.snapshot().port
    bridge.server.stop()
    with bind("127.0.0.1", port):
        bridge.server.apply(bridge.server.settings.model_copy(update={"port": port}))
        bridge.server.start()
        seen = bridge.snapshot()
        assert seen.state == "error" and seen.problem is not None and str(port) in seen.problem.message
        assert "--port" in seen.problem.hint
    bridge.server.start()
    assert bridge.server.wait_until_settled(bound(30)).state == "ready" and answers(port)
