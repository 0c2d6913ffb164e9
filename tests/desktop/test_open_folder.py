"""Opening folders, files and pages: what is called, with what, and what is said when it cannot be."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.desktop.desktop_commands import DesktopCommands
from tests.resilience.faults import bound
from tray_bridge.desktop.open_folder import CannotOpenError, open_page, open_path
from tray_bridge.machine.outside_environment import outside_environment

ENVIRONMENT = {
    "PATH": "/bin",
    "LD_LIBRARY_PATH": "/opt/app/_internal",
    "LD_LIBRARY_PATH_ORIG": "/usr/lib/mine",
    "DYLD_LIBRARY_PATH": "/opt/app",
}


@pytest.fixture
def linux(commands: DesktopCommands, monkeypatch: pytest.MonkeyPatch) -> DesktopCommands:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", f"{commands.folder}:/usr/bin:/bin")
    monkeypatch.setenv("DISPLAY", ":77")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return commands


def test_a_folder_goes_to_the_desktop_s_opener(linux: DesktopCommands, tmp_path: Path) -> None:
    linux.make("xdg-open")
    open_path(tmp_path)
    assert linux.arguments("xdg-open") == [str(tmp_path)]


def test_macos_has_its_own_opener(linux: DesktopCommands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    linux.make("open")
    open_path(tmp_path)
    assert linux.arguments("open") == [str(tmp_path)]


def test_windows_has_its_own_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "startfile", started.append, raising=False)
    open_path(tmp_path)
    open_page("http://127.0.0.1:8000/dashboard")
    assert started == [str(tmp_path), "http://127.0.0.1:8000/dashboard"]


def test_what_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(CannotOpenError, match="does not exist"):
        open_path(tmp_path / "gone")


def test_an_opener_that_fails_is_told(linux: DesktopCommands, tmp_path: Path) -> None:
    linux.make("xdg-open", status=3)
    with pytest.raises(CannotOpenError, match="no program to open"):
        open_path(tmp_path)


def test_a_missing_opener_is_told(linux: DesktopCommands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(linux.folder))
    with pytest.raises(CannotOpenError, match="xdg-open is missing"):
        open_path(tmp_path)


def test_an_opener_that_stays_is_not_waited_for(linux: DesktopCommands, tmp_path: Path) -> None:
    (linux.folder / "xdg-open").write_text("#!/bin/sh\nexec sleep 3\n")
    (linux.folder / "xdg-open").chmod(0o755)
    began = time.monotonic()
    open_path(tmp_path)
    assert time.monotonic() - began < bound(2)


def test_no_page_is_opened_where_nothing_can_show_it(linux: DesktopCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    linux.make("xdg-open")
    monkeypatch.delenv("DISPLAY")
    with pytest.raises(CannotOpenError, match="no browser"):
        open_page("http://127.0.0.1:8000/dashboard")
    assert linux.arguments("xdg-open") is None


def test_a_frozen_app_does_not_give_its_libraries_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert outside_environment(ENVIRONMENT) == {"PATH": "/bin", "LD_LIBRARY_PATH": "/usr/lib/mine"}


def test_an_installed_app_gives_the_environment_as_it_is() -> None:
    assert outside_environment(ENVIRONMENT) == ENVIRONMENT
