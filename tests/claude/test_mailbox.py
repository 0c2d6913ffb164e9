"""The mailbox: nothing is lost, nothing overtakes."""

from __future__ import annotations

import asyncio

import pytest

from tray_bridge.claude.mailbox import Mailbox


async def test_what_was_left_is_taken_in_order_whether_or_not_somebody_waits() -> None:
    mailbox: Mailbox[int] = Mailbox()
    mailbox.put_nowait(1)
    mailbox.put_nowait(2)
    assert [await mailbox.get(), await mailbox.get()] == [1, 2]
    waiting = asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    mailbox.put_nowait(3)
    mailbox.put_nowait(4)
    assert [await waiting, await mailbox.get()] == [3, 4]
    assert mailbox.empty()


async def test_who_gives_up_waiting_takes_nothing_with_him() -> None:
    mailbox: Mailbox[int] = Mailbox()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(mailbox.get(), 0.01)
    waiting = asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    waiting.cancel()
    mailbox.put_nowait(1)
    assert not mailbox.empty()
    assert await mailbox.get() == 1


async def test_woken_and_given_up_in_the_same_moment_loses_nothing() -> None:
    mailbox: Mailbox[int] = Mailbox()
    waiting = asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    mailbox.put_nowait(1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert mailbox.get_nowait() == 1
