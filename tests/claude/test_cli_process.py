"""What a process of the CLI leaves behind."""

from __future__ import annotations

import asyncio
import gc
import sys
from pathlib import Path

import psutil
import pytest

from tray_bridge.claude.cli_process import CliProcess, cli_options


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script, and descriptors that are counted")
async def test_a_process_that_is_ended_before_all_was_read_leaves_no_open_pipe(tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\nexec yes\n")
    program.chmod(0o755)
    options = cli_options(model="sonnet", work_folder=tmp_path, cli_path=program, environment={})

    async def run_and_end() -> int:
        process = CliProcess(options)
        await process.start()
        await asyncio.sleep(0.5)  # more comes than is taken in ahead, so reading pauses
        running = psutil.Process().num_fds()
        await process.end()
        await asyncio.sleep(0)  # in which closed pipes are let go
        left = psutil.Process().num_fds()
        assert left < running
        return left

    gc.collect()  # what other tests have left would be closed in between
    left = await run_and_end()  # the first also starts what ends processes after a crash
    assert await run_and_end() <= left
