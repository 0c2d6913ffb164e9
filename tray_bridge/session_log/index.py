"""The log's index: an SQLite database beside the day folders, made from their files, and again if it is lost.

Owns the database's schema, and bringing it in line with the files, which are authoritative. A row may lag behind its
file; `Index.refresh` compares the folders' times with those that were read, and reads what differs. Knows no queries
but its own. Safe from any thread; several programs may use one database.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from .document import NoExchangeError, read_document
from .index_tables import Indexed, check, connect, discard, drop, put, read_row
from .process import CLOCK_GRAIN, is_alive
from .summary import searched_text, summarise
from .usage import KEPT_SECONDS, ONE_DAY, UsageBook, inode, is_broken

logger = logging.getLogger(__name__)

INDEX_NAME = "index.db"
DAY = re.compile(r"\d{4}-\d\d-\d\d")
RECOUNT_SECONDS = 3600.0  # between two times of reading all again for the book of usage
ROOM_SECONDS = 60.0  # between two attempts to leave the memory for the disk
CHECK_SECONDS = 10.0  # between two looks for rows that somebody has deleted
BATCH = 500  # files read between two commits while the index is made: a writer waits for no more
SPARING = 20  # a folder of thousands that changes all the time is listed at most in 1/20 of the time
QUICK = 10_000_000  # nanoseconds: a folder that is listed in less is listed whenever it has changed
_OLD_NAME = "index.jsonl"  # what version 0.1 kept in each day's folder


class Progress(NamedTuple):
    """How many of the files that the index lacks have been read."""

    done: int
    total: int


class Index:
    """The index of the log in `folder`. Where the database cannot be written it is kept in memory instead."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / INDEX_NAME
        self.usage = UsageBook(folder)
        self.progress: Progress | None = None
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._opens = 0
        self._broken = 0  # the number of the file that is to be made again
        self._on_disk = False
        self._checked_at = 0.0
        self._room_due = self._recount_due = 0.0
        self._listings: dict[str, tuple[int, float]] = {}

    @contextmanager
    def use(self, *, to_write: bool = False) -> Iterator[sqlite3.Connection]:
        """Give the database, opened or made if need be, in a transaction of its own.

        With `to_write`, no one else writes between what is read in it and what is written.
        """
        with self._lock:
            connection = self._open()
            try:
                with connection:
                    if to_write:
                        connection.execute("BEGIN IMMEDIATE")
                    yield connection
            except sqlite3.DatabaseError as error:
                self._broken = self._inode if is_broken(error) else 0
                self.close()
                raise

    def close(self) -> None:
        """Close the database; the next use opens it again."""
        with self._lock:
            self.usage.close()
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            if self._inode == inode(self.path) and (self.usage.is_open if self._on_disk else not self._has_room()):
                return self._connection
            self.close()  # somebody deleted it, or the book of usage
        with _turn(self.folder):  # a database that is being made is not to be found half made
            return self._make()

    def _has_room(self) -> bool:
        """Whether an index in memory may be made on the disk now, after a disk that was full."""
        if time.monotonic() < self._room_due:
            return False
        self._room_due = time.monotonic() + ROOM_SECONDS
        try:
            self.usage.number()
            self._touch()
        except (OSError, sqlite3.Error):
            return False
        return True

    def _touch(self) -> None:
        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))

    def _make(self) -> sqlite3.Connection:
        try:
            # With another book of usage all is read again, so that it counts what there is.
            book = self.usage.number()
            if self._broken and self._broken == inode(self.path):  # else another program has made it again
                self._discard()
            self._broken = 0
            try:
                self._connection = self._connect(book)
            except sqlite3.DatabaseError as error:
                if not is_broken(error):
                    raise
                self._discard()
                self._connection = self._connect(book)
            self._on_disk = True
        except (OSError, sqlite3.Error) as error:
            logger.info("The log's index is kept in memory: %s", error)
            self._connection, self._on_disk = connect(":memory:"), False
            self._room_due = time.monotonic() + ROOM_SECONDS
        self._inode = inode(self.path)
        self._opens += 1
        self._checked_at = 0.0
        return self._connection

    def _connect(self, book: int) -> sqlite3.Connection:
        self._touch()
        return connect(self.path, book)

    def _discard(self) -> None:
        """Delete a database that is broken or of another version."""
        discard(self.path)
        self._listings = {}

    def add(self, entries: Iterable[Indexed]) -> None:
        """Take exchanges in, or in again. The book of usage comes first: what the index has is never counted later."""
        entries = list(entries)
        if self._is_on_disk():
            self.usage.take(entry.summary for entry in entries)
        with self.use(to_write=True) as connection:
            for entry in entries:
                put(connection, entry)

    def tidy(self) -> None:
        """Give back the room of what was removed, and leave nothing of its words on the disk."""
        with self.use() as connection:
            if sqlite3.sqlite_version_info < (3, 42):  # without FTS5's own secure deletion
                connection.execute("INSERT INTO texts (texts) VALUES ('optimize')")
        with self._lock:
            self._open().execute("PRAGMA incremental_vacuum").fetchall()
            self._open().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def refresh(self, *, background: bool = False) -> None:
        """Bring the index in line with the files.

        With `background`, more than a few files are read on a thread of their own: `progress` tells how far it is.
        """
        with self._lock:
            if self.progress is not None:
                return
            missing: list[str] = []
            listed: dict[str, int] = {}
            days = sorted(name for name in _names(self.folder) if DAY.fullmatch(name))
            with self.use() as connection:
                if time.monotonic() - self._checked_at >= CHECK_SECONDS:
                    check(connection)
                    self._check_book(connection)
                    self._checked_at = time.monotonic()
                known = dict(connection.execute("SELECT day, listed FROM days"))
                for day in known.keys() - set(days):
                    for (file,) in connection.execute("SELECT file FROM exchanges WHERE day = ?", (day,)).fetchall():
                        drop(connection, file)
                    connection.execute("DELETE FROM days WHERE day = ?", (day,))
                for day in days:
                    changed = _changed(self.folder / day)
                    if changed and changed != known.get(day) and self._is_due(day, changed):
                        missing += self._compare(connection, day, changed)
                        if changed < (time.time() - CLOCK_GRAIN) * 1e9:
                            listed[day] = changed
                again = self._running(connection)
            self._read_again(again)
            if background and len(missing) > BATCH:
                self.progress = Progress(0, len(missing))
                work = threading.Thread(target=self._read_behind, args=(missing, listed), name="log-index", daemon=True)
                work.start()
            else:
                self._read(missing, listed)
                with self.use() as connection:
                    self._running(connection)  # what was just read may be of a program that is gone

    def _check_book(self, connection: sqlite3.Connection) -> None:
        """Raise sqlite3.DatabaseError if the book of usage lacks exchanges of this index, so that all is read again."""
        if not self._on_disk or time.monotonic() < self._recount_due:
            return
        since = time.time() - KEPT_SECONDS + ONE_DAY
        query = (
            "SELECT count(*), min(at) FROM exchanges WHERE at >= ? AND outcome IS NOT NULL AND outcome != 'unfinished'"
        )
        ended, first = connection.execute(query, (since,)).fetchone()
        if ended > self.usage.count(first or 0.0):
            self._recount_due = time.monotonic() + RECOUNT_SECONDS
            raise sqlite3.DatabaseError("the book of usage lacks exchanges")

    def _is_due(self, day: str, changed: int) -> bool:
        """Whether a folder is listed now: one that takes long to list, and changes with every answer, seldom."""
        cost, before = self._listings.get(day, (0, 0.0))
        return cost < QUICK or time.monotonic() - before >= cost * SPARING / 1e9

    def _compare(self, connection: sqlite3.Connection, day: str, changed: int) -> list[str]:
        """Take out what the folder has lost; give what the index lacks."""
        began = time.perf_counter_ns()
        # First what is known: a file that is written and taken in meanwhile must not count as lost.
        known = {file for (file,) in connection.execute("SELECT file FROM exchanges WHERE day = ?", (day,))}
        files = {f"{day}/{name}" for name in _names(self.folder / day) if name.endswith(".json") and name[0] != "."}
        for file in known - files:
            drop(connection, file)
        connection.execute("INSERT OR REPLACE INTO days (day, listed) VALUES (?, 0)", (day,))
        self._listings[day] = time.perf_counter_ns() - began, time.monotonic()
        return sorted(files - known)

    def _running(self, connection: sqlite3.Connection) -> list[str]:
        """Give the exchanges without an end whose files are newer; those whose program is gone are unfinished.

        After a clock was put forward, a program that runs may be taken for another one: those are looked at again, too.
        """
        again = []
        query = "SELECT file, changed, process, outcome FROM exchanges WHERE outcome IS NULL OR outcome = 'unfinished'"
        for file, changed, process, outcome in connection.execute(query).fetchall():
            if _changed(self.folder / file) != changed:
                again.append(file)
            elif outcome is None and not is_alive(read_row(process)):
                connection.execute("UPDATE exchanges SET outcome = 'unfinished' WHERE file = ?", (file,))
        return again

    def _read_behind(self, missing: list[str], listed: Mapping[str, int]) -> None:
        behind = Index(self.folder)
        try:
            if not self._is_on_disk():
                behind = self
            behind._read(missing, listed, self._tell)
        except (OSError, sqlite3.Error) as error:
            logger.warning("The log's index could not be made: %s", error)
        finally:
            self.progress = None
            if behind is not self:
                behind.close()

    def _is_on_disk(self) -> bool:
        with self.use():
            return self._on_disk

    def _tell(self, done: int, total: int) -> None:
        self.progress = Progress(done, total)

    def _read(
        self,
        missing: list[str],
        listed: Mapping[str, int],
        tell: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        """Read files into the index, oldest first, so that a conversation's beginning stands before what follows.

        Several who make the same index take turns: each reads what the others have not read.
        """
        with self.use():
            opens = self._opens
        for start in range(0, len(missing), BATCH):
            with _turn(self.folder, "read"):
                self._read_again(self._lacking(missing[start : start + BATCH]))
            tell(min(start + BATCH, len(missing)), len(missing))
        if listed:
            with self.use() as connection:
                if self._opens != opens:
                    return  # the database is another one: what was read may not be in it
                rows = "SELECT count(*) FROM exchanges WHERE day = :day"
                days = [{"day": day, "listed": count} for day, count in listed.items()]
                connection.executemany(f"INSERT OR REPLACE INTO days VALUES (:day, :listed, ({rows}))", days)
            for day in listed:
                with suppress(OSError):
                    (self.folder / day / _OLD_NAME).unlink(missing_ok=True)

    def _read_again(self, files: list[str]) -> None:
        entries = [read_entry(self.folder, file) for file in files]
        if entries:
            self.add(entry for entry in entries if entry is not None)

    def _lacking(self, files: list[str]) -> list[str]:
        with self.use() as connection:
            found = "SELECT 1 FROM exchanges WHERE file = ?"
            return [file for file in files if not connection.execute(found, (file,)).fetchone()]


_PASSED_OVER: set[Path] = set()
"""Files that are named in the program's own log: once, although they are looked at again and again."""
_TURNS: dict[tuple[Path, str], threading.RLock] = {}


def _turn(folder: Path, what: str = "open") -> threading.RLock:
    """Give the lock of what only one thread does at a time in a folder."""
    return _TURNS.setdefault((folder, what), threading.RLock())


def read_entry(folder: Path, file: str) -> Indexed | None:
    """Give what the index takes of a file, or None if it is another program's or was just deleted."""
    path = folder / file
    try:
        stat = path.stat()
        return indexed(read_document(path), file, stat.st_size, stat.st_mtime_ns)
    except OSError:
        return None
    except NoExchangeError as error:
        if path not in _PASSED_OVER:
            _PASSED_OVER.add(path)
            logger.warning("The log passes over %s: %s", path, error)
        return None


def indexed(document: Mapping[str, Any], file: str, size: int, changed: int = 0) -> Indexed:
    """Give what the index takes of a document."""
    conversation = document.get("conversation") or {}
    return Indexed(summarise(document, file), searched_text(document), size, changed, document["process"], conversation)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  # names are all that is needed, of thousands
    except OSError:
        return []
