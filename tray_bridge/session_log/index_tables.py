"""The tables of the log's index: their shape, the connection to them, and the rows of one exchange.

Owns all SQL that writes the index. Knows no files but the database's own.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from .summary import Summary

_VERSION = 4  # of the tables and of what their rows may hold; another one is made again
_SIDES = ("", "-wal", "-shm", "-journal")
_TABLES = """
CREATE TABLE exchanges (
    -- Microseconds of `at`, made unique: exchanges are in the order of their numbers.
    number INTEGER PRIMARY KEY, file TEXT NOT NULL UNIQUE, id TEXT NOT NULL, day TEXT NOT NULL, at REAL NOT NULL,
    client TEXT, key_name TEXT, model TEXT, dialect TEXT, outcome TEXT, who TEXT, models TEXT,
    size INTEGER NOT NULL, changed INTEGER NOT NULL, process TEXT, tip TEXT, parent TEXT, thread TEXT,
    blobs INTEGER NOT NULL
);
CREATE INDEX by_id ON exchanges (id);
CREATE INDEX by_day ON exchanges (day, file);
CREATE INDEX by_client ON exchanges (client, at);
CREATE INDEX by_model ON exchanges (model);
CREATE INDEX filtered ON exchanges (outcome, models, who, dialect, key_name);  -- counting reads this alone
CREATE INDEX by_tip ON exchanges (tip) WHERE tip IS NOT NULL;
CREATE INDEX by_thread ON exchanges (thread) WHERE thread IS NOT NULL;
CREATE INDEX without_end ON exchanges (file) WHERE outcome IS NULL;
CREATE TABLE summaries (number INTEGER PRIMARY KEY, summary TEXT NOT NULL);
CREATE TABLE blobs (name TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (name, number)) WITHOUT ROWID;
CREATE INDEX by_number ON blobs (number);
CREATE INDEX with_blobs ON exchanges (blobs) WHERE blobs > 0;
-- When a folder was last listed, 0 if it is to be listed again, and how many rows it had then.
CREATE TABLE days (day TEXT PRIMARY KEY, listed INTEGER NOT NULL, rows INTEGER NOT NULL DEFAULT 0);
CREATE VIRTUAL TABLE texts USING fts5 (words, tokenize = 'unicode61 remove_diacritics 0');
"""

_STATEMENTS = [statement for statement in re.sub("--.*", "", _TABLES).split(";") if statement.strip()]


class Indexed(NamedTuple):
    """An ended or running exchange as the index takes it in."""

    summary: Summary
    text: str
    size: int
    changed: int = 0
    process: Mapping[str, Any] | None = None
    conversation: Mapping[str, Any] = MappingProxyType({})


def connect(path: Path | str, book: int = 0) -> sqlite3.Connection:
    """Open the database, with its tables; raises sqlite3.Error, also if it is of another version.

    `book` is the number of the book of usage that has counted what it holds: a database of another one is refused too.
    """
    connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # whole after a crash; the last rows are read again
        connection.execute("PRAGMA cache_size = -8000")
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (counted_in,) = connection.execute("PRAGMA application_id").fetchone()
            if version == counted_in == 0:
                for statement in _STATEMENTS:
                    connection.execute(statement)
                if sqlite3.sqlite_version_info >= (3, 42):
                    connection.execute("INSERT INTO texts (texts, rank) VALUES ('secure-delete', 1)")
                connection.execute(f"PRAGMA user_version = {_VERSION}")
                connection.execute(f"PRAGMA application_id = {book}")
            elif (version, counted_in) != (_VERSION, book):
                raise sqlite3.DatabaseError("it is of another version, or of another book of usage")
    except BaseException:
        connection.close()
        raise
    return connection


def check(connection: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError if rows are missing that were written: somebody has deleted them."""
    counts = connection.execute(
        "SELECT (SELECT count(*) FROM exchanges) = (SELECT count(*) FROM texts_docsize) "
        "AND (SELECT coalesce(sum(blobs), 0) FROM exchanges WHERE blobs > 0) = (SELECT count(*) FROM blobs) "
        "AND NOT EXISTS (SELECT 1 FROM days WHERE listed > 0 "
        "AND rows > (SELECT count(*) FROM exchanges WHERE exchanges.day = days.day))"
    ).fetchall()
    if counts != [(1,)]:
        raise sqlite3.DatabaseError("rows are missing")


