"""From a tool's result to the next token: in the turn that waits for it, in a conversation that is rebuilt, by hand.

The raw CLI's calls are taken at the bridge's own `ToolServer`, so that both sides speak alike to the CLI.
"""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any

from tray_bridge.claude.prompt import question_line
from tray_bridge.claude.tool_server import ToolServer
from tray_bridge.turns import Message, Text, Tool, ToolResult

from .figure import Figure
from .first_token import SYSTEM, idle_raw
from .programs import BridgeProcess, Size, StandInProcess, bridge
from .raw_cli import RawCli, say
from .streaming import Client, Stream

RESULT = "27 degrees"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "A tool.", "parameters": SCHEMA}}]
CALL = {"text": "Let me see.", "tools": [{"name": "weather", "input": {"city": "Rome"}}]}
_numbers = itertools.count(1)


def question(rounds: int) -> str:
    """One that no conversation had before, answered with a call, as is each result of so many rounds."""
    return f"Question {next(_numbers)}\nstandin: {json.dumps({**CALL, 'then': [CALL] * rounds})}"


async def measure_tools(standin: StandInProcess, folder: Path, size: Size) -> list[Figure]:
    more = Figure("tool's result to next token, suspended: what the bridge adds to the raw CLI", "s", 0.015, raw=None)
    suspended = Figure("added, tool's result to next token, suspended ÷ raw", "s")
    rebuilt = Figure("added, tool's result to next token, rebuilt ÷ raw", "s")
    with bridge() as running:
        by_hand = RawToolCli(folder, SYSTEM)
        await by_hand.begin(question(size.runs))
        talk = Talk(running, question(size.runs))
        await talk.send()
        for number in range(size.runs):
            seconds = {}
            for side in (talk, by_hand) if number % 2 else (by_hand, talk):
                await running.settled()
                await idle_raw(by_hand)
                await standin.forget()
                first = await side.give_result()
                seconds[side] = first - await standin.own_seconds()
            await running.settled()
            await standin.forget()
            unknown = Talk(running, question(1))
            first = await unknown.give_result()
            unknown.close()
            again = first - await standin.own_seconds()
            more.add(seconds[talk] - seconds[by_hand])
            suspended.add(seconds[talk], seconds[by_hand])
            rebuilt.add(again, seconds[by_hand])
        talk.close()
        await by_hand.kill()
    return [more, suspended, rebuilt]


class Talk:
    """A conversation with the bridge in which each answer calls the tool."""

    def __init__(self, running: BridgeProcess, asked: str) -> None:
        self._client = Client(running.base_url)
        self._messages: list[Any] = [say("system", SYSTEM), say("user", asked)]
        self._call_id = ""

    async def send(self) -> Stream:
        stream = await self._client.ask(self._messages, tools=TOOLS)
        (self._call_id,) = stream.call_ids
        self._note_call()
        return stream

    async def give_result(self) -> float:
        """Seconds to the next token. Without a call before, one that no session knows is made up and rebuilt."""
        if not self._call_id:
            self._call_id = f"toolu_{next(_numbers)}"
            self._note_call()
        self._messages.append({"role": "tool", "tool_call_id": self._call_id, "content": RESULT})
        return (await self.send()).first

    def close(self) -> None:
        self._client.close()

    def _note_call(self) -> None:
        function = {"name": "weather", "arguments": '{"city":"Rome"}'}
        call = {"id": self._call_id, "type": "function", "function": function}
        self._messages.append({"role": "assistant", "content": CALL["text"], "tool_calls": [call]})


class RawToolCli(RawCli):
    """The CLI with one tool, whose calls wait here."""

    async def begin(self, asked: str) -> None:
        await self.start()
        self._tools = ToolServer(self._send)
        self._tools.offer((Tool("weather", "A tool.", SCHEMA),))
        self._tools.allow(frozenset({"weather"}))
        request = {"subtype": "initialize", "hooks": None, "systemPrompt": [self._system]}
        request["sdkMcpServers"] = [self._tools.name]
        await self._send({"type": "control_request", "request_id": "begin", "request": request})
        while not self._tools.listed.is_set():
            await self._read()
        await self._send(question_line(Message("user", (Text(asked),))))
        await self._until_called()

    async def give_result(self) -> float:
        """Seconds to the next token; comes back when the model has called again."""
        (call_id,) = self._tools._calls
        began = time.perf_counter()
        await self._tools.deliver({call_id: ToolResult(call_id, (Text(RESULT),))})
        return await self._until_called() - began

    async def _until_called(self) -> float:
        first = 0.0
        while not self._tools._calls:
            now, line = await self._read()
            if not first and b'"text_delta"' in line:
                first = now
        return first

    async def _read(self) -> tuple[float, bytes]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        now = time.perf_counter()
        if line.startswith(b'{"type":"control_request"'):
            message = json.loads(line)
            await self._tools.serve(message["request_id"], message["request"].get("message") or {})
        return now, line
