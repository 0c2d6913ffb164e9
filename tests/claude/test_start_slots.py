"""Who may start a process now, and who waits."""

from __future__ import annotations

import asyncio
import time

import pytest

from tray_bridge.claude import start_slots
from tray_bridge.claude.start_slots import StartSlots


async def test_no_more_start_at_once_than_there_are_slots_and_all_of_them_in_order() -> None:
    slots, order, inside, most = StartSlots(2), [], 0, 0

    async def start(number: int) -> None:
        nonlocal inside, most
        async with slots.one():
            order.append(number)
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*map(start, range(7)))
    assert order == list(range(7))
    assert most == 2


async def test_one_that_fails_or_gives_up_waiting_takes_no_slot_with_it() -> None:
    slots = StartSlots(1)

    async def fail() -> None:
        async with slots.one():
            await asyncio.sleep(0.01)
            raise OSError

    async def wait() -> None:
        async with slots.one():
            pass

    failing = asyncio.create_task(fail())
    waiting = [asyncio.create_task(wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    with pytest.raises(OSError):
        await failing
    waiting[1].cancel()  # in the moment in which it may have been given the slot
    await asyncio.wait(waiting, timeout=5)
    assert waiting[2].done() and not waiting[2].cancelled()
    await asyncio.wait_for(wait(), 30)


async def test_one_that_hangs_holds_the_others_up_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_slots, "LONGEST_HOLD", 0.2)
    slots, done = StartSlots(1), asyncio.Event()

    async def hang() -> None:
        async with slots.one():
            await done.wait()

    hanging = asyncio.create_task(hang())
    await asyncio.sleep(0)
    began = time.monotonic()
    async with slots.one():
        waited = time.monotonic() - began
    done.set()
    await hanging
    assert 0.15 < waited < 5
    # What hung gave its slot back once, not twice: of two that come now, one waits for the other.
    inside = asyncio.Event()

    async def stay() -> None:
        async with slots.one():
            inside.set()
            await asyncio.sleep(0.1)

    staying = asyncio.create_task(stay())
    await inside.wait()
    began = time.monotonic()
    async with slots.one():
        assert time.monotonic() - began > 0.05
    await staying
