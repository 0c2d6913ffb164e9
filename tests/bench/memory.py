"""The app's own memory, without its CLI processes: at rest, at its peak, and after many exchanges."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from .figure import Figure
from .programs import BridgeProcess, Size, StandInProcess, bridge
from .raw_cli import say
from .streaming import Client

QUESTION = 'standin: {"words": 40, "first_delay": 0}'
CONVERSATIONS = 4
TURNS = 25  # then a new conversation


async def measure_memory(_: StandInProcess, __: Path, size: Size) -> list[Figure]:
    growth = Figure(f"own memory after {size.exchanges:,} exchanges ÷ at rest", "MB", 1.10)
    peak = Figure("own memory, peak", "MB", 90, raw=None)
    with bridge() as running:
        await running.settled()
        at_rest = running.memory
        await asyncio.gather(*(talk(running, size.exchanges // CONVERSATIONS) for _ in range(CONVERSATIONS)))
        await running.settled()
        growth.add(running.memory, at_rest)
        peak.add(peak_memory(running))
    return [growth, peak]


async def talk(running: BridgeProcess, exchanges: int) -> None:
    client = Client(running.base_url)
    messages: list[dict[str, str]] = []
    for _ in range(exchanges):
        if len(messages) >= 2 * TURNS:
            messages.clear()
        messages.append(say("user", QUESTION))
        messages.append(say("assistant", (await client.ask(messages)).text))
    client.close()


def peak_memory(running: BridgeProcess) -> float:
    """Megabytes resident at most, shared libraries included."""
    if sys.platform == "linux":
        status = Path(f"/proc/{running.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
    memory = running.process.memory_info()
    return float(getattr(memory, "peak_wset", memory.rss)) / 2**20
