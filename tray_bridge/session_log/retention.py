"""Keep the session log within its days and megabytes: the oldest exchanges go first."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

from ..machine.private_files import TEMPORARY_SUFFIX
from .reader import BLOBS, LogReader

_MEGABYTE = 1_000_000
# The share of the limit that is kept, so that not every exchange after it causes another round.
_EMPTY_INDEX = 150_000  # bytes
_AFTERWARDS = 0.9


def discard_old(folder: Path, days: int, megabytes: int) -> None:
    """Delete what is older than `days`, then the oldest of what is over `megabytes`; raises OSError."""
    reader = LogReader(folder)
    oldest_day = str(date.today() - timedelta(days=days))
    exchanges = reader.sizes()
    recent = [exchange for exchange in exchanges if exchange[0] >= oldest_day]
    if _fitting(folder, recent, megabytes * _MEGABYTE) < len(recent):
        recent = recent[: _fitting(folder, recent, megabytes * _MEGABYTE * _AFTERWARDS)]
    reader.discard({file for file, _, _ in exchanges} - {file for file, _, _ in recent})
    reader.usage.forget_old()
    reader.close()
    _discard_left_over(folder)


def _fitting(folder: Path, exchanges: list[tuple[str, int, list[str]]], size: float) -> int:
    """Give how many of the newest exchanges, with their blobs, are within `size` bytes."""
    counted: set[str] = set()
    total = _EMPTY_INDEX
    for number, (_, own, blobs) in enumerate(exchanges):
        total += own
        for blob in set(blobs) - counted:
            with suppress(OSError):
                total += (folder / BLOBS / blob).stat().st_size
        counted.update(blobs)
        if total > size:
            return number
    return len(exchanges)


def _discard_left_over(folder: Path) -> None:
    """Delete temporary files of a program that was killed while it wrote."""
    an_hour_ago = time.time() - 3600
    for path in folder.glob(f"*/.*{TEMPORARY_SUFFIX}"):
        with suppress(OSError):
            if path.stat().st_mtime < an_hour_ago:
                path.unlink()
