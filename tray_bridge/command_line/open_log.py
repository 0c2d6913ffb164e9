"""Open the session log for a command, once its index is whole."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from ..session_log import LogReader

LOOK_SECONDS = 0.1


def open_log(folder: Path) -> LogReader:
    """Give the reader of the log in `folder`. While an index is made, a terminal is told how far it is."""
    reader = LogReader(folder, background=True)
    reader.search(limit=0)
    told = ""
    while progress := reader.progress:
        if sys.stderr is not None and sys.stderr.isatty():
            told = f"The log's index is being made: {progress.done:,} of {progress.total:,}"
            sys.stderr.write(f"\r{told}")
            sys.stderr.flush()
        time.sleep(LOOK_SECONDS)
    if told:
        sys.stderr.write(f"\r{' ' * len(told)}\r")
    return reader
