"""Write exchanges to files: at their start, about once a second while they run, and at their end.

Owns the log's one thread, which does all reading and writing, so that no request waits for a disk. Must not know HTTP.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import re
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..machine.private_files import make_private_folder, put_file, replace_file
from ..snapshots import Problem
from .exchange import Exchange, LogMode
from .index import Index, indexed
from .index_tables import Indexed
from .prices import Price
from .reader import BLOBS
from .record import Record, StoreBlob
from .retention import discard_old
from .summary import summarise

logger = logging.getLogger(__name__)

# What began is written a moment later: until then the server's thread is busy handing the request to Claude, and
# it must not wait for this one to put a long request into JSON.
LINGER_SECONDS = 0.05
PROGRESS_SECONDS = 2.0
RETRY_SECONDS = 3.0
RETENTION_SECONDS = 6 * 3600.0
FIRST_RETENTION = 5.0  # seconds after the start, which is for the first answer
# Until the index gets what ended: one transaction for several is cheaper, and an earlier reader reads the files.
INDEX_SECONDS = 5.0
INDEX_BATCH = 128
MOST_UNWRITTEN = 256
MOST_WHILE_FAILING = 32  # requests may be large, and a full disk may stay full for long
_EXTENSIONS = {"image/jpeg": "jpg", "image/svg+xml": "svg", "text/plain": "txt", "": "bin"}


class SessionLog:
    """Write the log into `folder`. All methods are safe from any thread, and none waits for a disk.

    `on_problem` is called on the log's own thread when a problem comes or goes; `prices` is asked there what models
    cost now, so that usage has a cost whether or not somebody looks at it.
    """

    def __init__(
        self,
        folder: Path,
        mode: LogMode = "full",
        days: int = 7,
        megabytes: int = 200,
        on_problem: Callable[[], None] = lambda: None,
        prices: Callable[[], Mapping[str, Price]] = dict,
    ) -> None:
        self.folder = folder
        self.mode: LogMode = mode
        self._days = days
        self._megabytes = megabytes
        self._on_problem = on_problem
        self._prices = prices
        self._lock = threading.Lock()
        # Every exchange whose end is not on disk yet, in the order of their beginnings.
        self._open: dict[int, _Entry] = {}
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: str | None = None
        self._failed_at = 0.0
        self._dropped = 0
        self._retention_due = time.monotonic() + FIRST_RETENTION
        self._index = Index(folder)
        self._unindexed: list[Indexed] = []
        self._index_due = 0.0
        self._process = {"pid": os.getpid(), "alive_at": time.time()}

    def open(self) -> None:
        """Start writing."""
        with self._lock:
            if self._thread is None:
                self._closing.clear()
                self._thread = threading.Thread(target=self._run, name="session-log", daemon=True)
                self._thread.start()

    def close(self, timeout: float = 2.0) -> None:
        """Write what is pending and stop; wait for it up to `timeout` seconds."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._closing.set()
            self._wake.set()
            thread.join(timeout)

    def set_mode(self, mode: LogMode) -> None:
        """Keep more or less of the exchanges that begin from now on."""
        self.mode = mode

    def set_limits(self, days: int, megabytes: int) -> None:
        """Keep the log for other `days` and in other `megabytes`."""
        self._days, self._megabytes = days, megabytes
        self._retention_due = 0.0
        self._wake.set()

    @property
    def problem(self) -> Problem | None:
        """Give the reason why exchanges are missing in the log, until it can be written again."""
        if self._failure is None and not self._dropped:
            return None
        message = f"{self._failure or 'The disk does not keep up.'} Folder: {self.folder}."
        if self._dropped:
            message += f" Exchanges not logged: {self._dropped}."
        return Problem(
            "The session log cannot be written",
            message,
            "Requests are still answered. Free disk space, make the folder writable, or choose another log_folder.",
            self._failed_at,
        )

    def begin(
        self,
        *,
        exchange_id: str,
        endpoint: str,
        client: str,
        key_name: str | None,
        streamed: bool,
        request: Mapping[str, Any],
        dialect: str = "openai_chat",
    ) -> Exchange:
        """Begin an exchange; `request` is its body, without headers, and must not be changed afterwards."""
        exchange = Exchange(
            exchange_id,
            mode=self.mode,
            endpoint=endpoint,
            client=client,
            key_name=key_name,
            streamed=streamed,
            request=request,
            dialect=dialect,
            on_end=self._wake.set,
        )
        if exchange.mode == "off":
            return exchange
        with self._lock:
            if len(self._open) >= (MOST_UNWRITTEN if self._failure is None else MOST_WHILE_FAILING):
                self._dropped += 1
                self._failed_at = time.time()
                exchange.mode = "off"
                return exchange
            self._open[id(exchange)] = _Entry(exchange, self._store_blob)
        self._wake.set()
        return exchange

    def under_way(self, exchange_id: str) -> Exchange | None:
        """Give an exchange whose end is not on disk yet. From any thread."""
        with self._lock:
            entries = list(self._open.values())
        return next((entry.exchange for entry in entries if entry.exchange.id == exchange_id), None)

    def _run(self) -> None:
        while True:
            closing = self._closing.is_set()
            self._wake.clear()
            self._attempt(self._write_entries if self._open else self._prove_writable)
            if closing:
                self._write_index()
                self._index.close()
                return
            if self._failure is not None:
                self._closing.wait(RETRY_SECONDS)
                continue
            if time.monotonic() >= self._retention_due:
                self._retention_due = time.monotonic() + RETENTION_SECONDS
                self._attempt(self._discard_old)
            if len(self._unindexed) >= INDEX_BATCH or (self._unindexed and time.monotonic() >= self._index_due):
                self._write_index()
            due = [self._retention_due, *([self._index_due] if self._unindexed else [])]
            wait = max(0.0, min(due) - time.monotonic())
            if self._wake.wait(min(wait, PROGRESS_SECONDS) if self._open else wait):
                self._closing.wait(LINGER_SECONDS)

    def _attempt(self, step: Callable[[], None]) -> None:
        """Do work that may fail with the disk, and remember the result."""
        before, dropped = self._failure, self._dropped
        try:
            step()
        except OSError as error:
            if self._failure is None:
                self._failed_at = time.time()
                logger.warning("The session log cannot be written: %s", error.strerror or error)
            self._failure = f"{error.strerror or error}."
        else:
            if dropped:
                logger.warning("The session log is written again; %d exchanges are missing", dropped)
            with self._lock:
                self._failure, self._dropped = None, self._dropped - dropped  # what was dropped meanwhile stays told
        if self._failure != before:
            self._on_problem()

    def _prove_writable(self) -> None:
        make_private_folder(self.folder)
        with tempfile.TemporaryFile(dir=self.folder) as file:
            file.write(bytes(4096))

    def _write_entries(self) -> None:
        """Write what began or ended; then, unless more of that has come, what is under way."""
        with self._lock:
            entries = list(self._open.items())
        for key, entry in entries:
            ended = entry.exchange.ended
            if ended or not entry.written:
                self._write(entry, ended)
            if ended:
                with self._lock:
                    del self._open[key]
        for _, entry in entries:
            if self._wake.is_set():
                return
            if not entry.exchange.ended and entry.record.has_news and time.monotonic() >= entry.next_progress:
                self._write(entry, ended=False)

    def _write_index(self) -> None:
        """Tell the index what has ended. What it misses it reads from the files later."""
        found, self._unindexed = self._unindexed, []
        if found:
            try:
                self._index.add(found)
                self._index.usage.learn_prices(self._prices(), time.time())
            except sqlite3.Error as error:
                logger.info("The log's index was not written: %s", error)

    def _write(self, entry: _Entry, ended: bool) -> None:
        exchange, began = entry.exchange, time.monotonic()
        try:
            document = entry.record.document(self._process)
            file = entry.file = entry.file or file_of(exchange)
            if entry.is_on_disk and not (self.folder / file).exists():
                entry.is_deleted = True  # by a person, and so it stays; it counts as used all the same
            if entry.is_deleted:
                if ended:
                    self._index.usage.take([summarise(document, file)])
                return
            content = entry.record.render(document)
            put_file(self.folder / file, content)
            entry.is_on_disk = True
            if ended:
                if not self._unindexed:
                    self._index_due = time.monotonic() + INDEX_SECONDS
                self._unindexed.append(indexed(document, file, len(content)))
        except OSError:
            raise
        except Exception:
            # One exchange that cannot be put into words must not end the log of all others.
            logger.exception("Exchange %s could not be logged", exchange.id)
        entry.written = True
        # A slow disk gets fewer rewrites.
        entry.next_progress = time.monotonic() + max(PROGRESS_SECONDS, 10 * (time.monotonic() - began))

    def _discard_old(self) -> None:
        try:
            discard_old(self.folder, self._days, self._megabytes)
        except OSError:
            raise
        except Exception:
            # What somebody else put into the folder must not end the log.
            logger.exception("Old exchanges could not be deleted")

    def _store_blob(self, data: str, media_type: str) -> str:
        content = base64.b64decode("".join(data.split()), validate=True)
        extension = _EXTENSIONS.get(media_type) or re.sub(r"\W.*", "", media_type.rpartition("/")[2]) or "bin"
        name = f"{hashlib.sha256(content).hexdigest()}.{extension}"
        path = self.folder / BLOBS / name
        if not path.exists():
            replace_file(path, content)
        return name


class _Entry:
    """An exchange that is not completely on disk yet."""

    def __init__(self, exchange: Exchange, store_blob: StoreBlob) -> None:
        self.exchange = exchange
        self.file = ""
        self.record = Record(exchange, store_blob)
        self.written = False  # at least once, or it cannot be written
        self.is_on_disk = self.is_deleted = False
        self.next_progress = 0.0


def file_of(exchange: Exchange) -> str:
    """Give `<day>/<time>-<id>.json`, with only characters that Windows allows."""
    received = exchange.received
    name = re.sub(r"[^A-Za-z0-9_-]", "_", exchange.id)[:100]
    return f"{received:%Y-%m-%d}/{received:%H%M%S}.{received.microsecond // 1000:03}-{name}.json"
