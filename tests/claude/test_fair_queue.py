"""First come, first served: also where one gives up, runs out of time, or fails to pick."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tray_bridge.claude.fair_queue import FairQueue


class Shop:
    """Things that waiters take; `lengths` holds what the queue reported."""

    def __init__(self) -> None:
        self.goods: list[int] = []
        self.lengths: list[int] = []
        self.queue = FairQueue(lambda: self.lengths.append(len(self.queue)))

    def offer(self, *goods: int) -> None:
        self.goods += goods
        self.queue.call_next()

    def pick(self) -> int | None:
        return self.goods.pop(0) if self.goods else None


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_those_who_wait_are_served_in_their_order() -> None:
    shop, served = Shop(), []

    async def wait(name: str) -> None:
        await shop.queue.wait(shop.pick, 30)
        served.append(name)

    tasks = [asyncio.create_task(wait(name)) for name in "abc"]
    await settle()
    assert len(shop.queue) == 3
    shop.offer(1)
    await settle()
    assert served == ["a"]
    shop.offer(2, 3)
    await asyncio.gather(*tasks)
    assert served == ["a", "b", "c"]
    assert shop.lengths == [1, 2, 3, 2, 1, 0]


async def test_what_is_there_is_taken_at_once() -> None:
    shop = Shop()
    shop.offer(1)
    assert await shop.queue.wait(shop.pick, 0.0) == 1


async def test_one_that_comes_later_does_not_overtake() -> None:
    shop = Shop()
    first = asyncio.create_task(shop.queue.wait(shop.pick, 30))
    await settle()
    shop.goods.append(1)  # without a call: the head has not looked yet
    second = asyncio.create_task(shop.queue.wait(shop.pick, 30))
    await settle()
    assert not second.done()
    shop.offer(2)
    assert (await first, await second) == (1, 2)


async def test_time_runs_out_and_the_place_is_given_up() -> None:
    shop = Shop()
    with pytest.raises(asyncio.TimeoutError):
        await shop.queue.wait(shop.pick, 0.01)
    assert len(shop.queue) == 0


async def test_the_next_one_is_called_when_the_head_gives_up_or_fails() -> None:
    shop = Shop()

    def fail() -> int | None:
        if shop.goods:
            raise ValueError
        return None

    tasks = [asyncio.create_task(shop.queue.wait(pick, 30)) for pick in (shop.pick, fail, shop.pick)]
    await settle()
    shop.goods.append(7)
    tasks[0].cancel()
    with pytest.raises(ValueError):
        await tasks[1]
    assert await tasks[2] == 7


@pytest.mark.parametrize("ticks", range(5))
async def test_one_that_leaves_as_it_is_called_takes_nothing(ticks: int) -> None:
    shop = Shop()
    leaving, staying = (asyncio.create_task(shop.queue.wait(shop.pick, 30)) for _ in range(2))
    await settle()
    shop.queue.call_next()
    for _ in range(ticks):
        await asyncio.sleep(0)
    leaving.cancel()
    await settle()
    assert leaving.cancelled()
    shop.offer(1)
    assert await asyncio.wait_for(staying, 1) == 1


@given(st.lists(st.sampled_from(["come", "offer", "leave"]), max_size=30))
def test_no_one_is_forgotten_and_no_one_overtakes(steps: list[str]) -> None:
    async def run() -> None:
        shop, served = Shop(), list[int]()
        waiting: dict[int, asyncio.Task[None]] = {}

        async def wait(name: int) -> None:
            await shop.queue.wait(shop.pick, 30)
            served.append(name)

        for number, step in enumerate(steps):
            if step == "come":
                waiting[number] = asyncio.create_task(wait(number))
            elif step == "offer":
                shop.offer(number)
            elif left := [name for name, task in waiting.items() if not task.done()]:
                waiting.pop(left[0]).cancel()
            await settle()
        assert served == sorted(served)
        unserved = [task for task in waiting.values() if not task.done()]
        assert not (unserved and shop.goods)
        assert len(shop.queue) == len(unserved)
        for task in unserved:
            task.cancel()
        await asyncio.gather(*unserved, return_exceptions=True)

    asyncio.run(run())
