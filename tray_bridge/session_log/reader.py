"""Find, show and delete exchanges of the session log, also while it is being written.

Owns what is done with the log as a whole: the index finds exchanges, their files are read. Safe from any thread.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from .conversation import Branch, branches
from .document import BLOB, TOKENS, NoExchangeError, read_document
from .index import Index, Progress
from .index_tables import drop_all
from .process import is_alive
from .search import Filter, LogPage, find, find_files
from .summary import Summary
from .usage import ATTEMPTS, UsageBook

BLOBS = "blobs"
_NAMED = "SELECT 1 FROM blobs WHERE name = ? LIMIT 1"
_FIELDS = ("model", "client", "key_name", "dialect")

T = TypeVar("T")


class Thread(NamedTuple):
    """The exchanges of a conversation by id, each with its place, and the sums of their tokens."""

    branches: dict[str, Branch]
    used: dict[str, int]


class LogReader:
    """Read the log in `folder`; a folder that is not there is an empty log.

    With `background`, an index that has to be made is made on a thread of its own, and answers lack what it lacks.
    """

    def __init__(self, folder: Path, *, background: bool = False) -> None:
        self.folder = folder
        self._background = background
        self._index = Index(folder)
        self._lock = threading.RLock()

    @property
    def progress(self) -> Progress | None:
        """How far the index is while it is made, else None."""
        return self._index.progress

    def close(self) -> None:
        """Close the index; the next question opens it again."""
        self._index.close()

    @property
    def usage(self) -> UsageBook:
        """The book of usage, in line with the files."""
        self._ask(lambda _: None)
        return self._index.usage

    def search(self, text: str | None = None, *, limit: int = 100, offset: int = 0, **filters: Any) -> LogPage:
        """Give the exchanges that fit all that is given: see `Filter`."""
        sought = Filter(text, **filters)
        return self._ask(lambda connection: find(connection, sought, limit=limit, offset=offset))

    def values(self) -> dict[str, list[str]]:
        """Give the models, clients, keys and dialects that the log knows, by field."""

        def ask(connection: sqlite3.Connection) -> dict[str, list[str]]:
            return {
                field: [value for (value,) in connection.execute(f"SELECT DISTINCT {field} FROM exchanges") if value]
                for field in _FIELDS
            }

        return {field: sorted(found) for field, found in self._ask(ask).items()}

    def clients_seen(self) -> dict[str, float]:
        """Give when each client's newest request came."""
        return self._ask(
            lambda connection: dict(
                connection.execute("SELECT coalesce(client, ''), max(at) FROM exchanges GROUP BY client")
            )
        )

    def thread(self, thread: str) -> Thread:
        """Give a conversation: the place of each exchange, by id, and what they have used together."""
        of_thread = "FROM exchanges LEFT JOIN summaries USING (number) WHERE thread = ?"
        sums = ", ".join(f"coalesce(sum(json_extract(summary, '$.usage.{name}')), 0)" for name in TOKENS)

        def ask(connection: sqlite3.Connection) -> Thread:
            rows = connection.execute(f"SELECT id, tip, parent {of_thread} ORDER BY number", (thread,)).fetchall()
            lost, *used = connection.execute(f"SELECT sum(summary IS NULL), {sums} {of_thread}", (thread,)).fetchone()
            if lost:
                raise sqlite3.DatabaseError("a summary is missing")
            return Thread(branches(rows), dict(zip(TOKENS, used, strict=True)))

        return self._ask(ask)

    def get(self, exchange_id: str) -> dict[str, Any] | None:
        """Give the whole exchange; its `outcome` is `unfinished` if its end was never written."""
        file = self._find(exchange_id)
        document = _read(self.folder / file) if file else None
        if document is None or document["outcome"]:
            return document
        return document | {"outcome": "in_progress" if is_alive(document["process"]) else "unfinished"}

    def documents(self, text: str | None = None, **filters: Any) -> Iterator[dict[str, Any]]:
        """Yield the whole exchanges that fit, oldest first; those deleted meanwhile are left out."""
        sought = Filter(text, **filters)
        for file, outcome in self._ask(lambda connection: find_files(connection, sought)):
            document = _read(self.folder / file)
            if document is not None:
                yield document | {"outcome": outcome}

    def ending_in(self, end: str) -> list[str]:
        """Give the ids that end so, newest first; of `last`, the newest exchange's."""
        if end == "last":
            return [summary["id"] for summary in self.search(limit=1).exchanges]

        def ask(connection: sqlite3.Connection) -> list[str]:
            rows = connection.execute(
                "SELECT id FROM exchanges WHERE substr(id, -length(:end)) = :end ORDER BY number DESC", {"end": end}
            )
            return [exchange_id for (exchange_id,) in rows]

        return self._ask(ask)

    def blob(self, name: str) -> bytes | None:
        """Give an image or file that an exchange names as `blob:<name>`."""
        path = self.folder / BLOBS / name
        return path.read_bytes() if BLOB.fullmatch(name) and path.is_file() else None

    def delete(self, exchange_id: str) -> bool:
        """Delete one exchange, with what only it refers to; False if there is none; raises OSError.

        One that is under way is answered to its end, and stays deleted.
        """
        with self._lock:
            file = self._find(exchange_id)
            return self.discard([file] if file else []) == 1

    def delete_day(self, day: str) -> int:
        """Delete what has ended of a day (`2025-01-31`); gives the number of exchanges; raises OSError."""
        with self._lock:
            return self.discard(self._files("day = ? AND outcome IS NOT NULL", day))

    def delete_all(self) -> int:
        """Delete everything that has ended; gives the number of exchanges; raises OSError."""
        with self._lock:
            return self.discard(self._files("outcome IS NOT NULL"))

    def all(self) -> list[Summary]:
        """Give every exchange, newest first."""
        return self.search(limit=-1).exchanges

    def sizes(self) -> list[tuple[str, int, list[str]]]:
        """Give the file of every exchange that has ended, newest first, its bytes here and in the index, its blobs."""

        def ask(connection: sqlite3.Connection) -> list[tuple[str, int, list[str]]]:
            rows = connection.execute(
                "SELECT file, size + 2 * (SELECT length(words) FROM texts WHERE rowid = number) + 1000, "
                "(SELECT group_concat(name) FROM blobs WHERE blobs.number = exchanges.number) "
                "FROM exchanges WHERE outcome IS NOT NULL ORDER BY number DESC"
            )
            return [(file, size, names.split(",") if names else []) for file, size, names in rows]

        return self._ask(ask)

    def discard(self, files: Iterable[str]) -> int:
        """Delete these exchanges, and blobs and days that nothing refers to any more; raises OSError."""
        with self._lock:
            gone = set(files)
            if not gone:
                return 0
            blobs = {blob for file in gone for blob in self._blobs(file)}
            for file in gone:
                (self.folder / file).unlink(missing_ok=True)
            self._ask(lambda _: None)
            self._ask(lambda connection: drop_all(connection, gone), fresh=False)
            for day in {file.partition("/")[0] for file in gone}:
                if not self._files("day = ?", day):
                    with suppress(OSError):  # a file that is not the log's stays
                        (self.folder / day).rmdir()
            used = self._ask(
                lambda connection: {name for name in blobs if connection.execute(_NAMED, (name,)).fetchone()},
                fresh=False,
            )
            for blob in blobs - used:
                (self.folder / BLOBS / blob).unlink(missing_ok=True)
            self._index.tidy()
            return len(gone)

    def _find(self, exchange_id: str) -> str | None:
        def ask(connection: sqlite3.Connection) -> str | None:
            query = "SELECT file FROM exchanges WHERE id = ? ORDER BY number DESC LIMIT 1"
            row = connection.execute(query, (exchange_id,)).fetchone()
            return row[0] if row else None

        return self._ask(ask)

    def _files(self, condition: str, *values: str) -> list[str]:
        def ask(connection: sqlite3.Connection) -> list[str]:
            return [file for (file,) in connection.execute(f"SELECT file FROM exchanges WHERE {condition}", values)]

        return self._ask(ask)

    def _blobs(self, file: str) -> list[str]:
        def ask(connection: sqlite3.Connection) -> list[str]:
            rows = connection.execute("SELECT name FROM blobs JOIN exchanges USING (number) WHERE file = ?", (file,))
            return [name for (name,) in rows]

        return self._ask(ask, fresh=False)

    def _ask(self, question: Callable[[sqlite3.Connection], T], *, fresh: bool = True) -> T:
        """Ask the index once it is in line with the files. One that proves to be broken is made again."""
        for attempt in range(ATTEMPTS):
            try:
                if fresh or attempt:
                    self._index.refresh(background=self._background)
                with self._index.use() as connection:
                    return question(connection)
            except sqlite3.DatabaseError:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")


def _read(path: Path) -> dict[str, Any] | None:
    """Give the document in `path`, or None if it is another program's or was just deleted."""
    try:
        return read_document(path)
    except (OSError, NoExchangeError):
        return None
