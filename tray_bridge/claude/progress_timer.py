"""The time limit of a turn: nothing may come for so long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

STALL_SECONDS = 1.0  # a timer that is late by more tells that this program itself stood still


class ProgressTimer:
    """Calls `on_late` when `limit` seconds have passed without progress. Use within one event loop.

    One timer for the whole turn, moved on only when it fires: a token costs it nothing but a look at the clock.
    """

    def __init__(self, limit: float, on_late: Callable[[], None]) -> None:
        self._limit = limit
        self._on_late = on_late
        self._progress = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self.note()
        self._look_again(self._limit)

    def note(self) -> None:
        """There was progress."""
        self._progress = asyncio.get_running_loop().time()

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _look_again(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._handle = loop.call_later(seconds, self._look, loop.time() + seconds)

    def _look(self, due: float) -> None:
        now = asyncio.get_running_loop().time()
        left = self._limit - (now - self._progress)
        if left <= 0 and now - due > STALL_SECONDS:
            left = STALL_SECONDS  # what came while this program stood still has yet to be read
        if left > 0:
            self._look_again(left)
        else:
            self._on_late()
