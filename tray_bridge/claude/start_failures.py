"""Failed starts of workers: how many in a row, the reason, and when the next one may be tried."""

from __future__ import annotations

import logging
import time

from ..errors import TrayBridgeError
from ..snapshots import Problem

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 30.0  # seconds


class StartFailures:
    """Count failures. `problem` is what to show until a worker has started well."""

    def __init__(self) -> None:
        self.problem: Problem | None = None
        self._in_a_row = 0
        self._retry_at = 0.0

    def __bool__(self) -> bool:
        return self._in_a_row > 0

    def add(self, error: TrayBridgeError) -> bool:
        """Count a worker that did not start, or ended soon after; the pause grows each time.

        Return whether to warn: each try fails for the same reason until a person acts, so that is said once.
        """
        now = time.monotonic()
        is_known = self.problem is not None and self.problem.message == error.message
        self.problem = Problem.of(error, time.time())
        if now >= self._retry_at:  # several failures within one pause count once
            self._in_a_row += 1
            self._retry_at = now + min(LONGEST_PAUSE, 0.25 * 2**self._in_a_row)
            if is_known:
                logger.info("A worker could not be started: %s", error)
            return not is_known
        return False

    def clear(self) -> None:
        """Forget the failures: workers start and work."""
        self._in_a_row, self._retry_at, self.problem = 0, 0.0, None

    def seconds_to_retry(self) -> float:
        """Give the seconds until a spare may be started: 0 for now."""
        return max(0.0, self._retry_at - time.monotonic())
