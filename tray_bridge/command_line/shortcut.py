"""`tray-bridge shortcut`: put Tray Bridge into the applications menu, or take it out."""

from __future__ import annotations

import argparse

from .terminal import write


def set_shortcut(arguments: argparse.Namespace) -> int:
    """Do what is asked, then say how it is; raises TrayBridgeError."""
    from ..desktop import shortcut

    if arguments.action == "on":
        shortcut.add()
    elif arguments.action == "off":
        shortcut.remove()
    state = "is" if shortcut.exists() else "is not"
    write(f"Tray Bridge {state} in the applications menu ({shortcut.place()}).\n")
    return 0
