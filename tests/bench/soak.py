"""A long day in a few minutes: a thousand conversations of five turns, four at a time, and what they leave behind.

Memory, processes and descriptors are looked at once a second, from the rest before to the rest after.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from .memory import peak_memory
from .programs import BridgeProcess, bridge
from .raw_cli import say
from .streaming import Client

TURNS = 5
AT_ONCE = 4
LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Look:
    """The app at one moment. Memory is in megabytes; `descriptors` are the app's own (handles on Windows)."""

    seconds: float
    own_memory: float
    cli_memory: float
    processes: int
    descriptors: int
    threads: int


async def soak(conversations: int, tell: Callable[[str], None], **settings: object) -> dict[str, Any]:
    """Run it; `failed` counts answers that did not come or were not the right one."""
    looks: list[Look] = []
    with bridge(**settings) as running:
        await running.settled()
        watching = asyncio.create_task(_watch(running, looks, tell))
        await asyncio.sleep(2 * LOOK_SECONDS)
        numbers = iter(range(conversations))
        began = time.monotonic()
        failed = sum(await asyncio.gather(*(_talk(running, numbers) for _ in range(AT_ONCE))))
        seconds = time.monotonic() - began
        await running.settled()
        await asyncio.sleep(2 * LOOK_SECONDS)
        watching.cancel()
        return {
            "conversations": conversations,
            "turns": TURNS,
            "seconds": round(seconds, 1),
            "failed": failed,
            "taken": dict((await running.status())["pool"]["taken"]),
            "peak_memory": round(peak_memory(running), 1),
            **memory_of_all(looks),
            "looks": [asdict(look) for look in looks],
        }


def memory_of_all(looks: Sequence[Look]) -> dict[str, float]:
    """Give the memory of app and CLI processes together, in megabytes, and how much it grew over the last half.

    Both compare medians: of a tenth of the time around its middle, and of its last tenth.
    """
    sums = [look.own_memory + look.cli_memory for look in looks]
    tenth, middle = max(1, len(sums) // 10), len(sums) // 2
    half, end = statistics.median(sums[middle : middle + tenth]), statistics.median(sums[-tenth:])
    return {"memory": round(statistics.median(sums), 1), "growth_of_last_half": round(end / half - 1, 4)}


async def _talk(running: BridgeProcess, numbers: Iterator[int]) -> int:
    """Hold one conversation after the other, each with a system prompt of its own now and then."""
    failed = 0
    for number in numbers:
        client = Client(running.base_url)
        messages = [say("system", f"You are kind {number % 3}.")]
        for turn in range(TURNS):
            text = f"conversation {number}, turn {turn}"
            messages.append(say("user", f"standin: {json.dumps({'text': text, 'first_delay': 0})}"))
            try:
                answer = (await client.ask(messages)).text
            except (RuntimeError, ConnectionError):
                answer = ""
            failed += answer != text
            messages.append(say("assistant", answer))
        client.close()
    return failed


async def _watch(running: BridgeProcess, looks: list[Look], tell: Callable[[str], None]) -> None:
    began = time.monotonic()
    for count in itertools.count():
        look = await asyncio.to_thread(_look, running, time.monotonic() - began)
        looks.append(look)
        if count % 30 == 0:
            tell(f"{look.seconds:5.0f} s: {look.own_memory:.1f} MB, {look.processes} processes")
        await asyncio.sleep(LOOK_SECONDS)


def _look(running: BridgeProcess, seconds: float) -> Look:
    app = running.process
    clis = running.clis()
    return Look(
        seconds=round(seconds, 1),
        own_memory=round(running.memory, 1),
        cli_memory=round(sum(map(_own_share, clis)), 1),
        processes=len(clis),
        descriptors=_descriptors(app),
        threads=app.num_threads(),
    )


def _descriptors(app: psutil.Process) -> int:
    count: Callable[[], int] = getattr(app, "num_handles" if sys.platform == "win32" else "num_fds")
    return count()


def _own_share(process: psutil.Process) -> float:
    """Megabytes: its own pages, and its share of those that processes have in common (PSS), where the system tells."""
    try:
        memory = process.memory_full_info()
    except psutil.Error:
        return 0.0
    return float(getattr(memory, "pss", 0) or memory.uss) / 2**20


def plot(result: dict[str, Any], path: Path) -> None:
    """Draw what was seen, one curve below the other. Needs matplotlib (the extra `plots`)."""
    from matplotlib.figure import Figure as Canvas

    curves = {
        "own_memory": "app's own memory (MB)",
        "cli_memory": "CLI processes' memory (MB)",
        "processes": "CLI processes",
        "descriptors": "app's descriptors",
        "threads": "app's threads",
    }
    canvas = Canvas(figsize=(9, 11), layout="constrained")
    canvas.suptitle(f"{result['conversations']:,} conversations of {result['turns']} turns, {AT_ONCE} at a time")
    looks = result["looks"]
    for axes, (name, title) in zip(canvas.subplots(len(curves), sharex=True), curves.items(), strict=True):
        axes.plot([look["seconds"] for look in looks], [look[name] for look in looks], linewidth=1)
        axes.set_title(title, loc="left", fontsize=9)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    axes.set_xlabel("seconds")
    canvas.savefig(path, dpi=120)
