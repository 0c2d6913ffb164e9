"""Twenty conversations at once on eight sessions: how long until the last one has its answer."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from .figure import Figure
from .first_token import QUESTION, idle_raw
from .programs import Size, StandInProcess, bridge
from .raw_cli import RawCli, say
from .streaming import Client

SESSIONS = 8


async def measure_crowd(_: StandInProcess, folder: Path, size: Size) -> list[Figure]:
    count = size.conversations
    wall = Figure(f"{count} conversations on {SESSIONS} sessions, wall time ÷ raw", "s", 1.10)
    for number in range(size.crowds):
        if number % 2:
            ours = await through_bridge(count)
            theirs = await by_hand(count, folder)
        else:
            theirs = await by_hand(count, folder)
            ours = await through_bridge(count)
        wall.add(ours, theirs)
    return [wall]


async def through_bridge(count: int) -> float:
    with bridge(pool_size=SESSIONS, max_sessions=SESSIONS) as running:
        await running.settled()

        async def ask() -> None:
            client = Client(running.base_url)
            await client.ask([say("user", QUESTION)])
            client.close()

        began = time.perf_counter()
        await asyncio.gather(*(ask() for _ in range(count)))
        return time.perf_counter() - began


async def by_hand(count: int, folder: Path) -> float:
    """The same with eight processes at most: the warm ones first, then each conversation starts its own."""
    warm = await asyncio.gather(*(RawCli(folder).start() for _ in range(SESSIONS)))
    await asyncio.gather(*(cli.initialize() for cli in warm))
    await idle_raw(*warm)
    seats = asyncio.Semaphore(SESSIONS)

    async def ask() -> None:
        async with seats:
            cli = warm.pop() if warm else await new()
            await cli.ask(QUESTION)
            await cli.kill()

    async def new() -> RawCli:
        cli = await RawCli(folder).start()
        await cli.initialize()
        return cli

    began = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(count)))
    return time.perf_counter() - began
