"""How much a process has served: when it should be replaced, and when it must be."""

from __future__ import annotations

import time

MOST_CONVERSATIONS = 200  # then it is replaced in a quiet moment
MOST_GROWTH = 1.5  # of its memory, likewise
MOST_MORE = 10  # conversations after that: then no quiet moment is waited for
GROWTH_SOON = 2.0  # of its memory, likewise
GROWTH_AT_ONCE = 3.0  # of its memory: it serves no further conversation
SETTLED_AFTER = 20  # conversations: until then its memory grows to what it needs


class Wear:
    """`conversations` is how many the process has begun."""

    def __init__(self) -> None:
        self.conversations = 0
        self._began = time.localtime().tm_yday
        self._first_memory = 0  # bytes, once it has been weighed
        self._memory = 0

    def weigh(self, pid: int | None) -> None:
        """Take the size of the process while it is idle."""
        if pid is None:
            return
        memory = _memory_of(pid)
        if memory is None:
            return
        self._memory = memory
        if not self._first_memory or self.conversations <= SETTLED_AFTER:
            self._first_memory = memory

    @property
    def growth(self) -> float:
        """Its memory now by what it was; 1.0 for a process that was not weighed."""
        return self._memory / self._first_memory if self._first_memory else 1.0

    @property
    def is_worn(self) -> bool:
        """Return whether it should be replaced while no request needs it."""
        return self.conversations >= MOST_CONVERSATIONS or self.growth > MOST_GROWTH

    @property
    def is_overdue(self) -> bool:
        """Return whether it should be replaced though requests come all the time: its memory grows with each."""
        return self.conversations >= MOST_CONVERSATIONS + MOST_MORE or self.growth > GROWTH_SOON

    @property
    def is_worn_out(self) -> bool:
        """Whether it must not begin another conversation: far too large, or of an earlier day.

        The note on date and place that the CLI adds to a conversation is of the day on which the process began.
        """
        return self.growth > GROWTH_AT_ONCE or self._began != time.localtime().tm_yday


def _memory_of(pid: int) -> int | None:
    """Give the bytes of a process; None where it cannot be told: the process has ended, or no file can be opened."""
    try:
        import psutil  # after the first answers: it is slow to import
    except (ImportError, OSError):
        return None
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except (psutil.Error, OSError):
        return None
