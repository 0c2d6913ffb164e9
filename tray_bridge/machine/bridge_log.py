"""The program's own log: `bridge.log`, beside the session log. A leaf.

It never holds prompts, answers or keys. Of an exception only its type and place are kept, and its message only if that
cannot quote a request. Safe from any thread.
"""

from __future__ import annotations

import copy
import logging
import os
import traceback
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

from .private_files import make_private_folder

FILE_NAME = "bridge.log"
LARGEST_FILE = 1_000_000  # bytes; the two files before it are kept
KEPT_LINES = 200
# Their messages come from the system or the interpreter, never from a request.
_SAFE_MESSAGES = (OSError, ImportError, AttributeError, NameError, TypeError)

_package = logging.getLogger("tray_bridge")
_lines: deque[str] = deque(maxlen=KEPT_LINES)
_handlers: list[logging.Handler] = []
_path: Path | None = None


def open_log(folder: Path, level: str) -> None:
    """Write to `folder`/bridge.log what Tray Bridge logs from `level` up, and the warnings of its libraries.

    Called again, it replaces what the call before set up. A file that cannot be opened is reported in a warning.
    """
    global _path
    close_log()
    _package.setLevel(level_number(level))
    formatter = _Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    _handlers.append(_Ring())
    try:
        make_private_folder(folder)
        _handlers.append(_PrivateFile(folder / FILE_NAME))
        _path = folder / FILE_NAME
    except OSError as error:
        logging.getLogger(__name__).warning("%s cannot be written: %s", folder / FILE_NAME, error.strerror or error)
    for handler in _handlers:
        handler.setLevel(level_number(level))
        handler.setFormatter(formatter)
        handler.addFilter(_is_kept)
        logging.getLogger().addHandler(handler)


def set_level(level: str) -> None:
    """Keep what is logged from this level up."""
    if _handlers:
        _package.setLevel(level_number(level))
    for handler in _handlers:
        handler.setLevel(level_number(level))


def follow(folder: Path, level: str) -> None:
    """Go on in `folder`, where the session log is now, from this level up. Does nothing where no log is open."""
    if _handlers and folder / FILE_NAME != _path:
        open_log(folder, level)
    set_level(level)


def close_log() -> None:
    """Close the file, and keep no more lines."""
    global _path
    for handler in _handlers:
        logging.getLogger().removeHandler(handler)
        handler.close()
    _handlers.clear()
    _path = None


def last_lines(count: int = KEPT_LINES) -> list[str]:
    """Return the newest lines of this run, oldest first."""
    return list(_lines)[-count:]


def log_file() -> Path | None:
    """Return the file that is written, if there is one."""
    return _path


def level_number(level: str) -> int:
    """Turn `info` into `logging.INFO`."""
    return int(getattr(logging, level.upper()))


def _is_kept(record: logging.LogRecord) -> bool:
    """Only our own INFO: libraries log addresses that a request named."""
    return record.levelno >= logging.WARNING or record.name.startswith("tray_bridge")


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        record = copy.copy(record)
        record.exc_text = None  # another handler may have stored the whole text here
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name of the base class
        lines = record.message.splitlines() or [""]
        # asyncio adds the task, with its exception's message; ours may name a path with a line break
        record.message = " ".join(lines) if record.name.startswith("tray_bridge") else lines[0]
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 - the name of the base class
        error = ei[1] if isinstance(ei, tuple) else None
        lines: list[str] = []
        while isinstance(error, BaseException):
            message = f": {error}" if isinstance(error, _SAFE_MESSAGES) else ""
            lines += [*traceback.format_list(traceback.extract_tb(error.__traceback__)), f"{_name(error)}{message}\n"]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
            if error is not None:
                lines.append("caused by\n")
        return "".join(lines).rstrip()


def _name(error: BaseException) -> str:
    return type(error).__name__


class _Ring(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _lines.extend(self.format(record).splitlines())


class _PrivateFile(RotatingFileHandler):
    """Write to a file of mode 0600. A full disk stops no request, and prints nothing on stderr."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=LARGEST_FILE, backupCount=2, encoding="utf-8", errors="replace")

    def _open(self) -> IO[str]:  # type: ignore[override]
        def private(name: str, flags: int) -> int:
            return os.open(name, flags, 0o600)

        return open(self.baseFilename, self.mode, encoding="utf-8", errors="replace", opener=private)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of the base class
        pass