def read_row(text: Any) -> dict[str, Any]:
    """Read a JSON object out of a row. Raises sqlite3.DatabaseError for anything else: it was not written here."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        value = None
    if not isinstance(value, dict):
        raise sqlite3.DatabaseError("a row holds what was not written here")
    return value


def discard(path: Path) -> None:
    """Delete a database, and what SQLite keeps beside it."""
    for side in _SIDES:
        with suppress(OSError):
            path.with_name(path.name + side).unlink()


def put(connection: sqlite3.Connection, entry: Indexed) -> None:
    """Write the rows of an exchange, in place of those that there are.

    Raises sqlite3.DatabaseError where parts of such rows stand already: somebody has deleted the others.
    """
    summary, conversation = entry.summary, entry.conversation
    row = connection.execute("SELECT number FROM exchanges WHERE file = ?", (summary["file"],)).fetchone()
    if row:
        drop(connection, summary["file"])
    number = row[0] if row else _free_number(connection, summary["at"])
    blobs = set(summary["blobs"])
    values = (
        number,
        summary["file"],
        summary["id"],
        summary["file"].partition("/")[0],
        summary["at"],
        summary["client"],
        summary["key_name"],
        summary["model"],
        summary["dialect"],
        summary["outcome"],
        _folded(summary["client"], summary["key_name"]),
        _folded(summary["model"], summary["answered_by"]),
        entry.size,
        entry.changed,
        None if summary["outcome"] else json.dumps(entry.process),
        conversation.get("tip"),
        conversation.get("parent"),
        conversation.get("thread"),
        len(blobs),
    )
    safe = [_storable(value) if isinstance(value, str) else value for value in values]
    connection.execute(f"INSERT INTO exchanges VALUES (?{', ?' * (len(safe) - 1)})", safe)
    try:
        connection.execute("INSERT INTO summaries VALUES (?, ?)", (number, json.dumps(summary)))
        connection.execute("INSERT INTO texts (rowid, words) VALUES (?, ?)", (number, _storable(entry.text)))
        connection.executemany("INSERT INTO blobs VALUES (?, ?)", [(blob, number) for blob in blobs])
    except sqlite3.IntegrityError:
        raise sqlite3.DatabaseError("rows are missing") from None


def _free_number(connection: sqlite3.Connection, at: float) -> int:
    number = round(at * 1e6)
    while connection.execute("SELECT 1 FROM exchanges WHERE number = ?", (number,)).fetchone():
        number += 1
    return number


def _storable(text: str) -> str:
    """Give `text` without lone surrogates, which SQLite does not take."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def drop(connection: sqlite3.Connection, file: str) -> None:
    """Take out the rows of the exchange in `file`."""
    row = connection.execute("SELECT number FROM exchanges WHERE file = ?", (file,)).fetchone()
    if row:
        for table in ("summaries", "blobs", "exchanges"):
            connection.execute(f"DELETE FROM {table} WHERE number = ?", row)
        connection.execute("DELETE FROM texts WHERE rowid = ?", row)


def drop_all(connection: sqlite3.Connection, files: Iterable[str]) -> None:
    """Take out the rows of several exchanges."""
    for file in files:
        drop(connection, file)
        connection.execute("UPDATE days SET listed = 0 WHERE day = ?", (file.partition("/")[0],))


def _folded(*names: str | None) -> str:
    return "\n".join(name.casefold() for name in names if name)
