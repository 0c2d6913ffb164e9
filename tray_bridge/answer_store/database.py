"""The answers on disk: one private SQLite file. Blocks on the disk; call all methods from one thread.

Raises sqlite3.Error and OSError.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from ..machine.private_files import make_private_folder
from ..turns import JsonObject

logger = logging.getLogger(__name__)

_VERSION = 1
_MEGABYTE = 1_000_000
_AFTERWARDS = 0.9  # of the limit is what is cut down to, so that not every answer after it brings another round
_LONGEST_CHAIN = 10_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, parent TEXT, used REAL NOT NULL, size INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0, record BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_by_parent ON answers (parent);
"""
_CHAIN = """
WITH RECURSIVE chain (id, parent, depth) AS (
    SELECT id, parent, 0 FROM answers WHERE id = ?
    UNION ALL
    SELECT answers.id, answers.parent, depth + 1 FROM answers JOIN chain ON answers.id = chain.parent WHERE depth < ?
)
SELECT answers.id, owner, deleted, record FROM chain JOIN answers USING (id) ORDER BY depth
"""
_LEAVES = "FROM answers WHERE NOT EXISTS (SELECT 1 FROM answers AS child WHERE child.parent = answers.id)"


class Row(NamedTuple):
    """A row of the table of answers."""

    id: str
    owner: str
    deleted: bool
    record: JsonObject


class AnswerDatabase:
    """Read and write the file; it is opened at its first use. A file of another kind is renamed and replaced."""

    def __init__(self, file: Path, now: Callable[[], float] = time.time) -> None:
        self._file = file
        self._now = now
        self._connection: sqlite3.Connection | None = None

    def exists(self) -> bool:
        """Return whether anything was ever written."""
        return self._connection is not None or self._file.exists()

    def save(self, id_: str, owner: str, record: JsonObject, *, deleted: bool = False) -> None:
        """Write one answer; the answer that it continues counts as used now."""
        data = zlib.compress(json.dumps(record, separators=(",", ":")).encode("ascii"), 1)
        parent = record["parent"]
        with self._use() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO answers (id, owner, parent, used, size, deleted, record) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (id_, owner, parent, self._now(), len(data), deleted, data),
            )
            if parent:
                connection.execute("UPDATE answers SET used = ? WHERE id = ?", (self._now(), parent))

    def load_chain(self, id_: str) -> list[Row]:
        """Give the answer and those before it, newest first; empty where it is missing.

        The chain ends before a row that cannot be read.
        """
        if not self.exists():
            return []
        chain = []
        with self._use() as connection, closing(connection.execute(_CHAIN, (id_, _LONGEST_CHAIN))) as rows:
            for row, owner, is_deleted, data in rows:
                if (record := _read_record(data)) is None:
                    logger.warning("The stored answer %s cannot be read", row)
                    break
                chain.append(Row(row, owner, bool(is_deleted), record))
        return chain

    def delete(self, id_: str) -> None:
        """Make an answer unreachable; its row stays as long as another answer continues it."""
        with self._use() as connection:
            connection.execute("UPDATE answers SET deleted = 1 WHERE id = ?", (id_,))
            self._drop_deleted(connection)

    def discard_old(self, days: float, megabytes: float) -> None:
        """Delete what was not used for `days`, then the least recently used until `megabytes` are kept.

        An answer is deleted only after all answers that continue it.
        """
        with self._use() as connection:
            oldest = self._now() - days * 86_400
            while connection.execute(f"DELETE {_LEAVES} AND used < ?", (oldest,)).rowcount:
                pass
            total = self._size(connection)
            wanted = megabytes * _MEGABYTE * (_AFTERWARDS if total > megabytes * _MEGABYTE else 1)
            while total > wanted:
                leaves = connection.execute(f"SELECT id, size {_LEAVES} ORDER BY used LIMIT 100").fetchall()
                if not leaves:
                    break  # answers of a spoilt file that continue each other
                for leaf, size in leaves:
                    if total > wanted:
                        connection.execute("DELETE FROM answers WHERE id = ?", (leaf,))
                        total -= size
            self._drop_deleted(connection)
        with self._use() as connection:
            connection.execute("PRAGMA incremental_vacuum").fetchall()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @staticmethod
    def _drop_deleted(connection: sqlite3.Connection) -> None:
        while connection.execute(f"DELETE {_LEAVES} AND deleted").rowcount:
            pass

    @staticmethod
    def _size(connection: sqlite3.Connection) -> int:
        (total,) = connection.execute("SELECT COALESCE(SUM(size), 0) FROM answers").fetchone()
        return int(total)

    @contextmanager
    def _use(self) -> Iterator[sqlite3.Connection]:
        """Give the connection, in a transaction. A file that proves to be spoilt is put aside for the next use."""
        try:
            with self._open() as connection:
                yield connection
        except sqlite3.DatabaseError as error:
            if _is_spoilt(error):
                self.close()
                self._put_aside(error)
            raise

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = self._connect()
            except sqlite3.DatabaseError as error:
                if not _is_spoilt(error):
                    raise
                self._put_aside(error)
                self._connection = self._connect()
        return self._connection

    def _put_aside(self, error: sqlite3.DatabaseError) -> None:
        logger.warning("The stored answers in %s cannot be read and are put aside: %s", self._file, error)
        self._file.replace(self._file.with_suffix(".broken"))

    def _connect(self) -> sqlite3.Connection:
        make_private_folder(self._file.parent)
        # SQLite gives its journal files the same mode.
        os.close(os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self._file, timeout=5, check_same_thread=False)
        try:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last answers, never the file
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, _VERSION):
                raise sqlite3.DatabaseError(f"version {version} is not known here")
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        except BaseException:
            connection.close()
            raise
        return connection


def _is_spoilt(error: sqlite3.DatabaseError) -> bool:
    """Whether the file itself is wrong. Its subclasses stand for a full disk, a locked file, and the like."""
    return type(error) is sqlite3.DatabaseError


def _read_record(data: object) -> JsonObject | None:
    """Unpack a record; None for data that is none."""
    try:
        record = json.loads(zlib.decompress(data)) if isinstance(data, bytes) else None
    except (ValueError, zlib.error, RecursionError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("parent", 0), (str, type(None))) else None
