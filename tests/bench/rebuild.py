"""A past conversation given to a process: written turn by turn, or resumed from a file by one that is started for it.

The raw CLI both ways, and the bridge beside the cheaper of the two, for conversations of several lengths.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tray_bridge.claude.transcript import write_transcript

from .figure import Figure
from .first_token import QUESTION, SYSTEM, history, idle_raw
from .programs import MODEL_SECONDS, Size, StandInProcess, bridge
from .raw_cli import RawCli, say, to_message
from .streaming import Client

LENGTHS = (2, 20, 200)


async def measure_rebuild(_: StandInProcess, folder: Path, size: Size) -> list[Figure]:
    figures: list[Figure] = []
    if not size.rebuilds:
        return figures
    per_turn = Figure(f"what the bridge adds to one past turn, of {LENGTHS[-1]}", "s", 0.012, raw=None)
    with bridge() as running:
        client = Client(running.base_url)
        await client.ask([say("system", SYSTEM), say("user", QUESTION)])
        for turns in LENGTHS:
            through = Figure(f"{turns} turns rebuilt by the bridge ÷ the cheaper raw way, first token", "s")
            resumed = Figure(f"{turns} turns resumed by the raw CLI ÷ injected into a warm one", "s")
            figures += [through, resumed]
            for _run in range(size.rebuilds):
                past = history(turns)
                await running.settled()
                injected = await inject(folder, past)
                rebuilt = await rebuild(client, past)
                await running.settled()
                from_file = await resume(folder, past)
                cheaper = min(injected, from_file)
                through.add(rebuilt, cheaper)
                resumed.add(from_file, injected)
                if turns == LENGTHS[-1]:
                    per_turn.add((rebuilt - cheaper) / turns)
        client.close()
    return [*figures, per_turn]


async def rebuild(client: Client, past: Sequence[Mapping[str, str]]) -> float:
    stream = await client.ask([say("system", SYSTEM), *past, say("user", QUESTION)])
    return stream.first - MODEL_SECONDS


async def inject(folder: Path, past: Sequence[Mapping[str, str]]) -> float:
    """Into a process that is up and bound."""
    cli = await RawCli(folder, SYSTEM).start()
    await cli.initialize()
    await idle_raw(cli)
    began = time.perf_counter()
    await cli.inject(past)
    stream = await cli.ask(QUESTION)
    await cli.kill()
    return stream.deltas[0] - began - MODEL_SECONDS


async def resume(folder: Path, past: Sequence[Mapping[str, str]]) -> float:
    """By a process that has to be started for it, for only at its start does the CLI take a file."""
    began = time.perf_counter()
    file = write_transcript(folder.parent / "transcripts", [to_message(message) for message in past])
    cli = await RawCli(folder, SYSTEM, extra=[f"--resume={file}"]).start()
    await cli.initialize()
    stream = await cli.ask(QUESTION)
    await cli.kill()
    return stream.deltas[0] - began - MODEL_SECONDS
