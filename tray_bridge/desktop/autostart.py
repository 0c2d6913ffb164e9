"""Start at login: write, read and remove the entry that each system reads when a person logs in.

Linux: a desktop entry (https://specifications.freedesktop.org/autostart-spec/); macOS: a LaunchAgent; Windows: a value
under HKEY_CURRENT_USER's Run key. Nothing here starts anything.
"""

from __future__ import annotations

import os
import plistlib
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import TrayBridgeError
from ..machine.private_files import replace_file

NAME = "Tray Bridge"
AGENT = "io.github.tray-bridge"
RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"


class AutostartError(TrayBridgeError):
    """The entry could not be written or removed."""

    title = "Start at login"


def enable() -> None:
    """Make Tray Bridge start at login; raises AutostartError."""
    try:
        if sys.platform == "win32":
            _set_run_value(subprocess.list2cmdline(command()))
        elif sys.platform == "darwin":
            replace_file(_agent_file(), plistlib.dumps(_agent(command())))
        else:
            replace_file(_desktop_file(), desktop_entry(command()).encode())
    except OSError as error:
        raise AutostartError(f"Start at login could not be turned on: {error.strerror or error}.") from error


def disable() -> None:
    """Stop Tray Bridge from starting at login; raises AutostartError."""
    try:
        if sys.platform == "win32":
            _delete_run_value()
        else:
            (_agent_file() if sys.platform == "darwin" else _desktop_file()).unlink(missing_ok=True)
    except OSError as error:
        raise AutostartError(f"Start at login could not be turned off: {error.strerror or error}.") from error


def is_enabled() -> bool:
    """Return whether Tray Bridge starts at login, according to the system's entry."""
    if sys.platform == "win32":
        return _run_value() is not None
    if sys.platform == "darwin":
        return _agent_file().exists()
    try:
        entry = _desktop_file().read_text("utf-8", "replace")
    except OSError:
        return False
    # A desktop's own settings turn an entry off by these lines rather than by removing it.
    return not re.search(r"(?mi)^(Hidden\s*=\s*true|X-GNOME-Autostart-enabled\s*=\s*false)\s*$", entry)


def command() -> list[str]:
    """Return the program and arguments that start the tray as this one was started."""
    if getattr(sys, "frozen", False):
        mounted, image = os.environ.get("APPDIR"), os.environ.get("APPIMAGE")
        # An AppImage's program lies in a folder that is there only while it runs.
        return [image if image and mounted and sys.executable.startswith(mounted) else sys.executable]
    python = Path(sys.executable)
    if sys.platform == "win32" and (windowless := python.with_name("pythonw.exe")).exists():
        python = windowless  # else each login would leave a console window open
    return [str(python), "-m", "tray_bridge"]


def _desktop_file() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder, "autostart", "tray-bridge.desktop")


def desktop_entry(program: list[str], icon: str = "tray-bridge", more: Sequence[str] = ()) -> str:
    """Write a desktop entry that starts the program; `more` are further lines."""
    return "\n".join(
        [
            "[Desktop Entry]",
            "Type=Application",
            f"Name={NAME}",
            "Comment=Lets programs that speak an LLM API use Claude",
            f"Exec={' '.join(map(_quoted, program))}",
            f"Icon={icon}",
            "Terminal=false",
            *more,
            "",
        ]
    )


def _quoted(argument: str) -> str:
    """Quote an argument for the Exec key (desktop entry specification, "The Exec key")."""
    escaped = re.sub(r'(["`$\\])', r"\\\1", argument).replace("%", "%%")
    return '"' + escaped.replace("\\", "\\\\") + '"'


def _agent_file() -> Path:
    return Path.home() / "Library" / "LaunchAgents" / f"{AGENT}.plist"


def _agent(program: list[str]) -> dict[str, object]:
    return {"Label": AGENT, "ProgramArguments": program, "RunAtLoad": True, "ProcessType": "Interactive"}


def _registry() -> Any:
    """Return Windows' `winreg`, which type checkers on other systems know without its functions."""
    return import_module("winreg")


def _set_run_value(text: str) -> None:
    winreg = _registry()
    with winreg.CreateKey(winreg.HKEY_CURRENT_USER, RUN_KEY) as key:
        winreg.SetValueEx(key, NAME, 0, winreg.REG_SZ, text)


def _delete_run_value() -> None:
    winreg = _registry()
    with winreg.CreateKey(winreg.HKEY_CURRENT_USER, RUN_KEY) as key:
        try:
            winreg.DeleteValue(key, NAME)
        except FileNotFoundError:
            return


def _run_value() -> str | None:
    winreg = _registry()
    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, RUN_KEY) as key:
            return str(winreg.QueryValueEx(key, NAME)[0])
    except OSError:
        return None
