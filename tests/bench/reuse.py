"""Workers that are reset beside a process for each conversation (`reuse_workers=false`), in the same run.

The bridge that resets its workers is one side; the other is the bridge without reuse, or the raw CLI's later turn.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from .crowd import SESSIONS
from .figure import Figure
from .first_token import PAST_TURNS, QUESTION, SYSTEM, idle_raw
from .programs import BridgeProcess, Size, StandInProcess, bridge, cpu_seconds
from .raw_cli import RawCli, say
from .streaming import Client

GIVE_UP_AFTER = 0.1  # seconds
LONG = 'standin: {"words": 200, "rate": 50, "first_delay": 0.02}'
FAST = {"words": 5, "first_delay": 0}
CLIENTS = 4
KINDS = 2  # of system prompts

Side = Callable[[], Coroutine[Any, Any, float]]


async def measure_reuse(standin: StandInProcess, folder: Path, size: Size) -> list[Figure]:
    return [
        *await measure_edits(standin, folder, size),
        *await measure_new(size),
        *await measure_crowd_of_16(size),
        *await measure_given_up(standin, size),
    ]


# The last answer regenerated, the last question edited


async def measure_edits(standin: StandInProcess, folder: Path, size: Size) -> list[Figure]:
    """After 20 turns, beside the raw CLI's later turn; without reuse the whole conversation is rebuilt."""
    regenerated = Figure(f"added, last answer regenerated after {PAST_TURNS} turns ÷ raw later turn", "s", 1.5)
    edited = Figure(f"added, last question edited after {PAST_TURNS} turns ÷ raw later turn", "s", 1.5)
    rebuilt = Figure("the same without reuse: regenerated ÷ raw later turn", "s")
    raw = RawCli(folder, SYSTEM)
    await raw.start()
    await raw.initialize()
    for _ in range(PAST_TURNS):
        await raw.ask(QUESTION)
    with bridge() as ours, bridge(reuse_workers=False) as without:
        talk, again = Talk(ours, standin), Talk(without, standin)
        for each in (talk, again):
            for _ in range(PAST_TURNS):
                await each.go_on()
        for number in range(size.runs):
            seconds: dict[Side, float] = {}

            async def raw_turn() -> float:
                await standin.forget()
                return (await raw.ask(QUESTION)).first - await standin.own_seconds()

            sides: list[Side] = [raw_turn, talk.regenerate, talk.edit, again.regenerate]
            for side in sides if number % 2 else reversed(sides):
                await ours.settled()
                await without.settled()
                await idle_raw(raw)
                seconds[side] = await side()
            regenerated.add(seconds[talk.regenerate], seconds[raw_turn])
            edited.add(seconds[talk.edit], seconds[raw_turn])
            rebuilt.add(seconds[again.regenerate], seconds[raw_turn])
        talk.close()
        again.close()
    await raw.kill()
    return [regenerated, edited, rebuilt]


class Talk:
    """A conversation whose last question can be asked again, or asked otherwise."""

    def __init__(self, running: BridgeProcess, standin: StandInProcess) -> None:
        self._client = Client(running.base_url)
        self._standin = standin
        self._past = [say("system", SYSTEM)]
        self._question = ""
        self._edits = 0

    async def go_on(self) -> None:
        self._question = QUESTION
        stream = await self._client.ask([*self._past, say("user", QUESTION)])
        self._before = list(self._past)
        self._past += [say("user", QUESTION), say("assistant", stream.text)]

    async def regenerate(self) -> float:
        return await self._ask_last(self._question)

    async def edit(self) -> float:
        self._edits += 1
        self._question = f"Edit {self._edits}.\n{QUESTION}"
        return await self._ask_last(self._question)

    async def _ask_last(self, question: str) -> float:
        await self._standin.forget()
        stream = await self._client.ask([*self._before, say("user", question)])
        return stream.first - await self._standin.own_seconds()

    def close(self) -> None:
        self._client.close()


# New conversations


