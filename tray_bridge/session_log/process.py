"""The program that writes an exchange: whether it still runs, so that what it left without an end is told apart."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

CLOCK_GRAIN = 2.0  # seconds: file systems and processes tell times in steps of up to that


def is_alive(process: Mapping[str, Any]) -> bool:
    """Whether the program that writes an exchange still runs."""
    import psutil

    with suppress(psutil.Error, KeyError, TypeError, ValueError, OverflowError):
        # One that has started later has only got the number of the one that wrote this.
        return bool(psutil.Process(process["pid"]).create_time() <= process["alive_at"] + CLOCK_GRAIN / 2)
    return False
