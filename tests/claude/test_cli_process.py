"""What a process of the CLI leaves behind."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tray_bridge.claude.cli_process import CliProcess, cli_options


def pipes_of(pid: int | str) -> set[str]:
    """Name the pipes that a process holds an end of; both ends have one name."""
    found = set()
    for place in Path("/proc", str(pid), "fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(place.readlink()))
    return {name for name in found if name.startswith("pipe:")}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_process_that_is_ended_before_all_was_read_leaves_no_open_pipe(tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\nexec yes\n")
    program.chmod(0o755)
    process = CliProcess(cli_options(model="sonnet", work_folder=tmp_path, cli_path=program, environment={}))
    await process.start()
    await asyncio.sleep(0.5)  # more comes than is taken in ahead, so reading pauses
    assert process.pid is not None
    pipes = pipes_of(process.pid)
    assert pipes <= pipes_of("self")
    await process.end()
    await asyncio.sleep(0)  # in which closed pipes are let go
    assert not pipes & pipes_of("self")
