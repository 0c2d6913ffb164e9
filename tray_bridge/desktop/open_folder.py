"""Open folders, files and pages with the desktop's own programs.

Owns how each of the three systems does it. Each returns at once; the program that was opened stays when we end.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ..errors import TrayBridgeError
from ..machine.outside_environment import outside_environment


class CannotOpenError(TrayBridgeError):
    """The desktop has no program for it, or the program could not be started."""

    title = "Cannot open"


def open_path(path: Path) -> None:
    """Open a folder in the file manager, a file in its program; raises CannotOpenError."""
    if not path.exists():
        raise CannotOpenError(f"{path} does not exist.")
    _open(str(path))


def open_page(url: str) -> None:
    """Open a page in the browser; raises CannotOpenError if there is no display or browser."""
    if _can_show_windows():
        try:
            return _open(url)
        except CannotOpenError:
            import webbrowser

            if webbrowser.open(url):
                return None
    raise CannotOpenError(f"There is no browser to open {url} with.")


def _open(target: str) -> None:
    if sys.platform == "win32":
        try:
            os.startfile(target)  # noqa: S606  # a path or address of our own
        except OSError as error:
            raise CannotOpenError(f"Windows has no program for {target}.") from error
        return
    command = "open" if sys.platform == "darwin" else "xdg-open"
    try:
        opener = subprocess.Popen(  # a fixed command, and a path or address of our own
            [command, target],
            env=outside_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise CannotOpenError(f"{target} cannot be opened: {command} is missing.") from error
    try:
        status = opener.wait(0.5)  # it fails at once, or may stay for as long as the browser
    except subprocess.TimeoutExpired:
        return
    if status:
        raise CannotOpenError(f"The desktop has no program to open {target} with.")


def _can_show_windows() -> bool:
    """Return whether there is a display: without one, Python would open a text browser in the terminal."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
