"""Pieces of work on one process: in order, to their end, and what a failed one leaves behind."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from tray_bridge.claude.serial_work import SerialWork
from tray_bridge.errors import SessionLostError


def lost() -> SessionLostError:
    return SessionLostError("lost")


async def test_pieces_run_in_the_order_in_which_they_were_begun() -> None:
    work, done = SerialWork(lost), []

    async def piece(number: int) -> None:
        await asyncio.sleep(0.01 / number)
        done.append(number)

    assert work.is_unused
    first = work.begin(piece(1))
    await work.see_through(piece(2))
    assert done == [1, 2] and first.done()
    assert not work.is_unused and not work.is_broken


async def test_a_piece_goes_on_when_the_wait_for_it_is_cancelled() -> None:
    work, done = SerialWork(lost), asyncio.Event()

    async def piece() -> None:
        await asyncio.sleep(0.01)
        done.set()

    waiting = asyncio.create_task(work.see_through(piece()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    await asyncio.wait_for(done.wait(), 30)
    assert not work.is_broken


async def test_a_failed_piece_is_told_to_those_who_wait_and_is_remembered() -> None:
    work = SerialWork(lost)

    async def piece() -> None:
        raise ValueError

    with pytest.raises(ValueError):
        await work.see_through(piece())
    assert work.is_broken


@pytest.mark.parametrize("begins", [False, True])
async def test_a_cancelled_piece_is_closed_and_remembered(begins: bool) -> None:
    work = SerialWork(lost)
    piece = asyncio.sleep(60)
    task = work.begin(piece)
    if begins:
        await asyncio.sleep(0)
    await work.stop()
    assert task.cancelled() and work.is_broken
    assert inspect.getcoroutinestate(piece) == inspect.CORO_CLOSED
    with pytest.raises(SessionLostError):
        await work.end_of(task)
