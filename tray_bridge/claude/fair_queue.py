"""A queue of requests that wait for a worker: first come, first served."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from ..machine.time_limit import wait_within

T = TypeVar("T")


class FairQueue:
    """Let only the head of the queue pick, so that no request overtakes another. Use within one event loop."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change  # called when the length has changed
        self._waiting: deque[asyncio.Event] = deque()  # each is set when its owner should try to pick

    def __len__(self) -> int:
        return len(self._waiting)

    def call_next(self) -> None:
        """Let the head of the queue pick again: something may have become free."""
        if self._waiting:
            self._waiting[0].set()

    async def wait(self, pick: Callable[[], T | None], seconds: float) -> T:
        """Wait until `pick` returns something, and return that. Raises what `pick` raises; asyncio.TimeoutError after
        `seconds`.
        """
        deadline = time.monotonic() + seconds
        called = asyncio.Event()
        self._waiting.append(called)
        self._on_change()
        try:
            while True:
                called.clear()
                if self._waiting[0] is called and (picked := pick()) is not None:
                    return picked
                await wait_within(called.wait(), max(0.0, deadline - time.monotonic()))
        finally:
            self._waiting.remove(called)
            self.call_next()
            self._on_change()
