"""The real bridge for a test: server thread, pool and bundled CLI, in front of the stand-in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

import openai
import psutil

from tray_bridge.server.thread import ServerThread
from tray_bridge.settings.schema import load_settings
from tray_bridge.snapshots import ServerSnapshot
from tray_bridge.standin import StandIn

T = TypeVar("T")


def directive(**spec: object) -> str:
    """The text that makes the stand-in answer so (see `tray_bridge.standin`)."""
    return f"standin: {json.dumps(spec)}"


def wait_for(condition: Callable[[], T], timeout: float = 20.0, every: float = 0.02) -> T:
    """Poll until the condition gives something true; fails after `timeout` seconds.

    Look less often, by `every`, where a look is a request to another process.
    """
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {timeout:g} s"
        time.sleep(every)
    return found


def claude_processes(pid: int | None = None) -> list[psutil.Process]:
    """Claude Code's processes under a process, by default this one, without those that end meanwhile."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "claude" in child.name():
                found.append(child)
    return found


@dataclass
class RunningBridge:
    """A server and ways to look at it. Its processes are children of the test's own process."""

    server: ServerThread
    standin: StandIn
    _clients: list[openai.OpenAI] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.snapshot().base_url.removesuffix("/v1")

    @property
    def base_url(self) -> str:
        return self.snapshot().base_url

    def snapshot(self) -> ServerSnapshot:
        return self.server.snapshot()

    @property
    def client(self) -> openai.OpenAI:
        """A client that does not try again: a test sees what the bridge answered first."""
        if not self._clients:
            self._clients.append(openai.OpenAI(base_url=self.base_url, api_key="not-needed", max_retries=0))
        return self._clients[0]

    def async_client(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=self.base_url, api_key="not-needed", max_retries=0)

    def wait_for(self, condition: Callable[[ServerSnapshot], object], timeout: float = 40.0) -> ServerSnapshot:
        """Wait until the snapshot is as wanted, and give it."""
        wait_for(lambda: condition(self.snapshot()), timeout)
        return self.snapshot()

    def wait_until_warm(self, spares: int) -> ServerSnapshot:
        """Wait until so many processes could take a request: those that rest after one could, too."""

        def is_ready(snapshot: ServerSnapshot) -> bool:
            pool = snapshot.pool
            ready = pool.warm + pool.fitting + pool.parked + pool.suspended
            return ready >= spares and not pool.starting

        return self.wait_for(is_ready, 90)  # several starts at once, on a slow machine that is busy

    def processes(self) -> list[psutil.Process]:
        """The CLI processes that this bridge owns now."""
        found = []
        for session in self.snapshot().pool.sessions:
            with suppress(psutil.NoSuchProcess):  # it ends just now
                if session.pid and (process := psutil.Process(session.pid)).status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found


@contextmanager
def running_bridge(standin: StandIn, **settings: object) -> Iterator[RunningBridge]:
    """Start a bridge on a free port, wait until it is ready, and stop it: no process of it may be left.

    It keeps one process ready unless the test says otherwise: each more is a start that costs most of a second.
    """
    server = ServerThread(load_settings({"port": 0, "pool_size": 1, **settings}))
    server.start()
    try:
        snapshot = server.wait_until_settled(60)
        assert snapshot.state == "ready", (snapshot.state, snapshot.problem)
        bridge = RunningBridge(server, standin)
        yield bridge
        pids = [session.pid for session in server.snapshot().pool.sessions if session.pid]
    finally:
        server.stop(10)
    wait_for(lambda: not [pid for pid in pids if psutil.pid_exists(pid)])
