"""Failed starts: the pause between two tries, and what is said of them."""

from __future__ import annotations

import logging
import time

import pytest

from tray_bridge.claude.start_failures import StartFailures
from tray_bridge.errors import CliUnavailableError


def test_one_reason_is_warned_of_once_and_each_try_waits_longer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    failures = StartFailures()
    pauses = []
    with caplog.at_level(logging.INFO):
        for _ in range(4):
            failures.add(CliUnavailableError("The `claude` program was not found."))
            pauses.append(failures.seconds_to_retry())
            clock[0] += pauses[-1]
        failures.add(CliUnavailableError("The `claude` program is too old."))
    assert pauses == [0.5, 1.0, 2.0, 4.0]
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == 2
    assert "was not found" in warned[0]
    assert "is too old" in warned[1]
    assert len(caplog.records) == 5
    failures.clear()
    assert not failures
    assert failures.seconds_to_retry() == 0.0
