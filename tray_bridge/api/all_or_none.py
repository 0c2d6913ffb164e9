"""Several answers of one request: all of them, or the first error."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any


async def all_or_none(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run all at once; when one fails, end the others, then raise its error."""
    if len(works) < 2:
        for work in works:
            await work
        return
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
