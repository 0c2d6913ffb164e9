"""Time limits that follow the machine's load."""

from __future__ import annotations

import os

import pytest

from tray_bridge.machine.load import MOST, stretched


@pytest.mark.parametrize(
    ("load", "seconds"), [(0.0, 2.0), (4.0, 2.0), (8.0, 4.0), (20.0, 10.0), (10_000.0, 2.0 * MOST)]
)
def test_a_limit_is_longer_where_there_is_more_work_than_cores(
    monkeypatch: pytest.MonkeyPatch, load: float, seconds: float
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    assert stretched(2.0) == seconds


def test_a_machine_that_counts_no_load_has_the_limit_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "getloadavg", raising=False)
    assert stretched(2.0) == 2.0
