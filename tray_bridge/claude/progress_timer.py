"""The time limit of a turn: the longest time without progress."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

# The CLI reports upstream's pings once in 10 s where nothing else comes, so a shorter silence is no sign of a fault.
SHORTEST_SILENCE = 12.0
STALL_SECONDS = 1.0  # a timer that is later than this shows that this program itself stood still


class ProgressTimer:
    """Call `on_late` after `limit` seconds without progress; `start` sets them. Use within one event loop.

    While `is_unread`, Claude is not late: the client reads more slowly than it answers.
    One timer serves the whole turn and is moved on only when it fires: a token costs one look at the clock.
    """

    def __init__(self, on_late: Callable[[], None], is_unread: Callable[[], bool]) -> None:
        self.limit = 0.0
        self._allowed = 0.0  # the same, or what the CLI's reports allow
        self._on_late = on_late
        self._is_unread = is_unread
        self._progress = 0.0
        self._clock: Callable[[], float] = float  # the loop's, once the timer has been started
        self._handle: asyncio.TimerHandle | None = None

    def start(self, limit: float) -> None:
        """Start the timer."""
        self._clock = asyncio.get_running_loop().time
        self.note()
        self.limit = self._allowed = limit
        self._look_again(limit)

    def note(self) -> None:
        """Record progress."""
        self._progress = self._clock()

    def see(self, message: Mapping[str, Any]) -> None:
        """Take in one line of the CLI: pieces of an answer and upstream's pings are progress."""
        kind = message.get("type")
        if kind == "stream_event":
            self.note()
        elif kind == "system" and message.get("status") == "requesting":
            self.note()
            self._allowed = max(self._allowed, SHORTEST_SILENCE)

    def cancel(self) -> None:
        """Stop the timer."""
        if self._handle is not None:
            self._handle.cancel()

    def _look_again(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._handle = loop.call_later(seconds, self._look, loop.time() + seconds)

    def _look(self, due: float) -> None:
        now = self._clock()
        left = self._allowed - (now - self._progress)
        if left <= 0 and now - due > STALL_SECONDS:
            left = STALL_SECONDS  # what came while this program stood still is still to be read
        elif left <= 0 and self._is_unread():
            left = self._allowed
        if left > 0:
            self._look_again(left)
        else:
            self._on_late()
