"""The clipboard, without a GUI toolkit: each system's own command or call. Returns within a second."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from shutil import which

from ..errors import TrayBridgeError
from ..machine.outside_environment import outside_environment


class ClipboardError(TrayBridgeError):
    """The clipboard cannot be used."""

    title = "Cannot copy"


def copy_text(text: str) -> None:
    """Put `text` on the clipboard; raises ClipboardError."""
    if sys.platform == "win32":
        from .clipboard_windows import copy_to_windows

        if not copy_to_windows(text):
            raise ClipboardError("Another program keeps the clipboard busy; try again.")
        return
    for command in _commands():
        if which(command[0]) and _feed(command, text):
            return
    if sys.platform == "linux" and os.environ.get("DISPLAY"):
        from .clipboard_x11 import own_selection

        if own_selection(text):
            return
    raise ClipboardError("The clipboard cannot be reached: install wl-clipboard or xclip.")


def _commands() -> Iterator[list[str]]:
    if sys.platform == "darwin":
        yield ["pbcopy"]
        return
    if os.environ.get("WAYLAND_DISPLAY"):
        yield ["wl-copy"]
    if os.environ.get("DISPLAY"):
        yield ["xclip", "-selection", "clipboard"]
        yield ["xsel", "--clipboard", "--input"]


def _feed(command: list[str], text: str) -> bool:
    try:
        done = subprocess.run(  # a fixed command
            command,
            input=text.encode(),
            env=outside_environment(),
            stdout=subprocess.DEVNULL,  # what they leave behind to keep the text would keep a pipe too
            stderr=subprocess.DEVNULL,
            timeout=2,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
