"""What a person looks for in the log → SQL over its index.

Owns what each filter means. Pure but for `find`, which asks the database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from .index_tables import read_row
from .summary import Summary, words

BEGINNING = 3  # letters at least: half of all words begin with some of the letters
NOWHERE = "\ue001"


@dataclass(frozen=True)
class Filter:
    """What an exchange must fit; what is None or empty does not matter.

    `text` is a run of words in the question, answer, tool calls or error; the last, from three letters on, may be the
    beginning of one. `model` and `client` may be a part of the name, whatever the case. `since` and `until` are Unix
    seconds.
    """

    text: str | None = None
    model: str | None = None
    client: str | None = None
    key: str | None = None
    outcome: str | None = None
    dialect: str | None = None
    thread: str | None = None
    since: float | None = None
    until: float | None = None

    @property
    def match(self) -> str:
        """The text as SQLite's text index is asked for it; empty if any text will do."""
        if not self.text or not self.text.strip():
            return ""
        run = words(self.text)
        # No word consists of signs alone, and an empty phrase is an error for SQLite.
        return f'"{run or NOWHERE}"' + (" *" if len(run.rpartition(" ")[2]) >= BEGINNING else "")

    def conditions(self) -> Iterator[tuple[str, Any]]:
        """Give SQL conditions on `exchanges` but for the text, each with the value of its question mark."""
        if self.model:
            yield "instr(models, ?)", self.model.casefold()
        if self.client:
            yield "instr(who, ?)", self.client.casefold()
        if self.outcome:
            yield "coalesce(outcome, 'in_progress') = ?", self.outcome
        for column in ("key_name", "dialect", "thread"):
            value = getattr(self, "key" if column == "key_name" else column)
            if value:
                yield f"{column} = ?", value
        if self.since is not None:
            yield "number >= ?", round(self.since * 1e6)
        if self.until is not None:
            yield "number < ?", round(self.until * 1e6)


class LogPage(NamedTuple):
    """Some of the exchanges that a search found, newest first, and how many there are: `more` than that, perhaps."""

    exchanges: list[Summary]
    total: int
    more: bool = False


MOST = 2**40  # of exchanges: SQLite's numbers have 64 bits
COUNTED = 1000
"""A search by text stops counting here: a common word is in every text."""


def find(connection: sqlite3.Connection, sought: Filter, *, limit: int = -1, offset: int = 0) -> LogPage:
    """Give a page of what fits, newest first; a negative `limit` is none."""
    limit, offset = min(limit, MOST), min(offset, MOST)
    conditions = list(sought.conditions())
    values: list[Any] = [value for _, value in conditions]
    where = " AND ".join(condition for condition, _ in conditions) or "1"
    if not sought.match:
        (total,) = connection.execute(f"SELECT count(*) FROM exchanges WHERE {where}", values).fetchone()
        query = f"SELECT number FROM exchanges WHERE {where} ORDER BY number DESC LIMIT ? OFFSET ?"
        return LogPage(_summaries(connection, connection.execute(query, [*values, limit, offset])), total)
    most = -1 if limit < 0 else max(COUNTED, offset + limit) + 1
    # Numbers are in the order of time, and the text index gives them in that order one by one.
    query = (
        f"SELECT number FROM texts CROSS JOIN exchanges ON number = texts.rowid "
        f"WHERE texts MATCH ? AND {where} ORDER BY texts.rowid DESC LIMIT ?"
    )
    numbers = connection.execute(query, [sought.match, *values, most]).fetchall()
    more = len(numbers) == most
    last = None if limit < 0 else offset + limit
    return LogPage(_summaries(connection, numbers[offset:last]), len(numbers) - more, more)


def find_files(connection: sqlite3.Connection, sought: Filter) -> list[tuple[str, str]]:
    """Give the file and the outcome of everything that fits, oldest first."""
    conditions = list(sought.conditions())
    values: list[Any] = [value for _, value in conditions]
    where = " AND ".join(condition for condition, _ in conditions) or "1"
    source, order = "exchanges", "number"
    if sought.match:
        source, order = "texts CROSS JOIN exchanges ON number = texts.rowid", "texts.rowid"
        where, values = f"texts MATCH ? AND {where}", [sought.match, *values]
    query = f"SELECT file, coalesce(outcome, 'in_progress') FROM {source} WHERE {where} ORDER BY {order}"
    return connection.execute(query, values).fetchall()


def _summaries(connection: sqlite3.Connection, numbers: Iterable[tuple[int]]) -> list[Summary]:
    query = "SELECT summary, outcome FROM exchanges LEFT JOIN summaries USING (number) WHERE number = ?"
    rows = [connection.execute(query, number).fetchone() for number in list(numbers)]
    there = [row for row in rows if row is not None]  # another program may have deleted one just now
    return [read_row(summary) | {"outcome": outcome or "in_progress"} for summary, outcome in there]
