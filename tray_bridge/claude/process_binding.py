"""What one process has been told: model, system prompt, tools, schema, and the settings of a turn.

Owns the SDK's client, which says the first part of it. Must not know what the process holds of a conversation.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ..errors import CliUnavailableError, SessionLostError, TrayBridgeError
from ..snapshots import ModelSnapshot
from ..turns import Tool, Turn
from .conversation_key import Binding
from .greeting import Greeting, read_greeting
from .prompt import turn_settings
from .sdk import ClaudeSDKClient
from .transport import LateBindingTransport

logger = logging.getLogger(__name__)

# What reading a line raises that is not as the CLI writes it.
NOT_UNDERSTOOD = (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError)


class ProcessBinding:
    """`binding` is None before the process has been told anything, `greeting` until it has answered."""

    def __init__(
        self, transport: LateBindingTransport, model: str, lost: Callable[[], SessionLostError], worker: int
    ) -> None:
        self.binding: Binding | None = None
        self.greeting: Greeting | None = None
        self.model = model
        self._transport = transport
        self._lost = lost
        self._worker = worker  # its number, for the log
        self._client = ClaudeSDKClient(transport.process.options, transport=transport)
        self._connecting: asyncio.Task[None] | None = None
        self._settings: Mapping[str, Any] | None = turn_settings(Turn(model, ()), None)
        self._described: dict[tuple[str, str], str] = {}  # descriptions, by the tool's name and schema
        self._is_overridden = False

    async def bind(self, binding: Binding) -> None:
        """Tell a process that knows nothing yet its model, system prompt, tools and schema."""
        began = time.monotonic()
        late: dict[str, Any] = {"systemPrompt": [binding.prompt] if binding.prompt else []}
        if binding.tools:
            self._offer(binding.tools)
            late["sdkMcpServers"] = [self._transport.tools.name]
        if binding.output_schema is not None:
            late["jsonSchema"] = binding.output_schema
        self._transport.bind(**late)
        self.binding = binding
        self._connecting = asyncio.create_task(self._client.connect())
        steps: list[Awaitable[None]] = [self._connecting]
        if binding.model != self.model:
            steps.append(self._set_model(binding.model))
        if binding.tools:
            steps.append(self._transport.wait_until_listed())
        try:
            await asyncio.gather(*steps)
        except TrayBridgeError:
            raise
        except Exception as error:  # the SDK's own types for a process that is gone
            raise self._lost() from error
        try:
            self.greeting = read_greeting(await self._client.get_server_info() or {})
        except NOT_UNDERSTOOD as error:
            raise CliUnavailableError("Claude Code introduced itself in a way that is not known.") from error
        logger.info("worker %d: bound in %.0f ms", self._worker, (time.monotonic() - began) * 1000)

    async def bind_again(self, binding: Binding) -> None:
        """Bind a process without a conversation otherwise (`choose.can_become` says what is possible)."""
        old, began = self.binding, time.monotonic()
        assert old is not None  # noqa: S101 - for mypy
        if (binding.model, binding.prompt) != (old.model, old.prompt):
            prompt = {"system_prompt": binding.prompt} if binding.prompt else {}
            await self._set_model(binding.model, **prompt)
        if binding.tools != old.tools:
            self._offer(binding.tools)
            name = self._transport.tools.name
            servers = {name: {"type": "sdk", "name": name}} if binding.tools else {}
            await self._transport.control(subtype="mcp_set_servers", servers=servers)
            if binding.tools:
                await self._transport.wait_until_listed()
        if not binding.tools:
            self._is_overridden = False
        self.binding = binding
        logger.info("worker %d: bound again in %.1f ms", self._worker, (time.monotonic() - began) * 1000)

    def _offer(self, tools: Sequence[Tool]) -> None:
        """Offer these tools from now on.

        The CLI keeps what it was told first of a tool with this name and schema, whatever server it comes from: another
        description has to be put into the body of the request.
        """
        self._transport.tools.offer(tuple(tools))
        said = {(tool.name, json.dumps(tool.input_schema, sort_keys=True)): tool.description for tool in tools}
        self._is_overridden = any(self._described.setdefault(key, text) != text for key, text in said.items())

    async def _set_model(self, model: str, **prompt: str) -> None:
        await self._transport.control(subtype="set_model", model=model, **prompt)
        self.model = model

    @property
    def is_overridden(self) -> bool:
        """Return whether Claude Code would describe a tool as in an earlier conversation."""
        return self._is_overridden

    async def set_settings(self, turn: Turn) -> None:
        """Set them from the next request to the model on, also within a turn that waits for results."""
        settings = turn_settings(turn, self.model_snapshot(), override_tools=self._is_overridden)
        if settings != self._settings:
            self._settings = None  # not known until the CLI has answered
            await self._transport.control(subtype="apply_flag_settings", settings=settings)
            self._settings = settings

    def model_snapshot(self) -> ModelSnapshot | None:
        """Return what the account says of the present model, if anything."""
        models = self.greeting.models if self.greeting else ()
        return next((m for m in models if self.model in (m.value, m.resolved)), None)

    async def disconnect(self) -> None:
        """End the SDK's client. Call it once, when the transport is closed."""
        if self._connecting is not None:  # it disconnects by itself when it fails, which must not be done twice at once
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        await self._client.disconnect()
