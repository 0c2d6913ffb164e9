"""Keeps the session log within its days and megabytes: the oldest exchanges go first."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

from ..machine.private_files import TEMPORARY_SUFFIX
from .index import INDEX_NAME, Summary
from .reader import BLOBS, LogReader

_MEGABYTE = 1_000_000
# What is cut down to, so that not every exchange after the limit brings another round.
_AFTERWARDS = 0.9


def discard_old(folder: Path, days: int, megabytes: int) -> None:
    """Delete what is older than `days`, then the oldest of what is over `megabytes`; raises OSError."""
    reader = LogReader(folder)
    oldest_day = str(date.today() - timedelta(days=days))
    exchanges = reader.all()
    recent = [summary for summary in exchanges if summary["file"] >= oldest_day]
    if _fitting(folder, recent, megabytes * _MEGABYTE) < len(recent):
        recent = recent[: _fitting(folder, recent, megabytes * _MEGABYTE * _AFTERWARDS)]
    if len(recent) < len(exchanges):
        reader.discard(exchanges[len(recent) :])
    _discard_left_over(folder)


def _fitting(folder: Path, exchanges: list[Summary], size: float) -> int:
    """How many of the newest exchanges, with their blobs and indexes, are within `size` bytes."""
    counted: set[Path] = set()
    total = 0
    for number, summary in enumerate(exchanges):
        file = folder / summary["file"]
        files = {
            file,
            file.parent / INDEX_NAME,
            *(folder / BLOBS / blob for blob in summary["blobs"]),
        } - counted
        counted |= files
        for path in files:
            with suppress(OSError):
                total += path.stat().st_size
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
