"""The lines between the bridge and each CLI process, written to files for debugging. Off by default.

`TRAY_BRIDGE_TRACE=FOLDER` switches it on. The files hold prompts and answers in full, so they are private, and a
warning is logged as long as it is on.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from ..machine.paths import trace_folder
from ..machine.private_files import make_private_folder
from .sdk import SubprocessCLITransport

logger = logging.getLogger(__name__)
_numbers = itertools.count(1)


def transport_class() -> type[SubprocessCLITransport]:
    """Return the SDK's transport, or one that also writes each line to a file."""
    folder = trace_folder()
    if folder is None:
        return SubprocessCLITransport
    logger.warning("TRAY_BRIDGE_TRACE is set: prompts and answers are written to %s", folder)
    return TracedTransport


class TracedTransport(SubprocessCLITransport):
    """Write each line to a file of its own process: the time, the direction, and the line as JSON."""

    _file: int | None = None
    _is_failing = False

    async def write(self, data: str) -> None:
        self.note("to", data)
        await super().write(data)

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        async for message in super().read_messages():
            self.note("from", json.dumps(message))
            yield message

    async def close(self) -> None:
        await super().close()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def note(self, direction: str, data: str) -> None:
        """Write what goes `to` the process or comes `from` it, line by line; a failure is logged once."""
        if self._is_failing:
            return
        try:
            if self._file is None:
                self._file = _new_file()
            for line in data.splitlines():
                os.write(self._file, f"{time.time():.3f} {direction} {line}\n".encode("utf-8", "replace"))
        except OSError as error:
            self._is_failing = True  # told once for a process, which may have thousands of lines
            logger.warning("The trace cannot be written to %s: %s", trace_folder(), error.strerror or error)


def _new_file() -> int:
    folder = trace_folder() or Path()
    make_private_folder(folder)
    path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{next(_numbers)}.txt"
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
