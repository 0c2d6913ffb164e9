"""What is said to a process that is gone."""

from __future__ import annotations

import asyncio
import gc
import sys
from pathlib import Path

import pytest

from tray_bridge.claude.cli_process import CliProcess, cli_options
from tray_bridge.claude.sdk import ClaudeSDKClient
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


async def test_the_sdk_is_told_of_a_process_that_ended_before_it_answered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By a refusal, upon which its client gives up at once; an error the SDK would log as fatal."""
    options = cli_options(model="sonnet", work_folder=tmp_path, cli_path=None, environment={})
    transport = LateBindingTransport(CliProcess(options), lambda: None)
    await transport.connect()
    client = ClaudeSDKClient(options, transport=transport)
    try:
        transport.bind(systemPrompt=[])
        connecting = asyncio.create_task(client.connect())
        await asyncio.sleep(0)
        transport.process.kill_now()
        with pytest.raises(Exception, match=r"Claude Code has ended|not ready|terminated"):
            await asyncio.wait_for(connecting, 30)
        with pytest.raises(SessionLostError):
            await transport.write("{}\n")
    finally:
        await transport.close()
    assert [record for record in caplog.records if record.name.startswith("claude_agent_sdk")] == []


@pytest.mark.skipif(sys.platform == "win32", reason="/bin/false")
async def test_a_process_that_ends_while_a_request_is_written_leaves_no_error_that_nobody_takes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = cli_options(model="sonnet", work_folder=tmp_path, cli_path=Path("/bin/false"), environment={})
    transport = LateBindingTransport(CliProcess(options), lambda: None)

    async def write_late(*_: object) -> None:
        while not transport.ended:
            await asyncio.sleep(0.01)
        raise SessionLostError("Claude Code has ended.")

    monkeypatch.setattr(transport, "send", write_late)
    await transport.connect()
    await asyncio.gather(transport.control(subtype="mcp_status"), return_exceptions=True)
    await transport.close()
    gc.collect()
    assert "never retrieved" not in caplog.text
