"""A past conversation given to a new process: laid down turn by turn, or resumed from a session written to disk.

The raw CLI both ways, and the bridge, for conversations of several lengths. It tells which way is the cheaper.
"""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from .figure import Figure
from .first_token import QUESTION, SYSTEM, history, idle_raw
from .programs import MODEL_SECONDS, Size, StandInProcess, bridge
from .raw_cli import RawCli, say
from .streaming import Client

LENGTHS = (2, 20, 200)


async def measure_rebuild(_: StandInProcess, folder: Path, size: Size) -> list[Figure]:
    figures: list[Figure] = []
    per_turn = Figure(f"what the bridge adds to laying down one past turn, of {LENGTHS[-1]}", "s", 0.012, raw=None)
    with bridge() as running:
        client = Client(running.base_url)
        await client.ask([say("system", SYSTEM), say("user", QUESTION)])
        for turns in LENGTHS:
            through = Figure(f"{turns} turns rebuilt by the bridge ÷ raw injected, first token", "s")
            resumed = Figure(f"{turns} turns resumed by the raw CLI ÷ injected into a warm one", "s")
            figures += [through, resumed]
            for _run in range(size.rebuilds):
                past = history(turns)
                await running.settled()
                injected = await inject(folder, past)
                rebuilt = await rebuild(client, past)
                through.add(rebuilt, injected)
                if turns == LENGTHS[-1]:
                    per_turn.add((rebuilt - injected) / turns)
                await running.settled()
                resumed.add(await resume(folder, past), injected)
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
    """By a process that has to be started for it, for only at its start does the CLI take a session from disk."""
    began = time.perf_counter()
    session = write_session(folder, past)
    cli = await RawCli(folder, SYSTEM, extra=[f"--resume={session}"]).start()
    await cli.initialize()
    stream = await cli.ask(QUESTION)
    await cli.kill()
    return stream.deltas[0] - began - MODEL_SECONDS


def write_session(folder: Path, past: Sequence[Mapping[str, str]]) -> str:
    """A session file as the CLI writes one, with the fields that it needs to find its way; gives the session's id."""
    session = str(uuid.uuid4())
    place = Path(os.environ["CLAUDE_CONFIG_DIR"], "projects", re.sub(r"[^A-Za-z0-9]", "-", str(folder.resolve())))
    place.mkdir(parents=True, exist_ok=True)
    lines, parent = [], None
    for message in past:
        own = str(uuid.uuid4())
        content = {"role": message["role"], "content": [{"type": "text", "text": message["content"]}]}
        answered = {"id": f"msg_{own}", "type": "message", "model": "claude-sonnet", "stop_reason": "end_turn"}
        line = {
            "parentUuid": parent,
            "isSidechain": False,
            "type": message["role"],
            "message": content | (answered if message["role"] == "assistant" else {}),
            "uuid": own,
            "timestamp": "2026-01-01T00:00:00.000Z",
            "sessionId": session,
            "cwd": str(folder.resolve()),
            "version": "2.1.0",
            "userType": "external",
        }
        lines.append(json.dumps(line))
        parent = own
    (place / f"{session}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return session
