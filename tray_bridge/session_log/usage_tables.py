"""The tables of the book of usage: their shape, which lets no odd value in, and the connection to them.

Owns what is kept of a book of another form or of a broken one.
"""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from .document import MOST_SECONDS, MOST_TOKENS, TOKENS

_TEXTS = ("client", "key_name", "model", "dialect", "outcome")
_FIT = {
    "file": "typeof(file) = 'text'",
    "at": "at BETWEEN -62135596800 AND 253402300799",  # the years 1 to 9999
    **{name: f"typeof({name}) = 'text'" for name in _TEXTS},
    **{name: f"typeof({name}) = 'integer' AND {name} BETWEEN 0 AND {MOST_TOKENS}" for name in TOKENS},
    "first_token": f"first_token BETWEEN 0 AND {MOST_SECONDS:.0f}",
}
_PRICES_FIT = {
    "model": "typeof(model) = 'text'",
    **{name: f"{name} BETWEEN 0 AND 1e9" for name in ("input", "output")},
    "told_at": "told_at BETWEEN 0 AND 253402300799",
}
_TYPES = {"file": "TEXT PRIMARY KEY NOT NULL", "at": "REAL NOT NULL", "first_token": "REAL"}


def _table(name: str, columns: dict[str, str], types: dict[str, str], end: str) -> str:
    parts = [f"{column} {types[column]} CHECK ({column} IS NULL OR {fits})" for column, fits in columns.items()]
    return f"CREATE TABLE {name} ({', '.join(parts)}){end}"


_COLUMNS = {"answers": _FIT, "prices": _PRICES_FIT}
_TABLES = {
    "answers": _table(
        "answers",
        _FIT,
        {**dict.fromkeys(_TEXTS, "TEXT"), **dict.fromkeys(TOKENS, "INTEGER"), **_TYPES},
        " WITHOUT ROWID",
    ),
    "prices": _table(
        "prices",
        _PRICES_FIT,
        {"model": "TEXT PRIMARY KEY NOT NULL", **dict.fromkeys(("input", "output", "told_at"), "REAL NOT NULL")},
        "",
    ),
}
# What does not fit is left out: the value where there may be none, else the line.
_KEPT = {
    table: ", ".join(f"CASE WHEN {fits} THEN {name} END" for name, fits in columns.items())
    for table, columns in _COLUMNS.items()
}
_NEW = 0  # SQLite's own `user_version`


def connect(path: Path) -> tuple[sqlite3.Connection, int]:
    """Open the book, with its tables; give its number too, by which it is known. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
    try:
        path.chmod(0o600)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if not _is_whole(connection):
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                if not _is_whole(connection):
                    _make(connection)
        return connection, _number(connection)
    except BaseException:
        connection.close()
        raise


def _number(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


def _is_whole(connection: sqlite3.Connection) -> bool:
    tables = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    return _number(connection) != _NEW and tables == _TABLES


def _make(connection: sqlite3.Connection) -> None:
    """Make the tables; take over the lines of a book of another form. It gets a number, if it has none."""
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if there and not there >= _TABLES.keys():
        raise sqlite3.DatabaseError("a table is missing")
    for table, statement in _TABLES.items():
        if table in there:
            connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
        connection.execute(statement)
        if table in there:
            connection.execute(f"INSERT OR IGNORE INTO {table} SELECT {_KEPT[table]} FROM old_{table}")
            connection.execute(f"DROP TABLE old_{table}")
    for table in there - _TABLES.keys():
        connection.execute(f'DROP TABLE "{table}"')
    connection.execute("CREATE INDEX IF NOT EXISTS by_time ON answers (at)")
    if _number(connection) == _NEW:
        connection.execute(f"PRAGMA user_version = {secrets.randbelow(2**31 - 1) + 1}")


def take_over(source: Path, target: sqlite3.Connection) -> int:
    """Copy what can be read of a broken book; gives the number of its lines."""
    kept = 0
    for table, columns in _COLUMNS.items():
        put = f"INSERT OR IGNORE INTO {table} VALUES (?{', ?' * (len(columns) - 1)})"
        with closing(sqlite3.connect(source)) as broken:
            try:
                with target:
                    for row in broken.execute(f"SELECT {_KEPT[table]} FROM {table}"):
                        kept += target.execute(put, row).rowcount
            except sqlite3.DatabaseError:
                target.commit()
    return kept
