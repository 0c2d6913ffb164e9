"""What is said to a process that is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tray_bridge.claude.cli_process import CliProcess, cli_options
from tray_bridge.claude.transport import LateBindingTransport
from tray_bridge.errors import SessionLostError
from tray_bridge.turns import Text, ToolResult


async def test_a_process_that_was_killed_counts_as_lost(tmp_path: Path) -> None:
    """Not as a fault of the bridge: the conversation is rebuilt elsewhere then."""
    options = cli_options(model="sonnet", work_folder=tmp_path, cli_path=None, environment={})
    transport = LateBindingTransport(CliProcess(options), lambda: None)
    await transport.connect()
    try:
        await transport.control(subtype="mcp_status")
        transport.tools.allow(frozenset({"f"}))
        call = {"name": "f", "_meta": {"claudecode/toolUseId": "b"}}
        await transport.tools.serve("request", {"id": 2, "method": "tools/call", "params": call})
        transport.process.kill_now()
        while (await transport.messages.get()) is not None:
            pass
        with pytest.raises(SessionLostError):
            await transport.tools.deliver({"b": ToolResult("b", (Text("late"),))})
        with pytest.raises(SessionLostError):
            await transport.control(subtype="mcp_status")
    finally:
        await transport.close()
