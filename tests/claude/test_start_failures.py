"""Failed starts: the pause between two tries, and what is said of them."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import pytest

from tray_bridge.claude import roster
from tray_bridge.claude.roster import PoolConfig, Roster
from tray_bridge.claude.start_failures import StartFailures
from tray_bridge.errors import CliUnavailableError


def test_one_reason_is_warned_of_once_and_each_try_waits_longer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    failures = StartFailures()
    pauses, warned = [], []
    with caplog.at_level(logging.INFO):
        for _ in range(4):
            warned.append(failures.add(CliUnavailableError("The `claude` program was not found.")))
            pauses.append(failures.seconds_to_retry())
            clock[0] += pauses[-1]
        warned.append(failures.add(CliUnavailableError("The `claude` program is too old.")))
    assert pauses == [0.5, 1.0, 2.0, 4.0]
    assert warned == [True, False, False, False, True]
    assert [record.levelno for record in caplog.records] == [logging.INFO] * 3
    failures.clear()
    assert not failures
    assert failures.seconds_to_retry() == 0.0


@pytest.mark.parametrize("stops", [False, True])
async def test_ctrl_c_ends_the_processes_too_and_is_no_failure(
    stops: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(roster, "WARN_AFTER", 0.01)
    workers = Roster(PoolConfig("sonnet", tmp_path), lambda: None, lambda _window: None)
    workers.open()
    workers.failed(CliUnavailableError("Claude Code ended soon after its start."))
    workers.is_open = not stops
    await asyncio.sleep(0.05)
    assert bool(caplog.records) is not stops
