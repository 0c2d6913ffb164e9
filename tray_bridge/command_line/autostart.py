"""`tray-bridge autostart`: start at login, or not."""

from __future__ import annotations

import argparse

from .terminal import write


def set_autostart(arguments: argparse.Namespace) -> int:
    """Do what is asked, then say how it is; raises TrayBridgeError."""
    from ..desktop import autostart

    if arguments.action == "on":
        autostart.enable()
    elif arguments.action == "off":
        autostart.disable()
    state = "starts" if autostart.is_enabled() else "does not start"
    write(f"Tray Bridge {state} when you log in.\n")
    return 0
