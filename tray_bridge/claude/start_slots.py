"""How many CLI processes may start at the same time: more than there are cores only slow each other down."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

CORES = os.cpu_count() or 1  # a start keeps one of them busy for about half a second
LONGEST_HOLD = 2.0  # seconds: a process that hangs keeps nobody else from starting


class StartSlots:
    """Use within one event loop; who waits longest goes first."""

    def __init__(self, count: int = CORES) -> None:
        self._free = asyncio.Semaphore(count)

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait for a slot and keep it while the block runs, but not for longer than LONGEST_HOLD."""
        await self._free.acquire()
        giving_back = contextlib.ExitStack()
        giving_back.callback(self._free.release)
        timer = asyncio.get_running_loop().call_later(LONGEST_HOLD, giving_back.close)
        try:
            yield
        finally:
            timer.cancel()
            giving_back.close()
