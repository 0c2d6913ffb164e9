"""What the tests of faults share: the report of what they see, and the bridge that they break again and again."""

from __future__ import annotations

import pytest

from tests.resilience.fault_report import SEEN, FaultReport
from tests.resilience.faults import ready
from tests.running_bridge import RunningBridge


@pytest.fixture
def report() -> FaultReport:
    return SEEN


@pytest.fixture
def steady(bridge: RunningBridge) -> RunningBridge:
    """The shared bridge, healthy at first: that it is so again is each test's concern."""
    bridge.wait_for(lambda s: ready(s.pool) >= 2 and not s.pool.queued, 60)
    return bridge
