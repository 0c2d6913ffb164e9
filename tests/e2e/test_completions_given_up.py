"""Autocomplete asks with every keystroke and gives most of it up: that costs no process and no memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import psutil
import pytest

from tests.running_bridge import RunningBridge, directive

RATE = 10  # requests a second


async def type_quickly(bridge: RunningBridge, seconds: float) -> int:
    """Ask and give up after 100 ms, as a person types; gives how many requests were answered in that time."""
    answered = 0

    async def keystroke(client: httpx.AsyncClient, number: int) -> None:
        nonlocal answered
        body = {"model": "haiku", "prompt": directive(words=50, rate=20) + f"\nx = {number}", "max_tokens": 64}
        try:
            await asyncio.wait_for(client.post(f"{bridge.base_url}/completions", json=body), 0.1)
            answered += 1
        except asyncio.TimeoutError:
            pass

    async with httpx.AsyncClient(timeout=60) as client:
        strokes = []
        for number in range(int(seconds * RATE)):
            strokes.append(asyncio.create_task(keystroke(client, number)))
            await asyncio.sleep(1 / RATE)
        await asyncio.gather(*strokes)
    return answered


async def test_requests_that_are_given_up_start_no_process(bridge: RunningBridge) -> None:
    await type_quickly(bridge, 1)  # the first ones bind a worker to what completions ask
    await asyncio.to_thread(bridge.wait_for, lambda s: not s.pool.busy and not s.pool.starting)
    before = {process.pid for process in bridge.processes()}
    memory = psutil.Process().memory_info().rss
    assert await type_quickly(bridge, 2) == 0
    await asyncio.to_thread(bridge.wait_for, lambda s: not s.pool.busy and not s.pool.starting)
    after = {process.pid for process in bridge.processes()}
    assert not after - before
    assert psutil.Process().memory_info().rss - memory < 20 * 2**20
    prompt = directive(text="<fill>still here</fill>")
    answer = await bridge.async_client().completions.create(model="haiku", prompt=prompt)
    assert answer.choices[0].text == "still here"


@pytest.mark.full
async def test_a_minute_of_autocomplete_on_two_workers_starts_no_process(
    make_bridge: Callable[..., RunningBridge],
) -> None:
    bridge = make_bridge(pool_size=2, max_sessions=2)
    await asyncio.to_thread(bridge.wait_until_warm, 2)
    await type_quickly(bridge, 2)
    await asyncio.to_thread(bridge.wait_for, lambda s: not s.pool.busy and not s.pool.starting)
    before = [session.id for session in bridge.snapshot().pool.sessions]
    assert await type_quickly(bridge, 60) == 0
    await asyncio.to_thread(bridge.wait_for, lambda s: not s.pool.busy and not s.pool.starting)
    assert [session.id for session in bridge.snapshot().pool.sessions] == before
    answer = await bridge.async_client().completions.create(model="haiku", prompt=directive(text="<fill>here</fill>"))
    assert answer.choices[0].text == "here"
