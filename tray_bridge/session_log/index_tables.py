"""The tables of the log's index: their shape, the connection to them, and the rows of one exchange.

Owns all SQL that writes the index. Knows no files but the database's own.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from .summary import Summary

_VERSION = 2  # of the tables and of what their rows may hold; another one is made again
_SIDES = ("", "-wal", "-shm", "-journal")
_TABLES = """
CREATE TABLE exchanges (
    -- Microseconds of `at`, made unique: exchanges are in the order of their numbers.
    number INTEGER PRIMARY KEY, file TEXT NOT NULL UNIQUE, id TEXT NOT NULL, day TEXT NOT NULL, at REAL NOT NULL,
    client TEXT, key_name TEXT, model TEXT, dialect TEXT, outcome TEXT, who TEXT, models TEXT,
    size INTEGER NOT NULL, changed INTEGER NOT NULL, process TEXT, tip TEXT, parent TEXT, thread TEXT
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
CREATE TABLE days (day TEXT PRIMARY KEY, listed INTEGER NOT NULL);
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


def connect(path: Path | str) -> sqlite3.Connection:
    """Open the database, with its tables; raises sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # whole after a crash; the last rows are read again
        connection.execute("PRAGMA cache_size = -8000")
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                for statement in _STATEMENTS:
                    connection.execute(statement)
                if sqlite3.sqlite_version_info >= (3, 42):
                    connection.execute("INSERT INTO texts (texts, rank) VALUES ('secure-delete', 1)")
                connection.execute(f"PRAGMA user_version = {_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def is_ours(path: Path) -> bool:
    """Whether it is a database of this version, or none at all."""
    try:
        if not path.stat().st_size:
            return True
        connection = sqlite3.connect(path, timeout=10)
        try:
            return bool(connection.execute("PRAGMA user_version").fetchone()[0] == _VERSION)
        finally:
            connection.close()
    except FileNotFoundError:
        return True
    except sqlite3.OperationalError:
        return True  # busy, or not to be read: `connect` says which
    except (OSError, sqlite3.DatabaseError):
        return False


def discard(path: Path) -> None:
    """Delete a database, and what SQLite keeps beside it."""
    for side in _SIDES:
        with suppress(OSError):
            path.with_name(path.name + side).unlink()


def put(connection: sqlite3.Connection, entry: Indexed) -> None:
    """Write the rows of an exchange, in place of those that there are."""
    summary, conversation = entry.summary, entry.conversation
    row = connection.execute("SELECT number FROM exchanges WHERE file = ?", (summary["file"],)).fetchone()
    if row:
        drop(connection, summary["file"])
    number = row[0] if row else _free_number(connection, summary["at"])
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
    )
    safe = [_storable(value) if isinstance(value, str) else value for value in values]
    connection.execute(f"INSERT INTO exchanges VALUES (?{', ?' * (len(safe) - 1)})", safe)
    connection.execute("INSERT INTO summaries VALUES (?, ?)", (number, json.dumps(summary)))
    connection.execute("INSERT INTO texts (rowid, words) VALUES (?, ?)", (number, _storable(entry.text)))
    connection.executemany("INSERT OR IGNORE INTO blobs VALUES (?, ?)", [(blob, number) for blob in summary["blobs"]])


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
        for table, column in (
            ("texts", "rowid"),
            ("summaries", "number"),
            ("blobs", "number"),
            ("exchanges", "number"),
        ):
            connection.execute(f"DELETE FROM {table} WHERE {column} = ?", row)


def _folded(*names: str | None) -> str:
    return "\n".join(name.casefold() for name in names if name)
