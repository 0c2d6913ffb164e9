"""One Tray Bridge for each user: a lock, and a socket on which a second launch asks the first one to show its page.

The lock is the system's own and ends with its process, so a crash never blocks the next run. The socket listens on
loopback; a file beside the lock, which only the user can read, holds its port and a secret.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from ..machine.paths import lock_file
from ..machine.private_files import make_private_folder, replace_file

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 2.0
SHOWN = b"shown\n"


class SingleInstance:
    """Hold the lock, and listen. `on_show` is called on the socket's thread when a second launch asks."""

    def __init__(self, lock: FileLock, note: Path, on_show: Callable[[], None]) -> None:
        self._lock = lock
        self._note = note
        self._on_show = on_show
        self._secret = secrets.token_hex(16)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        try:
            replace_file(note, json.dumps({"pid": os.getpid(), "port": port, "secret": self._secret}).encode())
        except OSError as error:  # a full disk, for example: a second launch then opens the page itself
            logger.warning("a second launch cannot find this one: %s", error)
        threading.Thread(target=self._answer, name="single-instance", daemon=True).start()

    @classmethod
    def claim(cls, on_show: Callable[[], None]) -> SingleInstance | None:
        """Take the lock; return None if another process of this user has it. Raises OSError."""
        path = lock_file()
        make_private_folder(path.parent)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        return cls(lock, _note_beside(path), on_show)

    def release(self) -> None:
        """Give up the lock, so that another launch can take it."""
        self._note.unlink(missing_ok=True)
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # else the thread would go on waiting in accept
        self._listener.close()
        self._lock.release()

    def __enter__(self) -> SingleInstance:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _answer(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return  # released
            with caller, suppress(OSError):
                caller.settimeout(ANSWER_SECONDS)
                if caller.recv(64).decode("ascii", "replace").strip() == self._secret:
                    self._on_show()
                    caller.sendall(SHOWN)


def ask_first_to_show() -> bool:
    """Ask the Tray Bridge that has the lock to open its page; return whether it did."""
    try:
        note = json.loads(_note_beside(lock_file()).read_text())
        with socket.create_connection(("127.0.0.1", int(note["port"])), timeout=ANSWER_SECONDS) as connection:
            connection.sendall(str(note["secret"]).encode() + b"\n")
            return connection.recv(64) == SHOWN
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.info("the first Tray Bridge does not answer: %s", error)
        return False


def _note_beside(lock: Path) -> Path:
    return lock.with_suffix(".json")
