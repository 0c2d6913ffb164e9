"""Much at once, for long; and what is left over afterwards, which should be nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.resilience.fault_report import FaultReport
from tests.resilience.faults import ask, bound, question, ready
from tests.resilience.running_app import RunningApp, running_app
from tests.resilience.storm import Storm
from tests.running_bridge import RunningBridge, wait_for
from tray_bridge.standin import StandIn

Make = Callable[..., RunningBridge]
MEGABYTE = 2**20


def kill_a_busy_one(sessions: list[tuple[str, int | None]]) -> bool:
    for state, pid in sessions:
        if state == "busy" and pid:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
                return True
    return False


def tasks_of_others() -> list[asyncio.Task[object]]:
    """The tasks in the loops of other threads: the bridge's and the stand-in's."""
    gc.collect()
    own = asyncio.get_running_loop()
    tasks = [each for each in gc.get_objects() if isinstance(each, asyncio.Task)]
    return [task for task in tasks if task.get_loop() is not own and not task.done()]


async def test_a_small_storm_leaves_no_task_no_descriptor_and_no_process(
    make_bridge: Make, report: FaultReport
) -> None:
    bridge = await asyncio.to_thread(
        make_bridge, pool_size=4, max_sessions=4, parked_sessions=0, queue_limit=64, queue_timeout=bound(120)
    )
    await asyncio.to_thread(bridge.wait_until_warm, 4)
    assert await asyncio.to_thread(ask, bridge) == "well"
    await asyncio.to_thread(bridge.wait_for, lambda s: len(s.pool.sessions) == 4 and not s.pool.starting)
    await asyncio.sleep(1)
    before = held(bridge.standin)
    began = time.monotonic()
    storm = Storm(bridge.base_url, lambda: kill_a_busy_one([(s.state, s.pid) for s in bridge.snapshot().pool.sessions]))
    await storm.blow(requests=20, at_once=10)
    seconds = time.monotonic() - began
    assert storm.wrong == []
    assert storm.seen["kills"] >= 1

    wait_for(lambda: ready(bridge.snapshot().pool) == 4 and not bridge.snapshot().requests, bound(20))
    deadline = time.monotonic() + min(bound(10), 40)  # before the test's own time is over: what is left is told
    while left_over := {what: n for what, n in held(bridge.standin).items() if n > before[what]}:
        assert time.monotonic() < deadline, (before, left_over, named())
        await asyncio.sleep(0.1)
    report.add("load", "20 requests, 10 at a time: a third leaves, some are refused, some lose their process",
               f"{storm.told()}; no task, descriptor or process was left over", seconds)  # fmt: skip


def held(standin: StandIn) -> dict[str, int]:
    """What this process holds, but for what is opened when it is needed and stays open.

    That is the log's databases, and the connections of living CLI processes to the stand-in.
    """
    process = psutil.Process()
    databases = sum(".db" in Path(file.path).name for file in process.open_files())
    port = urlsplit(standin.url).port
    upstream = sum(connection.laddr[1:] == (port,) for connection in process.net_connections("tcp"))
    return {
        "tasks": len(tasks_of_others()),
        "descriptors": process.num_fds() - databases - upstream,
        "processes": len(process.children(recursive=True)),
    }


def named() -> list[str]:
    """All that is held, by name: which of it is left over, only a person can tell."""
    found = [repr(task) for task in tasks_of_others()]
    for descriptor in Path("/proc/self/fd").glob("*"):
        with contextlib.suppress(OSError):  # the one with which the folder is read
            found.append(f"{descriptor.name} → {descriptor.readlink()}")
    return [*found, *map(str, psutil.Process().children(recursive=True))]


class Footprint:
    """What an app holds: descriptors, child processes, and memory that is its own."""

    def __init__(self, app: RunningApp) -> None:
        process = psutil.Process(app.process.pid)
        self.descriptors = process.num_fds()
        self.children = len(process.children(recursive=True))
        self.megabytes = process.memory_full_info().uss / MEGABYTE

    def __str__(self) -> str:
        return f"{self.megabytes:.0f} MB, {self.descriptors} descriptors, {self.children} child processes"


def at_rest(app: RunningApp) -> Footprint:
    """The footprint once all is done: one process rests, and no request is served."""

    def is_at_rest() -> bool:
        status = app.status()
        return bool(status) and len(status["pool"]["sessions"]) == 1 and not status["requests"]

    wait_for(is_at_rest, bound(30))
    app.wait_until_warm(1)
    time.sleep(2)  # the log, and connections that are being closed
    return Footprint(app)


def storm_against(app: RunningApp, seed: int) -> Storm:
    def kill_one() -> bool:
        return kill_a_busy_one([(s["state"], s["pid"]) for s in app.status()["pool"]["sessions"]])

    return Storm(f"{app.url}/v1", kill_one, seed)


SETTINGS = {
    "POOL_SIZE": "2",
    "TRAY_BRIDGE_MAX_SESSIONS": "8",
    "TRAY_BRIDGE_PARKED_SESSIONS": "0",
    "TRAY_BRIDGE_QUEUE_LIMIT": "64",
    "TRAY_BRIDGE_QUEUE_TIMEOUT": "600",
    "TRAY_BRIDGE_IDLE_MINUTES": "0.1",  # after which one process rests, however many were busy
}


@pytest.mark.full
@pytest.mark.timeout(1800)
async def test_a_storm_of_200_leaves_nothing_behind(standin: StandIn, tmp_path: Path, report: FaultReport) -> None:
    with running_app(tmp_path / "app", **SETTINGS) as app:
        app.wait_until_warm(2)
        for seed in (1, 2):  # the first loads what is loaded once
            before = await asyncio.to_thread(at_rest, app)
            storm = storm_against(app, seed)
            began = time.monotonic()
            await storm.blow(requests=200, at_once=50)
            seconds = time.monotonic() - began
            assert storm.wrong == []
            assert storm.seen["kills"] >= 3
            after = await asyncio.to_thread(at_rest, app)
            standin.clear()
        assert after.children == before.children
        assert after.descriptors <= before.descriptors + 2
        assert after.megabytes < before.megabytes + 20
    report.add("load", "200 requests, 50 at a time: 30 % leave, 10 % are refused upstream, 5 % lose their process",
               f"{storm.told()}; before: {before}; after: {after}", seconds)  # fmt: skip


@pytest.mark.full
@pytest.mark.timeout(3600)
async def test_a_soak_of_mixed_load_stays_flat(standin: StandIn, tmp_path: Path, report: FaultReport) -> None:
    """Storm, calm, storm, …: memory and descriptors at the end of each calm form a level line."""
    minutes = 5
    with running_app(tmp_path / "app", **SETTINGS) as app:
        app.wait_until_warm(2)
        marks: list[Footprint] = []
        began, requests, seed = time.monotonic(), 0, 100
        while time.monotonic() - began < minutes * 60 or len(marks) < 4:
            storm = storm_against(app, seed)
            await storm.blow(requests=60, at_once=12)
            assert storm.wrong == []
            requests, seed = requests + 60, seed + 1
            marks.append(await asyncio.to_thread(at_rest, app))
            standin.clear()
        first, last = marks[1], marks[-1]
        assert last.children == first.children
        assert last.descriptors <= first.descriptors + 2
        assert last.megabytes < first.megabytes + 20
        assert app.ask(question(text="well")) == "well"
    report.add("load", f"the same mix for {minutes} minutes, {requests} requests in all",
               f"after the second minute: {first}; at the end: {last}", time.monotonic() - began)  # fmt: skip
