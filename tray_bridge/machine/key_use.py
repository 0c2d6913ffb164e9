"""What each API key has used on a day: requests and tokens, in a private SQLite file beside the keys.

It is apart from the session log, so that limits hold whatever the log keeps, and after it was deleted. Blocks on the
disk. Knows no limits.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from .api_keys import ApiKey
from .paths import keys_file
from .private_files import make_private_folder

logger = logging.getLogger(__name__)

_TABLE = """
CREATE TABLE IF NOT EXISTS used (
    name TEXT NOT NULL, made_at REAL NOT NULL, day TEXT NOT NULL, requests INTEGER NOT NULL, tokens INTEGER NOT NULL,
    PRIMARY KEY (name, made_at, day)
) WITHOUT ROWID
"""
_ADD = """
INSERT INTO used VALUES (?, ?, ?, ?, ?) ON CONFLICT DO
UPDATE SET requests = requests + excluded.requests, tokens = tokens + excluded.tokens
"""
_TODAY = "SELECT requests, tokens FROM used WHERE name = ? AND made_at = ? AND day = ?"


@dataclass(frozen=True, slots=True)
class Use:
    """Requests that were answered, and their tokens, in and out."""

    requests: int = 0
    tokens: int = 0

    def __add__(self, other: Use) -> Use:
        return Use(self.requests + other.requests, self.tokens + other.tokens)


class KeyUse:
    """The file at `path`; one that is missing is empty. Safe from any thread and for several programs."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or keys_file().with_name("keys-used.db")

    def of(self, key: ApiKey, day: str) -> Use:
        """Give what a key has used on a day (`2025-01-31`); raises sqlite3.Error and OSError."""
        if not self._path.exists():
            return Use()
        with closing(self._open()) as connection:
            row = connection.execute(_TODAY, (key.name, key.made_at, day)).fetchone()
            return Use(*row) if row else Use()

    def add(self, used: Iterable[tuple[ApiKey, str, Use]]) -> None:
        """Add what keys have used on a day, all or nothing; forget earlier days. Raises sqlite3.Error and OSError."""
        rows = [(key.name, key.made_at, day, use.requests, use.tokens) for key, day, use in used]
        with closing(self._open()) as connection, connection:
            connection.executemany(_ADD, rows)
            connection.execute("DELETE FROM used WHERE day < ?", (min(row[2] for row in rows),))

    def _open(self) -> sqlite3.Connection:
        make_private_folder(self._path.parent)
        os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # it is in use, or the disk is full
            logger.warning("%s was broken (%s): what keys used today is counted from now on", self._path, error)
            self._path.unlink()
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=5)
        try:
            # What is lost if the power fails is a few of today's requests.
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(_TABLE)
        except BaseException:
            connection.close()
            raise
        return connection
