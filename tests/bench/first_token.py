"""Time to the first token: each way in which a session can be had, beside the raw CLI's own.

*Added* is what the model's own time is taken out of, as the stand-in clocked it for that very request.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from .figure import Figure, percentile
from .programs import BridgeProcess, Size, StandInProcess, bridge, idle
from .raw_cli import RawCli, say
from .streaming import Client, Stream

SYSTEM = "You are being measured."
QUESTION = 'standin: {"words": 40}'
PAST_TURNS = 20
CONVERSATIONS = 8  # whose follow-ups are measured: a later turn's time varies by more than the bridge adds
_numbers = itertools.count(1)


@dataclass
class Timed:
    """Seconds to the first token, and those of them that were not the model's."""

    first: float
    added: float
    stream: Stream


def history(turns: int) -> list[dict[str, str]]:
    """Past turns that no conversation before had."""
    run = next(_numbers)
    pairs = ((say("user", f"{run}: question {n}?"), say("assistant", f"Answer {n}.")) for n in range(turns))
    return [message for pair in pairs for message in pair]


async def measure_first_token(standin: StandInProcess, folder: Path, size: Size) -> list[Figure]:
    figures = FirstTokenFigures(standin, folder)
    with bridge() as running:
        client = Client(running.base_url)
        await client.ask([say("system", SYSTEM), say("user", QUESTION)])  # one spare is bound to SYSTEM from now on
        for number in range(size.runs):
            await figures.measure_once(running, client, bridge_first=number % 2 == 1)
        for _ in range(min(size.runs, CONVERSATIONS)):
            await figures.measure_follow_ups(running, client, turns=size.runs)
        client.close()
    figures.slowest.note = spread(figures.slowest.bridge, figures.slowest.raw or [])
    return figures.all


def spread(bridge: Sequence[float], raw: Sequence[float]) -> str:
    """Say what a p95 of pairs can be at best: raw turns vary too, and so each ÷ its neighbour has a p95."""
    if len(raw) < 2:
        return ""
    neighbours = [one / other for pair in itertools.pairwise(raw) for one, other in (pair, pair[::-1])]
    beside = percentile(bridge, 95) / percentile(raw, 95)
    over_median = percentile(bridge, 95) / statistics.median(raw)
    return (
        f"raw ÷ the raw turn beside it: p95 {percentile(neighbours, 95):.3f}; "
        f"bridge's p95 ÷ raw's p95 {beside:.3f}, ÷ raw's median {over_median:.3f}"
    )


class FirstTokenFigures:
    def __init__(self, standin: StandInProcess, folder: Path) -> None:
        self._standin = standin
        self._folder = folder
        self.warm = Figure("time to first token, generic spare ÷ raw warm process", "s", 1.15)
        self.follow_up = Figure("added, follow-up turn ÷ raw later turn", "s", 1.1)
        self.fitting = Figure("added, new conversation on a fitting spare ÷ raw first turn", "s", 0.55)
        self.generic = Figure("added, new conversation on a generic spare ÷ raw first turn", "s", 0.55)
        self.rebuilt = Figure(f"added, {PAST_TURNS} turns rebuilt ÷ raw injected by hand", "s", 1.10)
        self.slowest = Figure("the same, p95 of the pairs", "s", 1.5, statistic="p95")
        self.all = [self.warm, self.follow_up, self.slowest, self.fitting, self.generic, self.rebuilt]

    async def measure_once(self, running: BridgeProcess, client: Client, *, bridge_first: bool) -> None:
        """One sample of each figure; which side goes first alternates."""
        system = [say("system", SYSTEM)]
        ask = [say("user", QUESTION)]
        past = history(PAST_TURNS)
        first, injected = [await RawCli(self._folder, SYSTEM).start() for _ in range(2)]

        async def raw() -> tuple[Timed, Timed]:
            await idle_raw(first, injected)
            new = await self._time(first.ask(QUESTION))
            await idle_raw(first)
            return new, await self._time(inject_and_ask(injected))

        async def bridged() -> tuple[Timed, Timed, Timed]:
            await running.settled()
            new = await self._time(client.ask(system + ask))
            await running.settled()
            rebuilt = await self._time(client.ask(system + past + ask))
            await running.settled()
            other = [say("system", f"{SYSTEM} {next(_numbers)}")]
            generic = await self._time(client.ask(other + ask))
            await client.ask(system + ask)  # what is asked next again, so the spare is bound to it
            return new, rebuilt, generic

        async def inject_and_ask(cli: RawCli) -> Stream:
            started = asyncio.get_running_loop().time()
            await cli.inject(past)
            waited = asyncio.get_running_loop().time() - started
            stream = await cli.ask(QUESTION)
            stream.sent -= waited
            return stream

        await asyncio.gather(first.initialize(), injected.initialize())
        if bridge_first:
            ours = await bridged()
            theirs = await raw()
        else:
            theirs = await raw()
            ours = await bridged()
        await asyncio.gather(first.kill(), injected.kill())
        raw_new, raw_rebuilt = theirs
        new, rebuilt, generic = ours
        self.warm.add(generic.first, raw_new.first)
        self.fitting.add(new.added, raw_new.added)
        self.generic.add(generic.added, raw_new.added)
        self.rebuilt.add(rebuilt.added, raw_rebuilt.added)

    async def measure_follow_ups(self, running: BridgeProcess, client: Client, *, turns: int) -> None:
        """The same conversation on both sides, turn by turn in turn: what is little needs pairs that are close."""
        cli = await RawCli(self._folder, SYSTEM).start()
        await cli.initialize()
        talk = [say("system", SYSTEM)]

        async def raw() -> float:
            return (await self._time(cli.ask(QUESTION))).added

        async def bridged() -> float:
            talk.append(say("user", QUESTION))
            timed = await self._time(client.ask(talk))
            talk.append(say("assistant", timed.stream.text))
            return timed.added

        for number in range(turns + 1):
            seconds = {}
            for side in (raw, bridged) if number % 2 else (bridged, raw):
                await running.settled()
                await idle_raw(cli)
                seconds[side] = await side()
            if number:  # a first turn is no later one
                self.follow_up.add(seconds[bridged], seconds[raw])
                self.slowest.add(seconds[bridged], seconds[raw])
        await cli.kill()

    async def _time(self, asking: Awaitable[Stream]) -> Timed:
        await self._standin.forget()
        stream = await asking
        return Timed(stream.first, stream.first - await self._standin.own_seconds(), stream)


async def idle_raw(*processes: RawCli) -> None:
    await idle(lambda: [psutil.Process(process.pid) for process in processes])
