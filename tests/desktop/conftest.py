"""What the tray's tests share: a private session bus, and stand-ins for the desktop's commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# pystray looks for a desktop while it is imported; only its Menu and MenuItem are wanted here.
os.environ["PYSTRAY_BACKEND"] = "dummy"

from tests.desktop.desktop_commands import DesktopCommands
from tests.desktop.private_bus import PrivateBus


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[PrivateBus]:
    if sys.platform != "linux" or not PrivateBus.is_available():
        pytest.skip("needs Linux and dbus-daemon (Debian: dbus)")
    private = PrivateBus(tmp_path)
    private.start()
    yield private
    private.stop()


@pytest.fixture
def commands(tmp_path: Path) -> DesktopCommands:
    if os.name != "posix":
        pytest.skip("the commands are shell scripts")
    return DesktopCommands(tmp_path / "commands")


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, with the app's own folders in it."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("TRAY_BRIDGE_HOME", str(folder / "tray-bridge"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return folder
