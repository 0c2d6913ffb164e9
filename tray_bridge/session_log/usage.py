"""The book of usage: what each exchange has used, without its texts, for a year.

Owns `usage.db` beside the index: it outlives the texts, so that it is no part of the index, and it is filled through
the index, so that each exchange counts once whatever ended a program. Safe from any thread.
"""

from __future__ import annotations

import csv
import io
import logging
import sqlite3
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from ..errors import TrayBridgeError
from .document import TOKENS
from .prices import Price, cost_of
from .summary import Summary
from .usage_tables import connect, take_over

T = TypeVar("T")
logger = logging.getLogger(__name__)

USAGE_NAME = "usage.db"
BROKEN_NAME = "usage-broken.db"  # the last broken file, kept for inspection
ONE_DAY = 86400
KEPT_SECONDS = 366 * ONE_DAY
ATTEMPTS = 3  # a book may be deleted by one program while another mends it
RECENT = 20_000  # answers that `recent` gives at most
_SUMS = ", ".join(f"coalesce(sum({name}), 0)" for name in TOKENS)
_GROUPED = (
    "SELECT {group}, model, min(at), count(*), sum(outcome = 'error'), sum(coalesce(output_tokens, 0) > 0), "
    + _SUMS
    + " FROM answers WHERE at >= ? AND at < ? GROUP BY 1, 2"
)
_WAITS = "SELECT {group}, first_token FROM answers WHERE at >= ? AND at < ? AND first_token IS NOT NULL"
_PUT = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
# By what usage is grouped, in SQL. Days and hours are those of this machine's clock.
GROUPS = {
    "day": "coalesce(strftime('%Y-%m-%d', at, 'unixepoch', 'localtime'), 'no day')",
    "hour": "coalesce(strftime('%Y-%m-%d %H:00', at, 'unixepoch', 'localtime'), 'no hour')",
    "client": "coalesce(nullif(client, ''), 'unnamed client')",
    "model": "coalesce(nullif(model, ''), 'no model')",
    "key": "coalesce(nullif(key_name, ''), 'no key')",
    "dialect": "coalesce(nullif(dialect, ''), 'openai_chat')",
}


# What SQLite says of a full disk or of a database that another program uses: no reason to make it again.
_PASSING = ("locked", "busy", "full", "I/O", "readonly", "unable to open", "interrupted")
_OURS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError)  # faults of the question


def is_broken(error: sqlite3.Error) -> bool:
    """Whether the database itself is to blame: it is no use to try the same another time."""
    return not isinstance(error, _OURS) and not any(word in str(error) for word in _PASSING)


