"""What the bridge does to an answer on its way: the CPU that a token costs it, and how long each delta is held up.

Eight conversations stream at once, again and again; each stays in its own session, so nothing is started meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tray_bridge.machine.cli_program import find_cli

from . import stamped_cli
from .figure import Figure, percentile
from .programs import BridgeProcess, Size, StandInProcess, bridge, cpu_seconds, idle
from .raw_cli import say
from .streaming import Client, Stream

STREAMS = 8
RATE = 100  # tokens a second


async def measure_relay(_: StandInProcess, folder: Path, size: Size) -> list[Figure]:
    cpu = Figure("CPU per 1,000 streamed tokens, bridge ÷ CLI's own", "s", 0.25)
    late = Figure(f"delay of a delta behind the CLI, p99, {STREAMS} streams of {RATE}/s", "s", 0.008, raw=None)
    stamps = folder.parent / "stamps"
    stamps.mkdir(exist_ok=True)
    settings: dict[str, object] = {"pool_size": 0, "max_sessions": STREAMS, "parked_sessions": STREAMS}
    if sys.platform != "win32":
        settings["cli_path"] = make_stamped_cli(stamps)
    with bridge(**settings) as running:
        # Each has one token more than the one before, which tells their stamps apart.
        conversations = [Conversation(running, size.tokens + number) for number in range(STREAMS)]
        await all_at_once(conversations)
        for _round in range(size.runs):
            await idle(lambda: [running.process, *running.clis()])
            before = running.cpu_seconds, sum(map(cpu_seconds, running.clis()))
            tokens = await all_at_once(conversations)
            after = running.cpu_seconds, sum(map(cpu_seconds, running.clis()))
            ours, theirs = ((b - a) * 1000 / tokens for a, b in zip(before, after, strict=True))
            cpu.add(ours, theirs)
    if sys.platform == "win32":
        return [cpu]
    left = list(read_stamps(stamps))
    for number in range(1, size.runs + 1):
        delays = [delay for conversation in conversations for delay in conversation.delays(left, number)]
        late.add(percentile(delays, 99))
    return [cpu, late]


class Conversation:
    """One that goes on in the same session; its streams' times are kept."""

    def __init__(self, running: BridgeProcess, tokens: int) -> None:
        self._client = Client(running.base_url)
        self._tokens = tokens
        self._question = say("user", f'standin: {{"words": {tokens}, "rate": {RATE}}}')
        self._messages: list[dict[str, str]] = []
        self.streams: list[Stream] = []

    async def go_on(self) -> int:
        self._messages.append(self._question)
        stream = await self._client.ask(self._messages)
        self._messages.append(say("assistant", stream.text))
        self.streams.append(stream)
        return len(stream.deltas)

    def delays(self, left: Sequence[Sequence[float]], number: int) -> list[float]:
        """How long each delta of the stream of this number took from the CLI to here, in seconds."""
        (mine,) = (stamps for stamps in left if len(stamps) == self._tokens * len(self.streams))
        stamps = mine[number * self._tokens : (number + 1) * self._tokens]
        return [came - went for came, went in zip(self.streams[number].deltas, stamps, strict=True)]


async def all_at_once(conversations: Sequence[Conversation]) -> int:
    """One turn of each; the number of tokens that came."""
    return sum(await asyncio.gather(*(conversation.go_on() for conversation in conversations)))


def make_stamped_cli(folder: Path) -> Path:
    """A program to give to the bridge as its CLI; the stamps are kept in `folder`."""
    cli = find_cli()
    assert cli is not None
    program = folder / "stamped-cli"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{stamped_cli.__file__}" "{folder}" "{cli.path}" "$@"\n')
    program.chmod(0o755)
    return program


def read_stamps(folder: Path) -> Iterator[list[float]]:
    """The times of `time.perf_counter()` of each process, in order."""
    for path in folder.glob("*.stamps"):
        yield [stamp for (stamp,) in stamped_cli.STAMP.iter_unpack(path.read_bytes())]
