"""Work on one process, a piece after the other. A piece goes on when the request that began it is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ..errors import SessionLostError


class SerialWork:
    """Run pieces in the order in which they are begun. Use within one event loop.

    `is_broken` is set once a piece has failed: what the process holds is then not known. `lost` makes the error for
    those who wait for a piece that was cancelled.
    """

    def __init__(self, lost: Callable[[], SessionLostError]) -> None:
        self.is_broken = False
        self._lost = lost
        self._last: asyncio.Task[None] | None = None

    @property
    def is_unused(self) -> bool:
        """Return whether no piece was ever begun."""
        return self._last is None

    def begin(self, piece: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do it after what was begun before, in a task of its own."""
        task = self._last = asyncio.create_task(self._in_order(self._last, piece))
        task.add_done_callback(lambda _: self._note_end(task, piece))
        return task

    async def see_through(self, piece: Coroutine[Any, Any, None]) -> None:
        """Begin a piece and wait for it; it goes on when the wait is cancelled."""
        await self.end_of(self.begin(piece))

    async def end_of(self, task: asyncio.Task[None]) -> None:
        """Wait for a piece that was begun; it goes on when the wait is cancelled."""
        await asyncio.wait({task})
        if task.cancelled():
            raise self._lost()
        task.result()

    async def stop(self) -> None:
        """Cancel the last piece, unless it is the one that calls this."""
        if self._last is not None and self._last is not asyncio.current_task():
            self._last.cancel()
            await asyncio.wait({self._last})

    async def _in_order(self, before: asyncio.Task[None] | None, piece: Coroutine[Any, Any, None]) -> None:
        if before is not None and not before.done():
            await asyncio.wait({before})
        await piece

    def _note_end(self, task: asyncio.Task[None], piece: Coroutine[Any, Any, None]) -> None:
        """Keep an error that nothing waits for: the next user of the worker gets it."""
        piece.close()  # it never began if its task was cancelled before
        if task.cancelled() or task.exception() is not None:
            self.is_broken = True
