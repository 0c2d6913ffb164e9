"""The programs under measurement, each in a process of its own: the stand-in and the bridge."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

MODEL_SECONDS = 0.2  # the stand-in's own time to the first token
PATIENCE = 60.0
IDLE_WINDOW = 0.1
IDLE_CPU = 0.011  # seconds of CPU in an idle window that do not count: the clock's own grain


@dataclass(frozen=True)
class Size:
    """How much to measure: samples of a figure, fewer of those that take long, and how much makes up one of them."""

    runs: int = 15
    launches: int = 15
    crowds: int = 15
    rebuilds: int = 15
    exchanges: int = 1000
    conversations: int = 20
    tokens: int = 300
    chain: int = 200


@contextmanager
def own_home(folder: Path) -> Iterator[None]:
    """Nobody's settings, logs or sessions are read or written, by us or by what we start."""
    ours = {
        "HOME": str(folder),
        "USERPROFILE": str(folder),
        "TRAY_BRIDGE_HOME": str(folder / "tray-bridge"),
        "CLAUDE_CONFIG_DIR": str(folder / "claude"),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "ANTHROPIC_API_KEY": "sk-ant-stand-in",
        "PYTHONDONTWRITEBYTECODE": "",  # an app that is started again and again is compiled once
    }
    before = dict(os.environ)
    os.environ.update(ours)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class StandInProcess:
    """The scripted model. Knows when it got a request and when it gave its first token."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tray_bridge.standin", "--first-delay", str(MODEL_SECONDS)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    async def forget(self) -> None:
        """Forget all requests so far."""
        await asyncio.to_thread(self._request, "DELETE")

    async def own_seconds(self) -> float:
        """The model's own share of the last request, the one since `forget`: from its arrival to the first token."""
        received = (await self.requests())[-1]
        return float(received["first_delta"] - received["started"])

    async def requests(self) -> list[Any]:
        """The requests since `forget`, oldest first."""
        return list(await asyncio.to_thread(self._request, "GET"))

    def _request(self, method: str) -> Any:
        request = urllib.request.Request(f"{self.url}/standin/requests", method=method)
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def standin() -> Iterator[StandInProcess]:
    """The model for everything that is started inside."""
    running = StandInProcess()
    os.environ["ANTHROPIC_BASE_URL"] = running.url
    try:
        yield running
    finally:
        running.stop()


class BridgeProcess:
    """`tray-bridge serve` on a free port; `cpu_seconds` and `memory` are its own, without its CLI processes."""

    def __init__(self, **settings: object) -> None:
        self.launched = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tray_bridge", "serve", "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **{f"TRAY_BRIDGE_{name.upper()}": str(value) for name, value in settings.items()}},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The bridge did not start.")
        self.base_url = line.split()[-1]
        self.process = psutil.Process(self._process.pid)

    @property
    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process)

    @property
    def memory(self) -> float:
        """Megabytes: what it would give back if it ended (USS), which shared libraries do not blur."""
        readings = []
        for _ in range(3):  # while it starts a process, all it has is shared for a moment
            readings.append(self.process.memory_full_info().uss)
            time.sleep(0.02)
        return float(max(readings)) / 2**20

    def clis(self) -> list[psutil.Process]:
        """Its CLI processes."""
        return [child for child in self.process.children(recursive=True) if _name(child).startswith("claude")]

    async def status(self) -> Mapping[str, Any]:
        return await asyncio.to_thread(self._status)

    def _status(self) -> Mapping[str, Any]:
        with urllib.request.urlopen(self.base_url.removesuffix("/v1") + "/status") as response:
            answer: Mapping[str, Any] = json.load(response)
            return answer

    async def settled(self) -> None:
        """Wait until the pool is full and none of its processes works any more."""

        def is_full(pool: Mapping[str, Any]) -> bool:
            workers = pool["warm"] + pool["fitting"] + pool["parked"] + pool["suspended"]
            return workers >= pool["size"] and not pool["starting"] + pool["busy"]

        await until(self.status, lambda status: is_full(status["pool"]))
        await idle(lambda: [self.process, *self.clis()])

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()


@contextmanager
def bridge(**settings: object) -> Iterator[BridgeProcess]:
    running = BridgeProcess(**settings)
    try:
        yield running
    finally:
        running.stop()


async def until(look: Callable[[], Any], is_so: Callable[[Any], bool]) -> None:
    """Look again and again; raises TimeoutError after a minute."""
    deadline = time.monotonic() + PATIENCE
    while not is_so(seen := await look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"It never came about; last seen: {seen}")
        await asyncio.sleep(0.05)


async def idle(processes: Callable[[], list[psutil.Process]]) -> None:
    """Wait until these processes use no CPU: what one of them still does would be counted to another."""
    used, deadline = -1.0, time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        before, used = used, sum(map(cpu_seconds, processes()))
        if 0 <= used - before <= IDLE_CPU:
            return
        await asyncio.sleep(IDLE_WINDOW)


def cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return ""
