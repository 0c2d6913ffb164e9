"""Sessions that do not start: how many in a row, why, and when the next one may be tried."""

from __future__ import annotations

import logging
import time

from ..errors import TrayBridgeError
from ..snapshots import Problem

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 30.0  # seconds


class StartFailures:
    """`problem` is what to show for as long as no session has started well since."""

    def __init__(self) -> None:
        self.problem: Problem | None = None
        self._in_a_row = 0
        self._retry_at = 0.0

    def __bool__(self) -> bool:
        return self._in_a_row > 0

    def add(self, error: TrayBridgeError) -> None:
        """A session did not start, or not for long: let some time pass, longer each time."""
        now = time.monotonic()
        self.problem = Problem.of(error, time.time())
        if now >= self._retry_at:  # those that fail together count once
            self._in_a_row += 1
            self._retry_at = now + min(LONGEST_PAUSE, 0.25 * 2**self._in_a_row)
            logger.warning("A session could not be started: %s", error)

    def clear(self) -> None:
        """Sessions start and work."""
        self._in_a_row, self._retry_at, self.problem = 0, 0.0, None

    def seconds_to_retry(self) -> float:
        """0 when a spare may be started."""
        return max(0.0, self._retry_at - time.monotonic())
