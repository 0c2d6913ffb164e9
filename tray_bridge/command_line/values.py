"""The values of options: texts, times and numbers. What is wrong is refused with what it may be."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from datetime import datetime

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_CALENDAR = (-62135596800.0, 253402300799.0)  # the years 1 to 9999, in Unix seconds
_DAY = 86400.0


def plain(text: str) -> str:
    """Give a word of the command line with U+FFFD for each byte that is not valid in the system's encoding."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def moment(text: str) -> float:
    """Read `2h` (ago) or an ISO date or time as Unix seconds."""
    try:
        if match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text):
            seconds = time.time() - float(match[1]) * _UNITS[match[2]]
        else:
            seconds = _given(text).timestamp()
    except (OverflowError, OSError):  # Windows knows no time before 1970
        seconds = -float("inf")
    if not _CALENDAR[0] <= seconds <= _CALENDAR[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is outside of the calendar")
    return seconds


def _given(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        problem = f"{text!r} is neither an age (30m, 2h, 7d) nor a time (2025-01-31, 2025-01-31T12:00)"
        raise argparse.ArgumentTypeError(problem) from None


def whole(least: int, most: int) -> Callable[[str], int]:
    """Make the reader of a whole number in a range."""

    def read(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,18}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def seconds(text: str) -> float:
    """Read a number of seconds, up to a day."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= _DAY:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to {_DAY:.0f}")
    return number
