"""Autocomplete asks with every keystroke and gives most of it up: that costs no process and no memory."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psutil
import pytest

from tests.running_bridge import RunningBridge, directive

RATE = 10  # requests a second
READ = 10  # of so many requests one is read to its end
PATHS = ("completions", "chat/completions")


def body_of(path: str, text: str) -> dict[str, Any]:
    asked = {"prompt": text} if path == "completions" else {"messages": [{"role": "user", "content": text}]}
    return {"model": "haiku", "max_tokens": 64, **asked}


async def type_quickly(bridge: RunningBridge, path: str, seconds: float) -> tuple[int, list[str]]:
    """Ask and give up after 100 ms, as a person types; read some to their end.

    Gives how many of those given up had their answer by then, and the answers that were read and wrong.
    """
    url, too_early, wrong = f"{bridge.base_url}/{path}", 0, []

    async def given_up(client: httpx.AsyncClient, number: int) -> None:
        nonlocal too_early
        body = body_of(path, directive(words=50, rate=20) + f"\nx = {number}")
        try:
            await asyncio.wait_for(client.post(url, json=body), 0.1)
            too_early += 1
        except asyncio.TimeoutError:
            pass

    async def read(client: httpx.AsyncClient, number: int) -> None:
        told = f"line {number}" if path != "completions" else f"<fill>line {number}</fill>"
        response = await client.post(url, json=body_of(path, directive(text=told)))
        choice = response.json()["choices"][0]
        if (text := choice["text"] if path == "completions" else choice["message"]["content"]) != f"line {number}":
            wrong.append(text)

    async with httpx.AsyncClient(timeout=60) as client:
        strokes = []
        for number in range(int(seconds * RATE)):
            stroke = read if number % READ == READ - 1 else given_up
            strokes.append(asyncio.create_task(stroke(client, number)))
            await asyncio.sleep(1 / RATE)
        await asyncio.gather(*strokes)
    return too_early, wrong


async def at_rest(bridge: RunningBridge) -> list[int]:
    """The ids of the workers, once none of them works: one that was replaced in between has another id."""
    await asyncio.to_thread(bridge.wait_for, lambda s: not s.pool.busy and not s.pool.starting)
    return [session.id for session in bridge.snapshot().pool.sessions]


async def test_requests_that_are_given_up_start_no_process(make_bridge: Callable[..., RunningBridge]) -> None:
    bridge = make_bridge(pool_size=2, max_sessions=2)
    await asyncio.to_thread(bridge.wait_until_warm, 2)
    await type_quickly(bridge, "completions", 1)  # the first ones bind a worker to what completions ask
    before, memory = await at_rest(bridge), psutil.Process().memory_info().rss
    assert await type_quickly(bridge, "completions", 2) == (0, [])
    assert await at_rest(bridge) == before
    assert psutil.Process().memory_info().rss - memory < 20 * 2**20


@contextmanager
def busy_machine(*, is_busy: bool) -> Iterator[None]:
    """Two programs for each core that do nothing but compute."""
    command = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(command) for _ in range(2 * (os.cpu_count() or 1) if is_busy else 0)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.parametrize("is_busy", [False, True], ids=["quiet", "busy machine"])
@pytest.mark.parametrize("path", PATHS)
async def test_a_minute_of_autocomplete_on_two_workers_starts_no_process(
    make_bridge: Callable[..., RunningBridge], path: str, is_busy: bool
) -> None:
    bridge = make_bridge(pool_size=2, max_sessions=2)
    await asyncio.to_thread(bridge.wait_until_warm, 2)
    with busy_machine(is_busy=is_busy):
        await type_quickly(bridge, path, 2)
        before, memory = await at_rest(bridge), psutil.Process().memory_info().rss
        assert await type_quickly(bridge, path, 60) == (0, [])
        assert await at_rest(bridge) == before
    grown = (psutil.Process().memory_info().rss - memory) / 2**20
    print(f"600 requests given up: {grown:+.1f} MB")
    assert grown < 20  # of bridge, stand-in and client, which are one process here
