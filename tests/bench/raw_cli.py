"""The floor: the CLI as the bridge starts it, driven by hand over stream-json."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions
from claude_agent_sdk._internal._client_app import EXPLICIT_CLIENT_APP_ENV
from claude_agent_sdk._internal.transport.subprocess_cli import SubprocessCLITransport

from tray_bridge import __version__
from tray_bridge.claude.cli_process import cli_options
from tray_bridge.claude.prompt import past_line, question_line
from tray_bridge.turns import Message, Text

from .streaming import Stream

LONGEST_LINE = 2**24


def say(role: str, text: str) -> dict[str, str]:
    """A message as OpenAI's API has it."""
    return {"role": role, "content": text}


class RawCli:
    """One process. Times are those at which its lines reach this one."""

    def __init__(self, work_folder: Path, system: str = "", *, extra: Iterable[str] = ()) -> None:
        self._options = cli_options(model="sonnet", work_folder=work_folder, cli_path=None, environment={})
        self._system = system
        self._extra = tuple(extra)
        self._ids = 0

    async def start(self) -> RawCli:
        """Spawn it; what is sent before it listens waits in the pipe."""
        command, environment = _how_the_bridge_starts_it(self._options)
        self._process = await asyncio.create_subprocess_exec(
            *command,
            *self._extra,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=self._options.cwd,
            env=environment,
            limit=LONGEST_LINE,
        )
        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    async def initialize(self) -> None:
        """Bind the system prompt, as the bridge does, and wait for the answer."""
        await self._control(subtype="initialize", hooks=None, systemPrompt=[self._system] if self._system else [])

    async def inject(self, history: Iterable[Mapping[str, str]]) -> None:
        """Lay past messages down: each user message is answered by a `result`, else the order would be lost."""
        unsent: list[dict[str, Any]] = []
        for message in history:
            unsent.append(past_line(to_message(message)))
            if message["role"] == "user":
                await self._send(*unsent)
                unsent = []
                await self._read_until("result")
        await self._send(*unsent)

    async def ask(self, question: str) -> Stream:
        """One turn, to its `result`."""
        stream = Stream(time.perf_counter())
        await self._send(question_line(to_message(say("user", question))))
        while True:
            line = await self._process.stdout.readline()  # type: ignore[union-attr]
            now = time.perf_counter()
            if b'"text_delta"' in line:
                stream.deltas.append(now)
            elif not line:
                raise RuntimeError("The CLI ended in the middle of a turn.")
            elif not line.startswith(b'{"type":"stream_event"') and json.loads(line)["type"] == "result":
                stream.ended = now
                return stream

    async def answer_first(self, question: str) -> float:
        """The time at which the first delta came, of a process that was just spawned: nothing waits for anything."""
        request: dict[str, Any] = {"subtype": "initialize", "hooks": None, "systemPrompt": []}
        await self._send(
            {"type": "control_request", "request_id": "first", "request": request},
            question_line(to_message(say("user", question))),
        )
        while b'"text_delta"' not in await self._process.stdout.readline():  # type: ignore[union-attr]
            pass
        return time.perf_counter()

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def _control(self, **request: Any) -> None:
        self._ids += 1
        await self._send({"type": "control_request", "request_id": str(self._ids), "request": request})
        await self._read_until("control_response")

    async def _send(self, *lines: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        await self._process.stdin.drain()

    async def _read_until(self, kind: str) -> None:
        assert self._process.stdout is not None
        while json.loads(await self._process.stdout.readline())["type"] != kind:
            pass


def to_message(message: Mapping[str, str]) -> Message:
    return Message("assistant" if message["role"] == "assistant" else "user", (Text(message["content"]),))


def _how_the_bridge_starts_it(options: ClaudeAgentOptions) -> tuple[list[str], dict[str, str]]:
    """Program, flags and environment: the SDK's own, or the pair would not be fair."""
    transport = SubprocessCLITransport(prompt="", options=options)
    transport._cli_path = transport._find_cli()
    environment = {
        **os.environ,
        "CLAUDE_CODE_ENTRYPOINT": "sdk-py",
        EXPLICIT_CLIENT_APP_ENV: f"tray-bridge/{__version__}",
        "CLAUDE_CODE_SDK_READS_SESSION_STATE": "1",
        **options.env,
        "PWD": str(options.cwd),
    }
    return transport._build_command(), environment
