"""The entry of the applications menu: what each system gets, found and removed."""

from __future__ import annotations

import os
import plistlib
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tray_bridge.command_line.arguments import make_parser
from tray_bridge.command_line.shortcut import set_shortcut
from tray_bridge.desktop import shortcut

PROGRAM = ["/home/me/my venv/bin/python", "-m", "tray_bridge"]


@pytest.fixture(autouse=True)
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcut, "command", lambda: PROGRAM)


def test_linux_gets_a_desktop_entry_with_an_icon_that_is_there(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert not shortcut.exists()
    shortcut.add()
    shortcut.add()
    lines = (own_home / ".local/share/applications/tray-bridge.desktop").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    assert shlex.split(values["Exec"]) == PROGRAM
    assert Path(values["Icon"]).is_file()
    assert values["Categories"] == "Network;"
    assert shortcut.exists()
    shortcut.remove()
    shortcut.remove()
    assert not shortcut.exists()


@pytest.mark.skipif(os.name != "posix", reason="runs a shell script")
def test_macos_gets_an_app_that_starts_the_program(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(shortcut, "command", lambda: ["/bin/echo", "it's", "started"])
    shortcut.add()
    contents = own_home / "Applications/Tray Bridge.app/Contents"
    facts = plistlib.loads((contents / "Info.plist").read_bytes())
    said = subprocess.run(
        [contents / "MacOS" / facts["CFBundleExecutable"]], capture_output=True, text=True, check=True
    )
    assert said.stdout == "it's started\n"
    assert facts["LSUIElement"] is True
    shortcut.remove()
    assert not shortcut.exists()


def test_windows_has_its_scripting_host_write_a_link(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("APPDATA", str(own_home / "Roaming"))
    monkeypatch.setattr(subprocess, "run", lambda command, env, **_: asked.append((command, env)))
    shortcut.add()
    ((command, values),) = asked
    assert command[0].endswith("powershell.exe")
    assert command[-1] == shortcut.MAKE_LINK
    assert values["TARGET"] == PROGRAM[0]
    assert values["ARGUMENTS"] == "-m tray_bridge"
    assert values["LINK"].endswith("Tray Bridge.lnk")
    assert Path(values["ICON"]).is_file()


def test_a_folder_that_cannot_be_written_is_told(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    (own_home / ".local").write_text("not a folder")
    with pytest.raises(shortcut.ShortcutError, match="could not be written"):
        shortcut.add()


@pytest.mark.parametrize(("action", "state"), [("on", "is"), ("off", "is not"), (None, "is not")])
def test_the_command_says_how_it_is_now(
    own_home: Path, capsys: pytest.CaptureFixture[str], action: str | None, state: str
) -> None:
    assert set_shortcut(make_parser().parse_args(["shortcut", *([action] if action else [])])) == 0
    assert capsys.readouterr().out == f"Tray Bridge {state} in the applications menu ({shortcut.place()}).\n"
