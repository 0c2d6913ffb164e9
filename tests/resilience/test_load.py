"""Much at once, for long; and what is left over afterwards, which should be nothing."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.resilience.fault_report import FaultReport
from tests.resilience.faults import bound, question
from tests.resilience.running_app import RunningApp, running_app
from tests.resilience.storm import Storm, kill_a_busy_one
from tests.running_bridge import wait_for
from tray_bridge.standin import StandIn

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 2**20


def test_a_small_storm_leaves_no_task_no_descriptor_and_no_process(tmp_path: Path, report: FaultReport) -> None:
    command = [sys.executable, "-m", "tests.resilience.small_storm"]
    environment = {**os.environ, "TRAY_BRIDGE_HOME": str(tmp_path)}
    printed = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True).stdout
    seen = json.loads(printed)
    assert seen["wrong"] == []
    assert seen["kills"] >= 1
    assert seen["left"] == [], (seen["before"], seen["after"])
    report.add("load", "20 requests, 10 at a time: a third leaves, some are refused, some lose their process",
               f"{seen['told']}; no task, descriptor or process was left over", seen["seconds"])  # fmt: skip


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
