"""Every dialect beside Chat Completions, in the same bridge and run: first token, follow-up, and an event's CPU.

Which dialect asks first changes from sample to sample.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .figure import Figure
from .first_token import QUESTION, SYSTEM
from .programs import BridgeProcess, Size, StandInProcess, bridge, idle
from .raw_cli import say
from .streaming import Client

Messages = Sequence[Mapping[str, str]]
EVENTS = 3000  # of one answer whose CPU is measured
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Spoken:
    """How a dialect asks: its path, its body, and what each of its text events holds."""

    name: str
    path: str
    body: Callable[[Messages], dict[str, Any]]
    text: re.Pattern[bytes]

    async def ask(self, client: Client, messages: Messages) -> tuple[float, int]:
        """Stream one answer; gives the seconds to its first text, and how many pieces of text it had."""
        connection = await client.connect()
        body = json.dumps({"model": "sonnet", "stream": True, **self.body(messages)}).encode()
        head = f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.pieces.clear()
        answered = connection.answered = asyncio.get_running_loop().create_future()
        sent = time.perf_counter()
        connection.transport.write(head.encode() + body)
        await answered
        found = [(at, len(self.text.findall(data))) for at, data in connection.pieces]
        if not any(count for _, count in found):
            raise RuntimeError(f"No answer: {connection.pieces[-1][1][-500:]!r}")
        return next(at for at, count in found if count) - sent, sum(count for _, count in found)


def with_messages(messages: Messages) -> dict[str, Any]:
    return {"messages": messages}


def as_anthropic(messages: Messages) -> dict[str, Any]:
    return {"system": SYSTEM, "messages": messages[1:]}


CHAT = Spoken("Chat Completions", "/v1/chat/completions", with_messages, re.compile(rb'"content":"[^"]'))
OTHERS = (
    Spoken(
        "Responses",
        "/v1/responses",
        lambda messages: {"input": messages, "store": False},
        re.compile(rb"data: [^\n]*output_text\.delta"),
    ),
    Spoken("Messages", "/v1/messages", as_anthropic, re.compile(rb'"text_delta"')),
    Spoken("Ollama", "/api/chat", with_messages, re.compile(rb'"content":"[^"]')),
)


async def measure_dialects(standin: StandInProcess, _: Path, size: Size) -> list[Figure]:
    figures = {spoken.name: DialectFigures(spoken) for spoken in OTHERS}
    with bridge() as running:
        client = Client(running.base_url)
        await CHAT.ask(client, [say("system", SYSTEM), say("user", QUESTION)])  # one spare is bound to it from now on
        spoken = (CHAT, *OTHERS)
        for number in range(size.runs):
            order = spoken[number % len(spoken) :] + spoken[: number % len(spoken)]
            timed = {each.name: await conversation(running, standin, client, each) for each in order}
            for each in figures.values():
                each.add(timed[each.name], timed[CHAT.name])
        for number in range(max(1, size.runs // 3)):
            order = spoken[number % len(spoken) :] + spoken[: number % len(spoken)]
            spent = {each.name: await cpu_of_an_event(running, client, each) for each in order}
            for each in figures.values():
                each.cpu.add(spent[each.name], spent[CHAT.name])
        client.close()
    return [figure for each in figures.values() for figure in each.all]


class DialectFigures:
    def __init__(self, spoken: Spoken) -> None:
        self.name = spoken.name
        self.first = Figure(f"time to first token, {spoken.name} ÷ {CHAT.name}", "s", 1.05)
        self.follow_up = Figure(f"time to first token of a follow-up, {spoken.name} ÷ {CHAT.name}", "s", 1.05)
        self.added = Figure(f"added to a follow-up, {spoken.name} ÷ {CHAT.name}", "s")
        self.cpu = Figure(f"the bridge's CPU per 1,000 events, {spoken.name} ÷ {CHAT.name}", "s", 1.2)
        self.all = [self.first, self.follow_up, self.added, self.cpu]

    def add(self, ours: Times, chats: Times) -> None:
        for figure, mine, its in zip(self.all, ours, chats, strict=False):
            figure.add(mine, its)


Times = tuple[float, float, float]


async def conversation(running: BridgeProcess, standin: StandInProcess, client: Client, spoken: Spoken) -> Times:
    """The first token of a new conversation and of its second turn, and what of the latter was not the model's."""
    talk = [say("system", SYSTEM), say("user", f"Number {next(_numbers)}\n{QUESTION}")]
    await running.settled()
    first, words = await spoken.ask(client, talk)
    answer = " ".join(f"word{number}" for number in range(1, words + 1))
    talk += [say("assistant", answer), say("user", QUESTION)]
    await running.settled()
    await standin.forget()
    follow_up, _ = await spoken.ask(client, talk)
    return first, follow_up, follow_up - await standin.own_seconds()


async def cpu_of_an_event(running: BridgeProcess, client: Client, spoken: Spoken) -> float:
    """Seconds of the bridge's own CPU for 1,000 pieces of text."""
    await running.settled()
    await idle(lambda: [running.process])
    before = running.cpu_seconds
    _, count = await spoken.ask(client, [say("system", SYSTEM), say("user", f'standin: {{"words": {EVENTS}}}')])
    return (running.cpu_seconds - before) * 1000 / count
