"""Wait for work with a time limit, and never lose a cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def wait_within(work: Awaitable[T], seconds: float) -> T:
    """Await `work`, which is cancelled after `seconds`, or with the caller. Raises asyncio.TimeoutError.

    `asyncio.wait_for` does the same, but up to Python 3.11 it drops a cancellation that comes as `work` ends: a client
    that has left would get its whole answer (https://github.com/python/cpython/issues/81839).
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
    except asyncio.CancelledError:
        await _end(task)
        raise
    await _end(task)
    try:
        return task.result()
    except asyncio.CancelledError:
        raise asyncio.TimeoutError from None


async def _end(task: asyncio.Future[T]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # asked for here, or it would be reported as never taken
