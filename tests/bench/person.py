"""How many workers one person needs: an editor that completes as one types, a chat, and an agent, all at once.

For each number of workers that are kept ready: the processes that had to be started in the middle of it, and how long
a request waited for its first token. The default of `pool_size` follows from it.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from contextlib import suppress
from pathlib import Path

from .figure import Figure
from .programs import BridgeProcess, Size, StandInProcess, bridge
from .raw_cli import say
from .reuse import cold_starts
from .streaming import Client
from .tools import Talk, question

SIZES = (1, 2, 3, 4)
SECONDS = 15.0
TYPING = 0.25  # seconds between two keys; what is asked at one is given up at the next
KEYS = 8  # then the person reads what was completed
_numbers = itertools.count(1)


async def measure_person(_: StandInProcess, __: Path, size: Size) -> list[Figure]:
    figures = []
    for workers in SIZES:
        what = f"one person with editor, chat and agent, {workers} workers kept ready"
        started, waited = Figure(f"{what}: cold starts", "", raw=None), Figure(f"{what}: first token", "s", raw=None)
        busiest = Figure(f"{what}: most busy at once", "", raw=None)
        for _run in range(max(1, size.runs // 5)):
            with bridge(pool_size=workers) as running:
                await running.settled()
                seconds: list[float] = []
                counting = asyncio.create_task(count_busy(running))
                until = time.monotonic() + SECONDS
                await asyncio.gather(*(use(running, until, seconds) for use in (editor, chat, agent)))
                counting.cancel()
                started.add(await cold_starts(running))
                waited.add(statistics.median(seconds))
                busiest.add(await counting)
        figures += [started, busiest, waited]
    return figures


async def count_busy(running: BridgeProcess) -> int:
    most = 0
    with suppress(asyncio.CancelledError):
        while True:
            pool = (await running.status())["pool"]
            most = max(most, pool["busy"] + pool["suspended"])
            await asyncio.sleep(0.05)
    return most


async def editor(running: BridgeProcess, until: float, _: list[float]) -> None:
    """Ask at each key, and read the last answer."""
    while time.monotonic() < until:
        for key in range(KEYS):
            text = f"{next(_numbers)}\nstandin: " + '{"words": 20, "rate": 50}'
            client = Client(running.base_url)
            asking = asyncio.ensure_future(client.ask([say("system", "Complete the code."), say("user", text)]))
            await asyncio.wait({asking}, timeout=None if key == KEYS - 1 else TYPING)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            client.close()


async def chat(running: BridgeProcess, until: float, seconds: list[float]) -> None:
    """Talk in one conversation after another, of three turns each; each gets a title, too."""
    while time.monotonic() < until:
        client, titles = Client(running.base_url), Client(running.base_url)
        number = next(_numbers)
        talk = [say("system", "You are a chat."), say("user", "")]
        for turn in range(3):
            talk[-1] = say("user", f"{number} {turn}\nstandin: " + '{"words": 40, "rate": 40}')
            asking = client.ask(talk)
            if turn:
                stream = await asking
            else:
                title = say("user", f'Title of {number}?\nstandin: {{"words": 5, "rate": 50}}')
                stream, _title = await asyncio.gather(asking, titles.ask([title]))
            seconds.append(stream.first)
            talk += [say("assistant", stream.text), say("user", "")]
            await asyncio.sleep(0.5)
        client.close()
        titles.close()


async def agent(running: BridgeProcess, until: float, seconds: list[float]) -> None:
    """Call a tool again and again; each result takes a moment."""
    while time.monotonic() < until:
        rounds = 8
        talk = Talk(running, question(rounds))
        seconds.append((await talk.send()).first)
        for _round in range(rounds - 1):
            await asyncio.sleep(0.1)
            seconds.append(await talk.give_result())
        talk.close()
