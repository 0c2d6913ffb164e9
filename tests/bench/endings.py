"""How soon a worker is free again after each way in which a turn can end.

The pool runs in this process: a poll of the bridge's status would be slower than what is measured.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tray_bridge.claude import progress_timer
from tray_bridge.claude.pool import PoolConfig, SessionPool
from tray_bridge.errors import TurnTimeoutError
from tray_bridge.turns import Message, Text, TextDelta, Turn, TurnEnded

from .figure import Figure
from .programs import PATIENCE, Size, StandInProcess

FREE_AGAIN = 0.05  # seconds
SILENCE = 0.5  # seconds, the time limit of the turn that gets no answer
LONG = {"words": 500, "rate": 100, "first_delay": 0.02}


@dataclass(frozen=True)
class Ending:
    """What the model does, and after how many pieces of text, or seconds, the client leaves; neither: it reads on."""

    name: str
    spec: dict[str, Any]
    pieces: int | None = None
    seconds: float | None = None


ENDINGS = (
    Ending("cancelled before the first token", {**LONG, "first_delay": 5}, seconds=0.1),
    Ending("client left, or a stop string came, in mid-answer", LONG, pieces=3),
    Ending("cut at max_tokens", {"text": "Cut", "stop_reason": "max_tokens", "first_delay": 0.02}),
    Ending("refused", {"refusal": True, "first_delay": 0.02}),
    Ending("read to its end", {"text": "Whole.", "first_delay": 0.02}),
)
TIMED_OUT = Ending("timed out", {"hang": True})


async def measure_endings(_: StandInProcess, folder: Path, size: Size) -> list[Figure]:
    async with open_pool(folder, 120.0) as pool:
        figures = [await measure(pool, ending, size.runs) for ending in ENDINGS]
    progress_timer.SHORTEST_SILENCE = 0.0
    async with open_pool(folder, SILENCE) as pool:
        figures.append(await measure(pool, TIMED_OUT, size.runs))
    return figures


async def measure(pool: Pool, ending: Ending, runs: int) -> Figure:
    figure = Figure(f"worker free again, turn {ending.name}", "s", FREE_AGAIN, raw=None)
    pids = {session.pid for session in pool.snapshot().sessions}
    for number in range(runs):
        ended = await ask(pool, ending, number)
        await pool.until_free()
        figure.add(time.perf_counter() - ended)
    if {session.pid for session in pool.snapshot().sessions} != pids:
        figure.note = "a worker was replaced"
        figure.add(PATIENCE)
    return figure


async def ask(pool: SessionPool, ending: Ending, number: int) -> float:
    """Ask, leave as `ending` says, and give the time at which the turn was over for the client."""
    question = f"{time.monotonic_ns()} {number}\nstandin: {json.dumps(ending.spec)}"
    turn = Turn("sonnet", (Message("user", (Text(question),)),), system=("You are being measured.",), keep=False)

    async def read() -> float:
        pieces = 0
        async with aclosing(pool.ask(turn)) as events:
            async for event in events:
                pieces += isinstance(event, TextDelta)
                if pieces == ending.pieces or isinstance(event, TurnEnded):
                    break
            return time.perf_counter()

    reading = asyncio.ensure_future(read())
    with suppress(TurnTimeoutError):
        if ending.seconds is None:
            return await reading
        await asyncio.sleep(ending.seconds)
        reading.cancel()
    return time.perf_counter()


class Pool(SessionPool):
    """Tells at once when its worker is free."""

    def __init__(self, config: PoolConfig) -> None:
        self._change = asyncio.Event()
        super().__init__(config, self._change.set)

    async def until_free(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while (pool := self.snapshot()).busy or pool.starting or not pool.sessions:
            self._change.clear()
            await asyncio.wait_for(self._change.wait(), deadline - time.monotonic())


@asynccontextmanager
async def open_pool(folder: Path, limit: float) -> AsyncIterator[Pool]:
    """One worker that has served one turn."""
    pool = Pool(PoolConfig("sonnet", folder, reuse=True, size=1, max_sessions=1, turn_timeout=limit))
    await pool.open()
    try:
        await ask(pool, ENDINGS[-1], 0)
        await pool.until_free()
        yield pool
    finally:
        await pool.close()