async def measure_new(size: Size) -> list[Figure]:
    """CPU of one, and cold starts among a hundred of two kinds by four clients at once."""
    count = 5 * size.conversations
    cpu = Figure(
        "CPU of a new conversation, bridge and CLI together; beside it without reuse", "s", 0.06, is_absolute=True
    )
    cold = Figure(f"cold starts of {count} new conversations after the first {CLIENTS}", "", 0, is_absolute=True)
    with bridge() as ours, bridge(reuse_workers=False) as without:
        for _ in range(max(1, size.runs // 5)):
            samples = []
            for running in (ours, without):
                await ask_new(running, CLIENTS)
                await running.settled()
                taken, used = await cold_starts(running), all_cpu(running)
                await ask_new(running, count)
                await running.settled()
                samples.append(((all_cpu(running) - used) / count, float(await cold_starts(running) - taken)))
            cpu.add(samples[0][0], samples[1][0])
            cold.add(samples[0][1], samples[1][1])
    return [cpu, cold]


async def ask_new(running: BridgeProcess, count: int) -> None:
    numbers = iter(range(count))

    async def ask() -> None:
        client = Client(running.base_url)
        for number in numbers:
            system = say("system", f"You are kind {number % KINDS}.")
            await client.ask([system, say("user", f"{time.monotonic_ns()}\nstandin: {json.dumps(FAST)}")])
        client.close()

    await asyncio.gather(*(ask() for _ in range(CLIENTS)))


async def cold_starts(running: BridgeProcess) -> int:
    return int(dict((await running.status())["pool"]["taken"])["cold"])


def all_cpu(running: BridgeProcess) -> float:
    """CPU seconds of the bridge and of every CLI process that it has had, as far as they can be read."""
    times = running.process.cpu_times()
    ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(times.user + times.system + ended + sum(map(cpu_seconds, running.clis())))


# Many at once


async def measure_crowd_of_16(size: Size) -> list[Figure]:
    wall = Figure(f"16 conversations at once on {SESSIONS} workers, wall time ÷ without reuse", "s", 0.6)
    for number in range(size.crowds):
        sides = [True, False] if number % 2 else [False, True]
        seconds = {reuse: await crowd_of_16(reuse=reuse) for reuse in sides}
        wall.add(seconds[True], seconds[False])
    return [wall]


async def crowd_of_16(*, reuse: bool) -> float:
    with bridge(pool_size=SESSIONS, max_sessions=SESSIONS, reuse_workers=reuse) as running:
        await running.settled()
        clients = [Client(running.base_url) for _ in range(16)]
        began = time.perf_counter()
        await asyncio.gather(*(client.ask([say("user", QUESTION)]) for client in clients))
        seconds = time.perf_counter() - began
        for client in clients:
            client.close()
        return seconds


# Requests that are given up


async def measure_given_up(standin: StandInProcess, size: Size) -> list[Figure]:
    """Forty one after the other, and then one that is read to its end, beside one that nothing came before."""
    started = Figure(
        "processes started for 40 requests given up after 100 ms; beside it without reuse", "", 0, is_absolute=True
    )
    after = Figure("added, a request after five given up ÷ an undisturbed one", "s", 1.2)
    with bridge(pool_size=2) as ours, bridge(pool_size=2, reuse_workers=False) as without:
        for running in (ours, without):
            await give_up(running, 5)
            await running.settled()
        counts = []
        for running in (ours, without):
            async with watched(running) as new:
                await give_up(running, 40)
                await running.settled()
            counts.append(float(len(new)))
        started.add(*counts)
        client = Client(ours.base_url)

        async def undisturbed() -> float:
            return await ask_once(client, standin)

        async def disturbed() -> float:
            await give_up(ours, 5)
            await asyncio.sleep(0.1)  # as the next key comes
            return await ask_once(client, standin)

        for number in range(size.runs):
            seconds = {}
            for side in (undisturbed, disturbed) if number % 2 else (disturbed, undisturbed):
                await ours.settled()
                seconds[side] = await side()
            after.add(seconds[disturbed], seconds[undisturbed])
        client.close()
    return [started, after]


async def ask_once(client: Client, standin: StandInProcess) -> float:
    await standin.forget()
    stream = await client.ask([say("system", SYSTEM), say("user", f"{time.monotonic_ns()}\n{QUESTION}")])
    return stream.first - await standin.own_seconds()


async def give_up(running: BridgeProcess, count: int) -> None:
    for _ in range(count):
        client = Client(running.base_url)
        question = [say("system", SYSTEM), say("user", f"{time.monotonic_ns()}\n{LONG}")]
        asking = asyncio.ensure_future(client.ask(question))
        await asyncio.wait({asking}, timeout=GIVE_UP_AFTER)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        client.close()


@asynccontextmanager
async def watched(running: BridgeProcess) -> AsyncIterator[set[int]]:
    """The ids of the CLI processes that are new since, those that have ended among them."""
    before, new = pids(running.clis()), set[int]()

    async def watch() -> None:
        while True:
            new.update(await asyncio.to_thread(lambda: pids(running.clis())) - before)
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    try:
        yield new
    finally:
        watching.cancel()
        new.update(pids(running.clis()) - before)


def pids(processes: Sequence[psutil.Process]) -> set[int]:
    return {process.pid for process in processes}
