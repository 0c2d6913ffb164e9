"""The whole app in demo mode as a process of its own, and a look at what it does from outside."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import psutil

from tests.commands import StartedCommand, start_command
from tests.desktop.desktop_commands import DesktopCommands
from tests.desktop.fake_tray_host import until
from tests.desktop.private_bus import PrivateBus

REPOSITORY = Path(__file__).resolve().parents[2]


class TrayApp:
    """`folder` holds its home, its settings and its logs. Commands of the desktop are stand-ins."""

    def __init__(self, folder: Path, bus: PrivateBus | None, port: int | None = None, pool_size: int = 0) -> None:
        self.home = folder / "tray-home"
        self.commands = DesktopCommands(folder / "commands")
        for name in ("xdg-open", "wl-copy"):
            self.commands.make(name, reads=name == "wl-copy")
        self.port = port or free_port()
        self._errors = folder / "stderr"
        self._process: subprocess.Popen[Any] | StartedCommand | None = None
        self._log: IO[str] | None = None
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in ("DISPLAY", "PYSTRAY_BACKEND")},
            "HOME": str(self.home),
            "TRAY_BRIDGE_HOME": str(self.home / "tray-bridge"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_RUNTIME_DIR": str(self.home),
            "WAYLAND_DISPLAY": "wayland-of-nobody",
            "DBUS_SESSION_BUS_ADDRESS": bus.address if bus else "unix:path=/nonexistent/bus",
            "PATH": self.commands.path,
            "PYTHONPATH": str(REPOSITORY),
        }
        self.home.mkdir()
        self.write_settings(port=self.port, pool_size=pool_size)

    def write_settings(self, **values: object) -> None:
        self.settings_file.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in values.items()]
        self.settings_file.write_text("# A person's own remark.\n" + "".join(lines))

    def start(self, *flags: str, environment: Mapping[str, str] = {}, demo: bool = True) -> None:
        self._log = self._errors.open("w")
        words, variables = [*(["--demo"] if demo else []), *flags], {**self.environment, **environment}
        with Path(os.devnull).open("w") as nothing:
            self._process = start_command(words, variables, output=nothing, errors=self._log, folder=self.home)

    async def ends(self, timeout: float = 40.0) -> int:
        """Waits for the process to end; returns its exit code, having checked that it left no child."""
        assert self._process is not None
        process = self._process
        children = self.children()
        code: int = await asyncio.wait_for(asyncio.to_thread(process.wait), timeout)
        _, alive = await asyncio.to_thread(psutil.wait_procs, children, 30)
        assert not alive, alive
        return code

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """Ends the process whatever it does, for the end of a test."""
        if self._process is not None and self._process.poll() is None:
            children = self.children()
            self._process.kill()
            self._process.wait()
            psutil.wait_procs(children, 30)
        if self._log is not None:
            self._log.close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    # What can be seen from outside

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings_file(self) -> Path:
        return self.home / "tray-bridge" / "config" / "settings.toml"

    @property
    def log_folder(self) -> Path:
        return self.home / "tray-bridge" / "logs"

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def get(self, path: str) -> Any | None:
        """The JSON at a path of the server, or None while nothing listens."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=30) as answer:
                return json.load(answer)
        except OSError:
            return None

    async def answers(self, timeout: float = 40.0) -> None:
        async def healthy() -> bool:
            return await asyncio.to_thread(self.get, "/health") is not None

        await until(healthy, timeout, f"an answer on port {self.port}")

    async def is_silent(self, timeout: float = 30.0) -> None:
        async def silent() -> bool:
            return await asyncio.to_thread(self.get, "/health") is None

        await until(silent, timeout, f"no answer on port {self.port}")

    async def opened(self) -> str:
        """What the desktop was asked to open last; waits for it, and forgets it."""

        async def argument() -> str | None:
            arguments = self.commands.arguments("xdg-open")
            return arguments[0] if arguments else None

        target = await until(argument, 30, "a call of xdg-open")
        self.commands.forget()
        return target

    async def copied(self) -> str:
        """What was put on the clipboard last; waits for it, and forgets it."""

        async def text() -> str | None:
            return self.commands.input("wl-copy")

        copied = await until(text, 30, "a call of wl-copy")
        self.commands.forget()
        return copied

    async def has_setting(self, line: str) -> None:
        """Waits until the settings file has this line."""

        async def written() -> bool:
            return line in self.settings_file.read_text().splitlines()

        await until(written, 30, f"{line!r} in settings.toml")


def free_port() -> int:
    """Give a port below those that systems hand out, so that no other test is given it, or the next ones to it."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
