"""The MCP server through which the CLI calls the client's tools and gets their results.

Owns the small part of the Model Context Protocol that the CLI speaks to an in-process server over its control
channel (https://modelcontextprotocol.io/specification, `initialize`, `tools/list`, `tools/call`). A call waits here,
for minutes if need be, until the client's next request brings its result. Must not know what a tool does.

The SDK's own in-process server is not used: it hides the call's id from its handlers and checks arguments against the
schema itself, so it might answer a call that the client has already been shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..turns import Image, Text, Tool, ToolResult
from .cli_process import TOOL_SERVERS

CALL_ID = "claudecode/toolUseId"
METHOD_NOT_FOUND = -32601
# Characters. The CLI writes a longer result to a file and shows the model its beginning. A tool may ask for no more
# than this
# (https://code.claude.com/docs/en/mcp). The text of an error is cut at 10,000 in any case.
LONGEST_RESULT = 500_000
LONGEST_ERROR = 10_000


class ToolServer:
    """Offer the tools of one worker; keep the calls that wait, and the results that came before their call.

    `listed` is set when the CLI has fetched the tools. Ask no question before: it would go upstream without them.
    """

    def __init__(self, send: Callable[..., Awaitable[None]]) -> None:
        self.name = TOOL_SERVERS[0]  # of the MCP server that the CLI sees
        self._send = send
        self._offers = 0
        self.listed = asyncio.Event()
        self._tools: tuple[Tool, ...] = ()
        self._callable: frozenset[str] = frozenset()
        self._calls: dict[str, tuple[str, Any]] = {}
        self._results: dict[str, ToolResult] = {}

    @property
    def can_offer(self) -> bool:
        """Whether there is a server name that this process has not had."""
        return self._offers < len(TOOL_SERVERS)

    def offer(self, tools: tuple[Tool, ...]) -> None:
        """Offer other tools, under a new server name: the CLI never fetches the tools of a server name again."""
        self.name = TOOL_SERVERS[self._offers]
        self._offers += 1
        self._tools = tools
        self.listed.clear()

    def forget(self) -> None:
        """Drop the calls and results of a conversation that is over."""
        self._calls.clear()
        self._results.clear()

    def allow(self, names: frozenset[str]) -> None:
        """Set the tools that may be called from now on; calls of others are refused at once."""
        self._callable = names

    async def deliver(self, results: Mapping[str, ToolResult]) -> None:
        """Answer the calls of these ids, now or when the CLI makes them."""
        answers = []
        for call_id, result in results.items():
            if call := self._calls.pop(call_id, None):
                answers.append(_answer(*call, _result_to_wire(result)))
            else:
                self._results[call_id] = result
        await self._send(*answers)

    async def serve(self, request_id: str, message: Mapping[str, Any]) -> None:
        """Answer one JSON-RPC message of the CLI, or keep it until its result is delivered."""
        method = message.get("method")
        params = message.get("params") or {}
        rpc_id = message.get("id")
        if method == "tools/call":
            call_id = (params.get("_meta") or {}).get(CALL_ID, "")
            if result := self._results.pop(call_id, None):
                await self._reply(request_id, rpc_id, _result_to_wire(result))
            elif params.get("name") not in self._callable:
                refusal = Text(f"Only these tools may be called now: {', '.join(sorted(self._callable)) or 'none'}.")
                await self._reply(request_id, rpc_id, _result_to_wire(ToolResult(call_id, (refusal,), is_error=True)))
            else:
                self._calls[call_id] = (request_id, rpc_id)
        elif method == "tools/list":
            await self._reply(request_id, rpc_id, {"tools": [_tool_to_wire(tool) for tool in self._tools]})
            self.listed.set()
        elif method == "initialize":
            answer: dict[str, Any] = {
                "protocolVersion": params.get("protocolVersion"),
                "capabilities": {"tools": {}},
                "serverInfo": {"name": TOOL_SERVERS[0], "version": "1"},
            }
            await self._reply(request_id, rpc_id, answer)
        elif method == "ping" or rpc_id is None:
            await self._reply(request_id, rpc_id, {})
        else:
            error = {"code": METHOD_NOT_FOUND, "message": f"{method} is not offered"}
            await self._send(_control_response(request_id, {"jsonrpc": "2.0", "id": rpc_id, "error": error}))

    async def _reply(self, request_id: str, rpc_id: Any, result: Mapping[str, Any]) -> None:
        await self._send(_answer(request_id, rpc_id, result))


def _answer(request_id: str, rpc_id: Any, result: Mapping[str, Any]) -> dict[str, Any]:
    return _control_response(request_id, {"jsonrpc": "2.0", "id": rpc_id, "result": result})


def _control_response(request_id: str, rpc: Mapping[str, Any]) -> dict[str, Any]:
    response = {"subtype": "success", "request_id": request_id, "response": {"mcp_response": rpc}}
    return {"type": "control_response", "response": response}


def is_deliverable(result: ToolResult) -> bool:
    """Return whether the CLI passes this result on unchanged. Of an error it passes on one text and no picture."""
    texts = [part.text for part in result.content if isinstance(part, Text)]
    if result.is_error:
        return len(texts) == len(result.content) == 1 and _length(texts[0]) <= LONGEST_ERROR
    is_known = all(isinstance(part, (Text, Image)) for part in result.content)
    return is_known and sum(map(_length, texts)) <= LONGEST_RESULT


def _length(text: str) -> int:
    """Return the length in UTF-16 units, as JavaScript counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _tool_to_wire(tool: Tool) -> dict[str, Any]:
    # The hint lets the CLI make parallel calls together; without it each waits for the result of the one before.
    return {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "annotations": {"readOnlyHint": True},
        "_meta": {"anthropic/maxResultSizeChars": LONGEST_RESULT},
    }


def _result_to_wire(result: ToolResult) -> dict[str, Any]:
    content = [
        {"type": "image", "data": block.data, "mimeType": block.media_type}
        if isinstance(block, Image)
        else {"type": "text", "text": block.text if isinstance(block, Text) else block.data}
        for block in result.content
    ]
    return {"content": content, "isError": result.is_error}
