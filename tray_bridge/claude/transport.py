"""The wire to one CLI process: spawned early, told its system prompt, schema and tools late.

Owns the process and the one task that reads it. Control answers go to whoever asked, calls of the client's tools to
the `ToolDesk`, and everything that is part of an answer to `messages`, past the SDK's own message stream: an answer's
deltas then cost one JSON parse and one queue entry each. Must not know what the messages mean.

The late fields are those that the CLI's `initialize` request takes but the Python SDK does not send. Putting them
there keeps prompts out of the command line, which other users can read and Windows limits to 32 KiB.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from typing import Any

from ..errors import CliUnavailableError, SessionLostError
from .light_sdk import ClaudeAgentOptions, SubprocessCLITransport, Transport
from .orphans import guard
from .tool_desk import SERVER_NAME, ToolDesk

logger = logging.getLogger(__name__)

EXIT_GRACE = 0.5  # seconds an idle process gets to leave by itself, and a terminated one before it is killed


class LateBindingTransport(Transport):
    """The SDK's subprocess transport with late-bound `initialize` fields. Use within one event loop."""

    def __init__(self, options: ClaudeAgentOptions, on_exit: Callable[[], None]) -> None:
        self._process = SubprocessCLITransport(prompt=_no_prompt(), options=options)
        self._on_exit = on_exit
        self._control_ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._pump: asyncio.Task[None] | None = None
        self._late: dict[str, Any] = {}
        self.desk = ToolDesk(self.send)
        self._closing = False
        self._end: asyncio.Task[None] | None = None
        self.ended = False

    @property
    def pid(self) -> int | None:
        process = self._process._process
        return process.pid if process else None

    async def connect(self) -> None:
        """Spawn the process; does nothing the second time, when the SDK's client calls it."""
        if self._pump is not None:
            return
        self.messages: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._for_sdk: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        await self._process.connect()
        if self.pid is not None:
            guard.watch(self.pid)
        self._pump = asyncio.create_task(self._read_process())

    def bind(self, **late: Any) -> None:
        """Fields to add to the `initialize` request that the SDK's client is about to send."""
        self._late = late

    async def control(self, **request: Any) -> dict[str, Any]:
        """Send one control request and wait for its answer.

        Raises SessionLostError when the process ends first, CliUnavailableError when it refuses.
        """
        if self.ended:
            raise SessionLostError("Claude Code has ended.")
        request_id = f"tray-bridge-{next(self._control_ids)}"
        answer = self._waiting[request_id] = asyncio.get_running_loop().create_future()
        try:
            await self.send({"type": "control_request", "request_id": request_id, "request": request})
            response = await answer
        finally:
            self._waiting.pop(request_id, None)
        if response.get("subtype") == "error":
            raise CliUnavailableError(f"Claude Code refused `{request['subtype']}`: {response.get('error')}")
        return response.get("response") or {}

    async def wait_until_listed(self) -> None:
        """Wait until the CLI knows the tools on offer; raises SessionLostError when it ends before."""
        await self.desk.listed.wait()
        if self.ended:
            raise SessionLostError("Claude Code has ended.")

    async def write(self, data: str) -> None:
        if self._late and '"initialize"' in data:
            message = json.loads(data)
            if message.get("type") == "control_request" and message["request"]["subtype"] == "initialize":
                message["request"].update(self._late)
                self._late = {}
                data = json.dumps(message) + "\n"
        await self._process.write(data)

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        """What the SDK's client is to see: answers to its own control requests."""
        while (message := await self._for_sdk.get()) is not None:
            yield message
        if not self._closing:  # only an error wakes those who wait for the answer to a control request
            raise SessionLostError("Claude Code has ended.")

    def is_ready(self) -> bool:
        return self._process.is_ready()

    async def end_input(self) -> None:
        await self._process.end_input()

    async def close(self) -> None:
        """End the process: it is asked to leave, then terminated, then killed. Takes 2 s at most.

        One that leaves by itself tidies up what it has put into the user's folders. It is ended once: the session, its
        pool and the SDK's client may all ask for it, and each waits for the same end, which goes on when one of them is
        cancelled.
        """
        self._closing = True
        if self._end is None:
            self._end = asyncio.create_task(self._close())
        await asyncio.shield(self._end)

    async def _close(self) -> None:
        process, pid = self._process._process, self.pid
        if process is not None and process.returncode is None:
            with contextlib.suppress(asyncio.TimeoutError):  # who writes to a process that does not read holds the pipe
                await asyncio.wait_for(self._ask_to_leave(), EXIT_GRACE)
            for end in (process.terminate, process.kill):
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(process.wait(), EXIT_GRACE)
                    break
                with contextlib.suppress(ProcessLookupError):
                    end()
        if self._pump is not None:
            self._pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pump
        await self._process.close()
        if pid is not None:
            guard.forget(pid)

    async def _ask_to_leave(self) -> None:
        """End of input alone would let a turn go on to its end."""
        interrupt = {"type": "control_request", "request_id": "leave", "request": {"subtype": "interrupt"}}
        with contextlib.suppress(SessionLostError):
            await self.send(interrupt)
        await self._process.end_input()

    def strike(self) -> None:
        """Kill the process at once, before it can say another word; it is to be closed all the same."""
        process = self._process._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def send(self, *messages: Mapping[str, Any]) -> None:
        """Write these lines at once. Raises SessionLostError when the process is gone."""
        try:
            await self._process.write("".join(json.dumps(message) + "\n" for message in messages))
        except Exception as error:  # the SDK's own types
            raise SessionLostError("Claude Code has ended.") from error

    async def _read_process(self) -> None:
        put_message = None
        try:
            put_message = self.messages.put_nowait
            async for message in self._process.read_messages():
                kind = message.get("type")
                if kind == "control_response":
                    self._answer(message)
                elif kind == "control_request":
                    await self._serve(message)
                else:
                    put_message(message)
        except Exception as error:  # whatever the SDK raises, the process is of no more use
            logger.info("Claude Code session ended: %s", error)
        finally:
            self.ended = True
            self.messages.put_nowait(None)
            self._for_sdk.put_nowait(None)
            self.desk.listed.set()
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(SessionLostError("Claude Code has ended."))
            self._on_exit()

    def _answer(self, message: dict[str, Any]) -> None:
        response = message.get("response") or {}
        waiting = self._waiting.get(response.get("request_id", ""))
        if waiting is None:
            self._for_sdk.put_nowait(message)
        elif not waiting.done():
            waiting.set_result(response)

    async def _serve(self, message: dict[str, Any]) -> None:
        request = message.get("request") or {}
        if request.get("subtype") == "mcp_message" and request.get("server_name") == SERVER_NAME:
            await self.desk.serve(message["request_id"], request.get("message") or {})
        else:  # the SDK would serve hooks and permissions, which nobody has here
            refusal = {"subtype": "error", "request_id": message["request_id"], "error": "Not supported."}
            await self.send({"type": "control_response", "response": refusal})


def _no_prompt() -> AsyncIterable[dict[str, Any]]:
    async def nothing() -> AsyncIterator[dict[str, Any]]:
        return
        yield {}

    return nothing()
