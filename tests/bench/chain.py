"""A turn by `previous_response_id` late in a long chain, beside one at the beginning of a short chain.

The request that Claude Code sends upstream grows with the conversation: the same conversation is sent whole, and given
to the raw CLI, in the same run.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .dialects import CHAT, Spoken
from .figure import Figure
from .first_token import SYSTEM, idle_raw
from .programs import BridgeProcess, Size, StandInProcess, bridge, idle
from .raw_cli import RawCli, say
from .streaming import Client

TURNS = 5  # of each chain in one sample: the clock of a process's CPU is coarse
_ID = re.compile(rb'"id":"(resp_[0-9a-f]+)"')
_TEXT = re.compile(rb"data: [^\n]*output_text\.delta")


def asked(number: int) -> str:
    return f'standin: {{"text": "Answer {number}."}}'


class Chain:
    """A chain of stored answers; `seconds` and `cpu` are those of its last turns."""

    def __init__(self, running: BridgeProcess, client: Client) -> None:
        self._running, self._client = running, client
        self._previous: str | None = None
        self._count = 0
        self.seconds: list[float] = []
        self.cpu = 0.0

    async def go_on(self, turns: int, *, timed: bool = False) -> None:
        """Ask further turns; with `timed` each waits until nothing works any more."""
        self.seconds, self.cpu = [], 0.0
        for _ in range(turns):
            if timed:
                await self._running.settled()
            before = self._running.cpu_seconds
            spoken = Spoken("Responses", "/v1/responses", self._body, _TEXT)
            self._count += 1
            first, _ = await spoken.ask(self._client, [say("user", asked(self._count))])
            connection = await self._client.connect()
            (self._previous,) = {found.decode() for _, data in connection.pieces for found in _ID.findall(data)}
            if timed:
                await idle(lambda: [self._running.process])  # the session log is written by then
                self.cpu += (self._running.cpu_seconds - before) / turns
                self.seconds.append(first)

    def _body(self, messages: Any) -> dict[str, Any]:
        return {"input": messages, "instructions": SYSTEM, "previous_response_id": self._previous}


async def measure_chain(standin: StandInProcess, folder: Path, size: Size) -> list[Figure]:
    cpu = Figure(f"the bridge's CPU for a turn by id: turn {size.chain} ÷ turn 2 of a chain", "s")
    early = Figure("time to first token by id ÷ raw CLI: turn 2", "s")
    late = Figure(f"time to first token by id ÷ raw CLI: turn {size.chain}", "s")
    whole = Figure(f"time to first token, turn {size.chain}: by id ÷ sent whole", "s", 1.05)
    with bridge() as running:
        client = Client(running.base_url)
        long = Chain(running, client)
        await long.go_on(size.chain - 1)
        by_hand = await RawTalk(folder).begin(size.chain - 1)
        said = [say("system", SYSTEM), *_conversation(size.chain - 1)]
        await CHAT.ask(client, [*said, say("user", asked(size.chain))])
        for number in range(max(1, size.runs // 3)):
            short, start = Chain(running, client), await RawTalk(folder).begin(1)
            await short.go_on(1)
            for chain in (short, long) if number % 2 else (long, short):
                await chain.go_on(TURNS, timed=True)
            cpu.add(long.cpu, short.cpu)
            for figure, chain, raw in ((early, short, start), (late, long, by_hand)):
                for first in chain.seconds:
                    figure.add(first, await raw.ask())
            for first in long.seconds:
                await running.settled()
                said += _conversation(1, size.chain)
                again, _ = await CHAT.ask(client, [*said, say("user", asked(size.chain))])
                whole.add(first, again)
            await start.cli.kill()
        client.close()
        await by_hand.cli.kill()
    return [cpu, early, late, whole]


class RawTalk:
    """The same questions to a CLI by hand."""

    def __init__(self, folder: Path) -> None:
        self.cli = RawCli(folder, SYSTEM)
        self._count = 0

    async def begin(self, turns: int) -> RawTalk:
        await self.cli.start()
        await self.cli.initialize()
        for _ in range(turns):
            await self._answered()
        return self

    async def ask(self) -> float:
        """Seconds to the first text of the next answer."""
        await idle_raw(self.cli)
        return await self._answered()

    async def _answered(self) -> float:
        self._count += 1
        return (await self.cli.ask(asked(self._count))).first


def _conversation(turns: int, begin: int = 1) -> list[dict[str, str]]:
    pairs = ([say("user", asked(n)), say("assistant", f"Answer {n}.")] for n in range(begin, begin + turns))
    return [message for pair in pairs for message in pair]
