"""`tray-bridge doctor`: the checks, for a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from ..doctor.checks import Check, run_checks
from ..errors import SettingsError, TrayBridgeError
from ..machine.sign_in import ask_account
from ..settings.schema import Settings
from .fetch import find_bridge
from .terminal import FAILED, printable, write

_SIGNS = {"ok": "ok", "warning": "look", "failed": "FAILED"}


def show_checks(
    settings: Settings,
    settings_error: SettingsError | None,
    base_url: str,
    more: Sequence[Check] = (),
    *,
    as_json: bool = False,
) -> int:
    """Print every check, `more` after the others; gives 1 if one failed."""
    try:
        status = find_bridge(base_url).get("/status")
    except TrayBridgeError:
        status = None
    checks = [*run_checks(settings, settings_error, status, lambda: ask_account(settings.cli_path)), *more]
    if as_json:
        write(json.dumps({"checks": [asdict(check) for check in checks]}) + "\n")
    for check in () if as_json else checks:
        write(printable(f"{_SIGNS[check.status]:<7} {check.title}: {check.message}") + "\n")
        if check.hint and check.status != "ok":
            write(printable(f"        {check.hint}") + "\n")
    return FAILED if any(check.status == "failed" for check in checks) else 0
