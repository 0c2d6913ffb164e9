"""How many CLI processes may start at the same time: more than there are cores would slow each other down."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

CORES = os.cpu_count() or 1  # a start takes one core for about half a second
LONGEST_HOLD = 2.0  # seconds, after which a hanging start gives its slot up


class StartSlots:
    """Give out slots in order of waiting. Use within one event loop."""

    def __init__(self, count: int = CORES) -> None:
        self._free = asyncio.Semaphore(count)

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold a slot while the block runs, but for LONGEST_HOLD at most."""
        await self._free.acquire()
        giving_back = contextlib.ExitStack()
        giving_back.callback(self._free.release)
        timer = asyncio.get_running_loop().call_later(LONGEST_HOLD, giving_back.close)
        try:
            yield
        finally:
            timer.cancel()
            giving_back.close()
