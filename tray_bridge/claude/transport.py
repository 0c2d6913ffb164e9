"""The protocol with one CLI process: spawned early, bound to its system prompt, schema and tools late.

Owns the one task that reads from the process. Control responses go to the caller that waits for them, calls of the
client's tools to the `ToolServer`, and all parts of an answer to `messages`, beside the SDK's own message stream: a
delta then costs one JSON parse and one queue entry. Must not know what the messages mean.

The late fields are those that the CLI's `initialize` request accepts but the Python SDK does not send. They keep
prompts out of the command line, which other users can read and Windows limits to 32 KiB.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from ..errors import CliUnavailableError, SessionLostError
from .cli_process import CliProcess
from .mailbox import Mailbox
from .sdk import Transport
from .tool_server import ToolServer

logger = logging.getLogger(__name__)


class LateBindingTransport(Transport):
    """The SDK's subprocess transport with late-bound `initialize` fields. Use within one event loop."""

    def __init__(self, process: CliProcess, on_exit: Callable[[], None]) -> None:
        self.process = process
        self._pipe = process.transport
        self._on_exit = on_exit
        self._control_ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._pump: asyncio.Task[None] | None = None
        self._late: dict[str, Any] = {}
        self.tools = ToolServer(self.send)
        self._unanswered: str | None = None  # the id of the SDK's own request, `initialize`
        self.ended = False

    async def connect(self) -> None:
        """Spawn the process; do nothing the second time, when the SDK's client calls it."""
        if self._pump is not None:
            return
        self.messages: Mailbox[dict[str, Any] | None] = Mailbox()
        self._for_sdk: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        await self.process.start()
        self._pump = asyncio.create_task(self._read_process())

    def bind(self, **late: Any) -> None:
        """Add fields to the `initialize` request that the SDK's client is about to send."""
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
            if answer.done() and not answer.cancelled():
                answer.exception()  # else asyncio reports it where the process ended while the request was written
        if response.get("subtype") == "error":
            raise CliUnavailableError(f"Claude Code refused `{request['subtype']}`: {response.get('error')}")
        return response.get("response") or {}

    async def wait_until_listed(self) -> None:
        """Wait until the CLI knows the tools on offer; raises SessionLostError when it ends before."""
        await self.tools.listed.wait()
        if self.ended:
            raise SessionLostError("Claude Code has ended.")

    async def write(self, data: str) -> None:
        """Write the SDK's lines; what was decided late is added to its `initialize`."""
        if self._late and '"initialize"' in data:
            message = json.loads(data)
            if message.get("type") == "control_request" and message["request"]["subtype"] == "initialize":
                message["request"].update(self._late)
                self._late, self._unanswered = {}, message["request_id"]
                data = json.dumps(message) + "\n"
        if self.ended:
            raise SessionLostError("Claude Code has ended.")
        await self._pipe.write(data)

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what the SDK's client needs: the response to its own control request. Raises nothing.

        An error that is raised here the SDK would log as fatal at each end of a process.
        """
        while (message := await self._for_sdk.get()) is not None:
            yield message

    def is_ready(self) -> bool:
        """Return whether the process takes lines."""
        return self._pipe.is_ready()

    async def end_input(self) -> None:
        """Close the process's standard input, upon which it ends."""
        await self._pipe.end_input()

    async def close(self) -> None:
        """End the process and the task that reads from it. Takes 4 s at most."""
        await self.process.end()
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait({self._pump})

    async def send(self, *messages: Mapping[str, Any]) -> None:
        """Write these lines at once. Raises SessionLostError if the process has ended."""
        try:
            await self._pipe.write("".join(json.dumps(message) + "\n" for message in messages))
        except Exception as error:  # the SDK's own types
            raise SessionLostError("Claude Code has ended.") from error

    async def _read_process(self) -> None:
        put_message = None
        try:
            put_message = self.messages.put_nowait
            async for message in self._pipe.read_messages():
                kind = message.get("type")
                if kind == "control_response":
                    self._answer(message)
                elif kind == "control_request":
                    await self._serve(message)
                else:
                    put_message(message)
        except Exception as error:  # of any type that the SDK raises: the process cannot be used any more
            logger.info("A process ended: %s", str(error).partition("\n")[0])
        finally:
            self.ended = True
            self.messages.put_nowait(None)
            if self._unanswered is not None:  # a refusal wakes the SDK's client, which waits for it
                refused = {"subtype": "error", "request_id": self._unanswered, "error": "Claude Code has ended."}
                self._for_sdk.put_nowait({"type": "control_response", "response": refused})
            self._for_sdk.put_nowait(None)
            self.tools.listed.set()
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(SessionLostError("Claude Code has ended."))
            self._on_exit()

    def _answer(self, message: dict[str, Any]) -> None:
        response = message.get("response") or {}
        waiting = self._waiting.get(response.get("request_id", ""))
        if waiting is None:
            self._unanswered = None
            self._for_sdk.put_nowait(message)
        elif not waiting.done():
            waiting.set_result(response)

    async def _serve(self, message: dict[str, Any]) -> None:
        request = message.get("request") or {}
        if request.get("subtype") == "mcp_message" and request.get("server_name") == self.tools.name:
            await self.tools.serve(message["request_id"], request.get("message") or {})
        else:  # the SDK would serve hooks and permissions, which are not used here
            refusal = {"subtype": "error", "request_id": message["request_id"], "error": "Not supported."}
            await self.send({"type": "control_response", "response": refusal})
