"""What the tests of faults share: the report of what they see, and the bridge that they break again and again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.resilience.fault_report import SEEN, FaultReport
from tests.resilience.faults import ready
from tests.running_bridge import RunningBridge, running_bridge
from tray_bridge.standin import StandIn


@pytest.fixture
def report() -> FaultReport:
    return SEEN


@pytest.fixture(scope="module")
def module_bridge(running_standin: StandIn, request: pytest.FixtureRequest) -> Iterator[RunningBridge]:
    """Faults of processes in each state need spares beside those that are busy and those that rest."""
    is_about_processes = request.module.__name__.endswith("test_cli_faults")
    sizes = {"pool_size": 4, "parked_sessions": 1} if is_about_processes else {"pool_size": 2, "max_sessions": 4}
    with running_bridge(running_standin, **sizes) as running:
        yield running


@pytest.fixture
def steady(module_bridge: RunningBridge, standin: StandIn) -> RunningBridge:
    """One bridge for a file's faults, healthy at first: that it is so again is each test's concern."""
    module_bridge.wait_for(lambda s: ready(s.pool) >= 2 and not s.pool.queued, 60)
    return module_bridge
