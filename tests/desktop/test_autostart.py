"""Start at login: the entry that each system reads, written, found and removed."""

from __future__ import annotations

import plistlib
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any

import pytest

from tray_bridge.desktop import autostart

PROGRAM = ["/home/me/my venv/bin/python", "-m", "tray_bridge"]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(autostart, "command", lambda: PROGRAM)
    return PROGRAM


class FakeRegistry:
    """The calls of `winreg` that are used, on a dictionary."""

    HKEY_CURRENT_USER = "HKCU"
    REG_SZ = 1

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], dict[str, str]] = {}

    def CreateKey(self, root: str, path: str) -> _FakeKey:  # noqa: N802
        return _FakeKey(self.values.setdefault((root, path), {}))

    def OpenKey(self, root: str, path: str) -> _FakeKey:  # noqa: N802
        if (root, path) not in self.values:
            raise FileNotFoundError(path)
        return _FakeKey(self.values[root, path])

    def SetValueEx(self, key: _FakeKey, name: str, reserved: int, kind: int, value: str) -> None:  # noqa: N802
        assert (reserved, kind) == (0, self.REG_SZ)
        key.values[name] = value

    def QueryValueEx(self, key: _FakeKey, name: str) -> tuple[str, int]:  # noqa: N802
        if name not in key.values:
            raise FileNotFoundError(name)
        return key.values[name], self.REG_SZ

    def DeleteValue(self, key: _FakeKey, name: str) -> None:  # noqa: N802
        if name not in key.values:
            raise FileNotFoundError(name)
        del key.values[name]


class _FakeKey:
    def __init__(self, values: dict[str, str]) -> None:
        self.values = values

    def __enter__(self) -> _FakeKey:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def test_linux_gets_a_desktop_entry(own_home: Path, program: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert not autostart.is_enabled()
    autostart.enable()
    autostart.enable()
    entry = (own_home / ".config" / "autostart" / "tray-bridge.desktop").read_text()
    assert autostart.is_enabled()
    assert entry.startswith("[Desktop Entry]\nType=Application\n")
    command = next(line for line in entry.splitlines() if line.startswith("Exec="))
    assert shlex.split(command.removeprefix("Exec=")) == program
    autostart.disable()
    autostart.disable()
    assert not autostart.is_enabled()


def test_linux_follows_xdg_config_home(own_home: Path, program: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(own_home / "xdg"))
    autostart.enable()
    assert (own_home / "xdg" / "autostart" / "tray-bridge.desktop").exists()


@pytest.mark.parametrize("turned_off", ["Hidden=true", "X-GNOME-Autostart-enabled=false"])
def test_an_entry_that_the_desktop_turned_off_is_off(
    own_home: Path, program: list[str], monkeypatch: pytest.MonkeyPatch, turned_off: str
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    autostart.enable()
    path = own_home / ".config" / "autostart" / "tray-bridge.desktop"
    path.write_text(path.read_text() + turned_off + "\n")
    assert not autostart.is_enabled()


def test_odd_paths_are_quoted_for_the_exec_key(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(autostart, "command", lambda: ['/opt/100% "mine"/$x\\y'])
    autostart.enable()
    entry = (own_home / ".config" / "autostart" / "tray-bridge.desktop").read_text()
    # Quoted for the Exec key (" $ and \ escaped, % doubled), then \ doubled as in every string of the file.
    assert 'Exec="/opt/100%% \\\\"mine\\\\"/\\\\$x\\\\\\\\y"' in entry


def test_macos_gets_a_launch_agent(own_home: Path, program: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not autostart.is_enabled()
    autostart.enable()
    path = own_home / "Library" / "LaunchAgents" / "io.github.tray-bridge.plist"
    agent = plistlib.loads(path.read_bytes())
    assert agent["ProgramArguments"] == program
    assert agent["RunAtLoad"] is True
    assert agent["Label"] == path.stem
    assert autostart.is_enabled()
    autostart.disable()
    assert not path.exists()


def test_windows_gets_a_run_value(program: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    registry: Any = FakeRegistry()
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "winreg", registry)
    assert not autostart.is_enabled()
    autostart.enable()
    key = ("HKCU", r"Software\Microsoft\Windows\CurrentVersion\Run")
    assert registry.values == {key: {"Tray Bridge": '"/home/me/my venv/bin/python" -m tray_bridge'}}
    assert autostart.is_enabled()
    autostart.disable()
    autostart.disable()
    assert registry.values == {key: {}}
    assert not autostart.is_enabled()


def test_a_folder_that_cannot_be_written_is_told(
    own_home: Path, program: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    (own_home / ".config").write_text("not a folder")
    with pytest.raises(autostart.AutostartError, match="could not be turned on"):
        autostart.enable()


def test_the_command_starts_the_tray_as_this_one_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert autostart.command() == [sys.executable, "-m", "tray_bridge"]
    (tmp_path / "pythonw.exe").touch()
    windows = SimpleNamespace(platform="win32", executable=str(tmp_path / "python.exe"))
    monkeypatch.setattr(autostart, "sys", windows)
    assert autostart.command() == [str(tmp_path / "pythonw.exe"), "-m", "tray_bridge"]
    monkeypatch.setattr(autostart, "sys", SimpleNamespace(platform="linux", executable="/opt/app", frozen=True))
    assert autostart.command() == ["/opt/app"]
    monkeypatch.setenv("APPIMAGE", "/home/me/tray-bridge.AppImage")
    monkeypatch.setenv("APPDIR", "/tmp/.mount_x")
    assert autostart.command() == ["/opt/app"], "another program's AppImage has started this one"
    monkeypatch.setenv("APPDIR", "/opt")
    assert autostart.command() == ["/home/me/tray-bridge.AppImage"]
