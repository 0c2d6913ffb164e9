"""The entry of the applications menu: write, read and remove it, for an installation that no installer made.

Linux: a desktop entry (https://specifications.freedesktop.org/menu-spec/); macOS: a small app in ~/Applications that
starts the program; Windows: a shortcut in the Start menu, which the system's own scripting host writes.
"""

from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from ..errors import TrayBridgeError
from ..machine.paths import resource
from ..machine.private_files import replace_file
from .autostart import AGENT, NAME, command, desktop_entry

SECONDS = 30.0  # that PowerShell may take
# The values come by the environment, so that none of them needs quoting.
MAKE_LINK = (
    "$link = (New-Object -ComObject WScript.Shell).CreateShortcut($env:LINK); $link.TargetPath = $env:TARGET; "
    "$link.Arguments = $env:ARGUMENTS; $link.IconLocation = $env:ICON; $link.Save()"
)


class ShortcutError(TrayBridgeError):
    """The entry could not be written or removed."""

    title = "Applications menu"


def add() -> None:
    """Put Tray Bridge into the applications menu; raises ShortcutError."""
    try:
        if sys.platform == "win32":
            _write_link(command())
        elif sys.platform == "darwin":
            _write_app(command())
        else:
            icon = resource("desktop/icons") / "tray-bridge-128.png"
            more = ("Categories=Network;", "StartupNotify=false")
            replace_file(place(), desktop_entry(command(), str(icon), more).encode())
    except (OSError, subprocess.SubprocessError) as error:
        raise ShortcutError(f"The entry could not be written: {getattr(error, 'strerror', '') or error}.") from error


def remove() -> None:
    """Take Tray Bridge out of the applications menu; raises ShortcutError."""
    try:
        if place().is_dir():
            shutil.rmtree(place())
        else:
            place().unlink(missing_ok=True)
    except OSError as error:
        raise ShortcutError(f"The entry could not be removed: {error.strerror or error}.") from error


def exists() -> bool:
    """Return whether the applications menu has the entry."""
    return place().exists()


def place() -> Path:
    """Return where the entry is, or would be."""
    if sys.platform == "win32":
        roaming = os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming"
        return Path(roaming, "Microsoft", "Windows", "Start Menu", "Programs", f"{NAME}.lnk")
    if sys.platform == "darwin":
        return Path.home() / "Applications" / f"{NAME}.app"
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data, "applications", "tray-bridge.desktop")


def _write_app(program: list[str]) -> None:
    contents = place() / "Contents"
    start = contents / "MacOS" / "tray-bridge"
    facts = {"CFBundleName": NAME, "CFBundleIdentifier": AGENT, "CFBundleExecutable": start.name, "LSUIElement": True}
    start.parent.mkdir(parents=True, exist_ok=True)
    (contents / "Info.plist").write_bytes(plistlib.dumps(facts))
    start.write_text(f"#!/bin/sh\nexec {shlex.join(program)}\n", encoding="utf-8")
    start.chmod(0o755)


def _write_link(program: list[str]) -> None:
    place().parent.mkdir(parents=True, exist_ok=True)
    values = {
        "LINK": str(place()),
        "TARGET": program[0],
        "ARGUMENTS": subprocess.list2cmdline(program[1:]),
        "ICON": str(resource("desktop/icons") / "tray-bridge.ico"),
    }
    system = Path(os.environ.get("SYSTEMROOT") or "C:\\Windows", "System32")
    powershell = system / "WindowsPowerShell" / "v1.0" / "powershell.exe"
    subprocess.run(
        [str(powershell), "-NoProfile", "-NonInteractive", "-Command", MAKE_LINK],
        env={**os.environ, **values},
        check=True,
        capture_output=True,
        timeout=SECONDS,
    )
