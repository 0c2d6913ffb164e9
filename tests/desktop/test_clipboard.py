"""The clipboard: each desktop's own way, and a plain word where there is none."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desktop.desktop_commands import DesktopCommands
from tests.desktop.virtual_display import virtual_display
from tray_bridge.desktop.clipboard import ClipboardError, copy_text

TEXT = "http://127.0.0.1:8000/v1 — ✓"


@pytest.fixture
def linux(commands: DesktopCommands, monkeypatch: pytest.MonkeyPatch) -> DesktopCommands:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("PATH", f"{commands.folder}:/usr/bin:/bin")
    return commands


@pytest.mark.parametrize(
    ("variables", "present", "used", "arguments"),
    [
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, ["wl-copy", "xclip"], "wl-copy", []),
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, ["xclip"], "xclip", ["-selection", "clipboard"]),
        ({"DISPLAY": ":0"}, ["wl-copy", "xclip", "xsel"], "xclip", ["-selection", "clipboard"]),
        ({"DISPLAY": ":0"}, ["xsel"], "xsel", ["--clipboard", "--input"]),
    ],
)
def test_the_session_s_own_command_is_used(
    linux: DesktopCommands,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    present: list[str],
    used: str,
    arguments: list[str],
) -> None:
    monkeypatch.setenv("PATH", f"{linux.folder}:{_cat_only(linux.folder)}")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in present:
        linux.make(name, reads=True)
    copy_text(TEXT)
    assert linux.input(used) == TEXT
    assert [line for line in linux.arguments(used) or [] if line] == arguments
    assert all(linux.arguments(name) is None for name in present if name != used)


def test_macos_has_its_own_command(linux: DesktopCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    linux.make("pbcopy", reads=True)
    copy_text(TEXT)
    assert linux.input("pbcopy") == TEXT


def test_a_command_that_fails_is_not_the_last_word(linux: DesktopCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("PATH", f"{linux.folder}:{_cat_only(linux.folder)}")
    linux.make("xclip", reads=True, status=1)
    linux.make("xsel", reads=True)
    copy_text(TEXT)
    assert linux.input("xsel") == TEXT


def test_without_any_clipboard_it_says_what_to_install(linux: DesktopCommands) -> None:
    with pytest.raises(ClipboardError, match="wl-clipboard or xclip"):
        copy_text(TEXT)


@pytest.fixture
def display() -> Iterator[str]:
    with virtual_display() as name:
        yield name


PASTE = """
import sys, time
from Xlib import X
from Xlib.display import Display
display = Display()
window = display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
clipboard, target, place = (display.intern_atom(name) for name in ("CLIPBOARD", sys.argv[1], "PASTED"))
window.convert_selection(clipboard, target, place, X.CurrentTime)
display.flush()
while (event := display.next_event()).type != X.SelectionNotify:
    pass
if event.property == X.NONE:
    sys.exit("refused")
value = window.get_full_property(place, X.AnyPropertyType).value
sys.stdout.buffer.write(value if isinstance(value, bytes) else repr(list(value)).encode())
"""


def test_x11_works_without_any_command(linux: DesktopCommands, display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setenv("PATH", str(linux.folder))

    def paste(target: str) -> str:
        done = subprocess.run([sys.executable, "-c", PASTE, target], capture_output=True, timeout=60, check=False)
        return (done.stdout + done.stderr).decode()

    copy_text("first")
    assert paste("UTF8_STRING") == "first"
    copy_text(TEXT)
    time.sleep(0.1)
    assert paste("UTF8_STRING") == TEXT
    assert paste("TARGETS").startswith("[")
    assert paste("image/png").strip() == "refused"


def _cat_only(folder: Path) -> str:
    """A folder with the few commands that the stand-ins need, and no clipboard."""
    tools = folder.parent / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("cat", "env", "mv", "sh"):
        found = shutil.which(name, path="/usr/bin:/bin")
        if found and not (tools / name).exists():
            (tools / name).symlink_to(found)
    return str(tools)