class UsageBook:
    """The book in `folder`; one that is not there is empty."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / USAGE_NAME
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._number = 0

    def close(self) -> None:
        """Close the book; the next use opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def number(self) -> int:
        """Open the book, and make or mend it if need be; give the number by which it is known. Raises sqlite3.Error.

        A book that was made anew has another: what the index has was not counted in it.
        """
        self._do(lambda connection: connection.execute("SELECT max(at), count(*) FROM answers").fetchone())
        return self._number

    @property
    def is_open(self) -> bool:
        """Whether the book that is open is still the one in the folder: somebody may have deleted it."""
        return self._connection is not None and self._inode == inode(self.path)

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Give what `work` gives, in a transaction of its own. A book that is broken is mended, and asked again."""
        with self._lock:
            for _ in range(ATTEMPTS - 1):
                try:
                    return self._attempt(work)
                except sqlite3.DatabaseError as error:
                    if self._inode != inode(self.path):
                        self.close()  # somebody deleted it just now
                    elif is_broken(error):
                        self._mend(error)
                    else:
                        raise
            return self._attempt(work)

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if not self.is_open:
            self.close()
            self._inode = inode(self.path)
            self._connection, self._number = connect(self.path)
            self._inode = inode(self.path)
        assert self._connection is not None  # noqa: S101
        with self._connection:
            return work(self._connection)

    def _mend(self, error: sqlite3.DatabaseError) -> None:
        """Put the broken book aside, and take from it what can be read. The index counts the files again."""
        self.close()
        aside = self.path.with_name(BROKEN_NAME)
        for side in ("", "-wal", "-shm"):
            with suppress(OSError):
                self.path.with_name(self.path.name + side).replace(aside.with_name(aside.name + side))
        self._connection, self._number = connect(self.path)
        self._inode = inode(self.path)
        kept = take_over(aside, self._connection)
        logger.warning("The book of usage was broken (%s): %d of its lines were kept; it is at %s", error, kept, aside)

    def take(self, summaries: Iterable[Summary]) -> None:
        """Count exchanges that have ended; one that was counted is counted anew. Raises sqlite3.Error."""
        rows = [_row(summary) for summary in summaries if summary["outcome"]]
        if rows:
            self._do(lambda connection: connection.executemany(_PUT, rows))

    def _rows_of(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        if not self.path.exists():
            return []
        return self._do(lambda connection: connection.execute(query, values).fetchall())

    def forget_old(self) -> None:
        """Take out what is older than a year. Raises sqlite3.Error."""
        if self.path.exists():
            before = time.time() - KEPT_SECONDS
            self._do(lambda connection: connection.execute("DELETE FROM answers WHERE at < ?", (before,)))

    def learn_prices(self, prices: Mapping[str, Price], told_at: float) -> None:
        """Remember what models cost, as told now: once a day if they cost the same. Raises sqlite3.Error."""
        known = self.prices()
        news = [name for name, price in prices.items() if name not in known or known[name][0] != price]
        old = [name for name in prices if name in known and told_at - known[name][1] >= ONE_DAY]
        if self.path.parent.is_dir() and (news or old):
            rows = [(model, price.input, price.output, told_at) for model, price in prices.items()]
            put = "INSERT OR REPLACE INTO prices VALUES (?, ?, ?, ?)"
            self._do(lambda connection: connection.executemany(put, rows))

    def prices(self) -> dict[str, tuple[Price, float]]:
        """Give each model's price and when it was told."""
        rows = self._rows_of("SELECT model, input, output, told_at FROM prices")
        return {model: (Price(input_, output), told_at) for model, input_, output, told_at in rows}

    def recent(self, since: float, until: float) -> list[tuple[float, float | None, int]]:
        """Give time, first-token time and output tokens of each answer received between the two, oldest first."""
        query = (
            "SELECT at, first_token, output_tokens FROM answers "
            "WHERE at >= ? AND at < ? AND output_tokens > 0 ORDER BY at DESC LIMIT ?"
        )
        return self._rows_of(query, (since, until, RECENT))[::-1]

    def count(self, since: float) -> int:
        """Give the number of exchanges that were received since then. Raises sqlite3.Error."""
        return sum(count for (count,) in self._rows_of("SELECT count(*) FROM answers WHERE at >= ?", (since,)))

    def report(self, by: str, since: float | None = None, until: float | None = None) -> dict[str, Any]:
        """Give what was used, by `day`, `hour`, `client`, `model`, `key` or `dialect`: rows and their sum.

        Costs are estimates in dollars; `unpriced` counts answers of models whose price was never told.
        Raises TrayBridgeError if the book cannot be read.
        """
        try:
            return self._report(by, since, until)
        except sqlite3.Error as error:
            raise TrayBridgeError(
                f"{self.path} cannot be read: {error}.",
                title="The counts of usage cannot be read",
                hint="Make room on the disk, and make the folder writable, then try again.",
            ) from error

    def _report(self, by: str, since: float | None, until: float | None) -> dict[str, Any]:
        told = self.prices()
        prices = {model: price for model, (price, _) in told.items()}
        groups: dict[str, _Sums] = defaultdict(_Sums)
        total = _Sums()
        period = (since or 0.0, 1e12 if until is None else until)
        for name, model, first, *counts in self._rows_of(_GROUPED.format(group=GROUPS[by]), period):
            for sums in (groups[name], total):
                sums.add(prices.get(model or ""), first, counts)
        for name, wait in self._rows_of(_WAITS.format(group=GROUPS[by]), period):
            groups[name].waits.append(wait)
            total.waits.append(wait)
        rows = [{"name": name, **sums.as_json()} for name, sums in sorted(groups.items())]
        if by not in ("day", "hour"):
            rows.sort(key=lambda row: -(row["input_tokens"] + row["output_tokens"] + row["cache_read_tokens"]))
        return {
            "by": by,
            "since": since,
            "until": until,
            "rows": rows,
            "total": total.as_json(),
            "first": total.first,
            "prices": {model: {"input": price.input, "output": price.output} for model, price in prices.items()},
            "prices_told_at": max((at for _, at in told.values()), default=None),
        }


def as_csv(report: dict[str, Any]) -> str:
    """Give a report's rows as CSV with a line of names; a name that a table would take for a formula gets a quote."""
    out = io.StringIO()
    names = ["name", *(name for name in report["total"])]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    for row in report["rows"]:
        name = row["name"]
        writer.writerow(row | {"name": f"'{name}" if name[:1] in tuple("=+-@\t\r") else name})
    return out.getvalue()


class _Sums:
    """What some answers have used together."""

    def __init__(self) -> None:
        self.counts = [0] * (3 + len(TOKENS))
        self.waits: list[float] = []
        self.first: float | None = None
        self.cost = self.saved = 0.0
        self.unpriced = 0

    def add(self, price: Price | None, first: float, counts: list[int]) -> None:
        """Add the counts of answers of one model: requests, errors, those with an answer, tokens."""
        self.counts = [own + more for own, more in zip(self.counts, counts, strict=True)]
        self.first = first if self.first is None else min(self.first, first)
        if price:
            cost, saved = cost_of(price, *counts[3:7])
            self.cost, self.saved = self.cost + cost, self.saved + saved
        else:
            self.unpriced += counts[2]

    def as_json(self) -> dict[str, Any]:
        """Give the sums by name."""
        requests, errors, _, *tokens = self.counts
        return {
            "requests": requests,
            "errors": errors,
            **dict(zip(TOKENS, tokens, strict=True)),
            "first_token_median": statistics.median(self.waits) if self.waits else None,
            "first_token_slowest": max(self.waits, default=None),
            "cost": round(self.cost, 6),
            "saved_by_cache": round(self.saved, 6),
            "unpriced": self.unpriced,
        }


def _row(summary: Summary) -> tuple[Any, ...]:
    usage = summary["usage"] or {}
    timings = summary["timings"] or {}
    return (
        summary["file"],
        summary["at"],
        *(_storable(summary[name]) for name in ("client", "key_name")),
        _storable(summary["answered_by"] or summary["model"]),
        _storable(summary["dialect"]),
        summary["outcome"],
        *(usage.get(name) for name in TOKENS),
        timings.get("first_token_s"),
    )


def inode(path: Path) -> int:
    """Give the number by which the file system knows a file; 0 for one that is not there."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _storable(text: str | None) -> str | None:
    return text and text.encode("utf-8", "replace").decode()
