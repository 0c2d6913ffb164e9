"""A wait with a time limit: its result, its end, and a cancellation that comes at any moment."""

from __future__ import annotations

import asyncio

import pytest

from tray_bridge.machine.time_limit import wait_within

TICKS = range(6)


async def work(ticks: int) -> str:
    for _ in range(ticks):
        await asyncio.sleep(0)
    return "done"


async def test_the_result_or_the_error_of_the_work_is_given() -> None:
    assert await wait_within(work(2), 1) == "done"
    with pytest.raises(ZeroDivisionError):
        await wait_within(asyncio.get_running_loop().run_in_executor(None, lambda: 1 // 0), 1)


async def test_work_that_takes_too_long_is_cancelled() -> None:
    slow = asyncio.ensure_future(asyncio.sleep(60))
    with pytest.raises(asyncio.TimeoutError):
        await wait_within(slow, 0.01)
    assert slow.cancelled()


@pytest.mark.parametrize("ticks", TICKS)
@pytest.mark.parametrize("cancelled_at", TICKS)
async def test_no_cancellation_is_lost_whenever_it_comes(ticks: int, cancelled_at: int) -> None:
    async def wait() -> None:
        await wait_within(work(ticks), 1)
        await asyncio.sleep(60)

    waiting = asyncio.ensure_future(wait())
    await work(cancelled_at)
    waiting.cancel()
    done, _ = await asyncio.wait({waiting}, timeout=1)
    assert done and waiting.cancelled()
