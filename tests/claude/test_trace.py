"""`TRAY_BRIDGE_TRACE` writes what goes to and comes from each CLI process, for its owner alone, and says so."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from claude_agent_sdk import ClaudeAgentOptions, CLIConnectionError

from tests.running_bridge import RunningBridge, directive
from tray_bridge.claude.trace import TracedTransport
from tray_bridge.doctor.checks import run_checks
from tray_bridge.settings.schema import load_settings


def test_each_line_is_written_with_its_direction(
    make_bridge: Callable[..., RunningBridge],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = tmp_path / "trace"
    monkeypatch.setenv("TRAY_BRIDGE_TRACE", str(folder))
    with caplog.at_level(logging.WARNING):
        bridge = make_bridge(pool_size=1)
        asked = f"A question\n{directive(text='An answer')}"
        bridge.client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": asked}])
        nothing = f"Say nothing\n{directive(text='')}"  # which is interrupted, in a hurry
        bridge.client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": nothing}])
    assert any("prompts and answers are written" in message for message in caplog.messages)
    lines = [line for path in folder.iterdir() for line in path.read_text("utf-8").splitlines()]
    assert any(" to " in line and "A question" in line for line in lines)
    assert any(" from " in line and "An answer" in line for line in lines)
    assert any(" to " in line and '"subtype": "interrupt"' in line for line in lines)
    if os.name == "posix":
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    warned = next(check for check in run_checks(load_settings(), None, None) if check.title == "Trace")
    assert warned.status == "warning" and str(folder) in warned.message


async def test_a_trace_that_cannot_be_written_is_told_once_for_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRAY_BRIDGE_TRACE", str(tmp_path / "file" / "trace"))
    traced = TracedTransport(prompt="", options=ClaudeAgentOptions())
    for line in ("one", "two", "three"):
        with pytest.raises(CLIConnectionError):  # there is no process
            await traced.write(line)
    (message,) = caplog.messages
    assert message.startswith(f"The trace cannot be written to {tmp_path}")


def test_nothing_is_written_unless_it_is_asked_for() -> None:
    assert not [check for check in run_checks(load_settings(), None, None) if check.title == "Trace"]
