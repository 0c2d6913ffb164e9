"""The doctor's check of the desktop, which `main` hands to it: the other checks must not know the desktop."""

from __future__ import annotations

from ..doctor.checks import Check


def check_tray() -> Check:
    """Check whether the desktop can show the icon."""
    title = "Tray"
    try:
        from .tray_host import HOW_TO_GET_ONE, probe
    except ImportError as error:
        return Check(title, "warning", f"It cannot be shown here: {error}.", "`tray-bridge serve` needs none.")
    host = probe()
    if host.kind == "none":
        return Check(title, "warning", f"Nothing can show the icon: {host.reason}.", HOW_TO_GET_ONE)
    return Check(title, "ok", f"The desktop shows tray icons ({host.kind.replace('_', ' ')}).")
