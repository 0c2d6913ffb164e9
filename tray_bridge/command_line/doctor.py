"""`tray-bridge doctor`: the checks, for a terminal."""

from __future__ import annotations

from ..doctor.checks import run_checks
from ..errors import SettingsError, TrayBridgeError
from ..settings.schema import Settings
from .fetch import fetch_json
from .terminal import FAILED, printable, write

_SIGNS = {"ok": "ok", "warning": "look", "failed": "FAILED"}


def show_checks(settings: Settings, settings_error: SettingsError | None, base_url: str) -> int:
    """Print every check; gives 1 if one failed."""
    try:
        status = fetch_json(base_url, "/status")
    except TrayBridgeError:
        status = None
    checks = run_checks(settings, settings_error, status)
    for check in checks:
        write(printable(f"{_SIGNS[check.status]:<7} {check.title}: {check.message}") + "\n")
        if check.hint and check.status != "ok":
            write(printable(f"        {check.hint}") + "\n")
    return FAILED if any(check.status == "failed" for check in checks) else 0
