"""From the launch of the app to its icon, and to the first token of its first answer.

Beside it the smallest program over the SDK: before either can start a CLI, Python has to import the SDK.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from . import bare_sdk
from .figure import Figure
from .first_token import QUESTION
from .programs import PATIENCE, Size, StandInProcess, cpu_seconds
from .raw_cli import RawCli, say
from .streaming import Client


async def measure_launch(_: StandInProcess, folder: Path, size: Size) -> list[Figure]:
    answer = Figure("launch to the first answer's first token ÷ a cold raw CLI's", "s", 1.3)
    floor = Figure("the same of the smallest program over the SDK ÷ a cold raw CLI's", "s")
    icon = Figure("launch to icon", "s", 0.8, raw=None)
    for number in range(size.launches):
        if number % 2:
            ours = (await launch_to_answer()).seconds
            theirs = await cold_answer(folder)
        else:
            theirs = await cold_answer(folder)
            ours = (await launch_to_answer()).seconds
        answer.add(ours, theirs)
        floor.add(await bare_sdk_answer(folder), theirs)
    if sys.platform == "linux":
        for _run in range(size.launches):
            icon.add(await launch_to_icon())
    return [answer, floor, icon]


async def cold_answer(folder: Path) -> float:
    began = time.perf_counter()
    cli = await RawCli(folder).start()
    seconds = await cli.answer_first(QUESTION) - began
    await cli.kill()
    return seconds


async def bare_sdk_answer(folder: Path) -> float:
    began = time.perf_counter()
    program = await asyncio.create_subprocess_exec(
        sys.executable, bare_sdk.__file__, str(folder), QUESTION, stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    assert await program.stdout.readline() == b"first token\n"
    seconds = time.perf_counter() - began
    # Its CLI with it: one that goes on would slow what is measured next.
    clis = psutil.Process(program.pid).children(recursive=True)
    program.kill()
    for cli in clis:
        with contextlib.suppress(psutil.NoSuchProcess):
            cli.kill()
    await program.wait()
    psutil.wait_procs(clis)
    return seconds


class Launched(NamedTuple):
    """Seconds from the launch to the first token, and the processor time that the app itself used by then."""

    seconds: float
    cpu_seconds: float


async def launch_to_answer(**environment: str) -> Launched:
    port = _free_port()
    began = time.perf_counter()
    app = _launch("serve", "--port", str(port), **environment)
    try:
        client = Client(f"http://127.0.0.1:{port}/v1")
        while time.perf_counter() - began < PATIENCE:
            with contextlib.suppress(ConnectionRefusedError):
                await client.connect()
                break
            await asyncio.sleep(0.002)
        stream = await client.ask([say("user", QUESTION)])
        used = cpu_seconds(psutil.Process(app.pid))
        client.close()
        return Launched(stream.deltas[0] - began, used)
    finally:
        _end(app)


async def launch_to_icon() -> float:
    """Until a tray host knows the icon; a private one, on a session bus of its own."""
    from tests.desktop.fake_tray_host import FakeTrayHost  # type: ignore[import-not-found,unused-ignore]
    from tests.desktop.private_bus import PrivateBus  # type: ignore[import-not-found,unused-ignore]

    with tempfile.TemporaryDirectory() as folder:
        bus = PrivateBus(Path(folder))
        bus.start()
        async with FakeTrayHost(bus.address) as host:
            began = time.perf_counter()
            app = _launch("--port", str(_free_port()), DBUS_SESSION_BUS_ADDRESS=bus.address)
            try:
                await host.has_item(PATIENCE)
                return time.perf_counter() - began
            finally:
                _end(app)
                bus.stop()


def _launch(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tray_bridge", *arguments],
        stdout=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


def _end(app: subprocess.Popen[bytes]) -> None:
    app.terminate()
    try:
        app.wait(10)
    except subprocess.TimeoutExpired:
        app.kill()
        app.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
