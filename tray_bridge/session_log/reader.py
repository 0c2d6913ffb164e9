"""Finds, shows and deletes what the session log has written, while it is being written or long after.

Owns reading the folder. Works from the days' indexes and reads a file only where they lack it. Safe from any
thread.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from .index import (
    INDEX_NAME,
    Summary,
    decode_line,
    files_with,
    fold,
    is_summary,
    remove_lines,
    searched_text,
    summarise,
)

BLOBS = "blobs"
CLOCK_GRAIN = 1.0  # seconds: systems tell in steps when a process was started
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_KEYS = {"id", "received", "outcome", "process"}
_BLOB = re.compile(r"[0-9a-f]{64}(\.\w{1,16})?")


class LogPage(NamedTuple):
    """Some of the exchanges that a search found, newest first, and how many there are."""

    exchanges: list[Summary]
    total: int


class LogReader:
    """Reads the log in `folder`; a folder that is not there is an empty log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._days: dict[str, _Day] = {}
        self._lock = threading.RLock()

    def search(
        self,
        text: str | None = None,
        *,
        model: str | None = None,
        client: str | None = None,
        outcome: str | None = None,
        since: float | None = None,
        until: float | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> LogPage:
        """The exchanges that fit all that is given.

        `text` is looked for in questions, answers, tool calls and errors, whatever the case; `model` and `client`
        may be a part of the name. `since` and `until` are Unix seconds.
        """
        with self._lock:
            found = [
                summary
                for day in self._fresh_days()
                for summary in day.search(text)
                if _part_of(model, summary["model"], summary["answered_by"])
                and _part_of(client, summary["client"], summary["key_name"])
                and outcome in (None, summary["outcome"])
                and (since is None or summary["at"] >= since)
                and (until is None or summary["at"] < until)
            ]
        return LogPage(found[offset : offset + limit], len(found))

    def get(self, exchange_id: str) -> dict[str, Any] | None:
        """The whole exchange; its `outcome` is `unfinished` if its end was never written."""
        with self._lock:
            summary = self._find(exchange_id)
        document = _read(self.folder / summary["file"]) if summary else None
        return document and document | {"outcome": _outcome(document["outcome"], document["process"])}

    def blob(self, name: str) -> bytes | None:
        """An image or file that an exchange names as `blob:<name>`."""
        path = self.folder / BLOBS / name
        return path.read_bytes() if _BLOB.fullmatch(name) and path.is_file() else None

    def delete(self, exchange_id: str) -> bool:
        """Delete one exchange, with what only it refers to; False if there is none; raises OSError."""
        with self._lock:
            summary = self._find(exchange_id)
            self.discard([summary] if summary else [])
            return summary is not None

    def delete_day(self, day: str) -> int:
        """Delete a day (`2025-01-31`); gives the number of exchanges; raises OSError."""
        with self._lock:
            return self.discard([summary for summary in self.all() if summary["file"].startswith(f"{day}/")])

    def delete_all(self) -> int:
        """Delete everything; gives the number of exchanges; raises OSError."""
        with self._lock:
            return self.discard(self.all())

    def all(self) -> list[Summary]:
        """Every exchange, newest first."""
        with self._lock:
            return [summary for day in self._fresh_days() for summary in day.search(None)]

    def discard(self, summaries: Collection[Summary]) -> int:
        """Delete these exchanges, and blobs and days that nothing refers to any more; raises OSError."""
        with self._lock:
            gone = {summary["file"] for summary in summaries}
            kept = [summary for summary in self.all() if summary["file"] not in gone]
            for file in gone:
                (self.folder / file).unlink(missing_ok=True)
            days = {file.partition("/")[0] for file in gone}
            for day in days & {summary["file"].partition("/")[0] for summary in kept}:
                remove_lines(self.folder / day, gone)
            for day in days - {summary["file"].partition("/")[0] for summary in kept}:
                shutil.rmtree(self.folder / day, ignore_errors=True)
            used = {blob for summary in kept for blob in summary["blobs"]}
            for blob in {blob for summary in summaries for blob in summary["blobs"]} - used:
                (self.folder / BLOBS / blob).unlink(missing_ok=True)
            return len(gone)

    def _find(self, exchange_id: str) -> Summary | None:
        return next((summary for summary in self.all() if summary["id"] == exchange_id), None)

    def _fresh_days(self) -> Iterator[_Day]:
        names = sorted(filter(_DAY.fullmatch, _names(self.folder)), reverse=True)
        self._days = {name: self._days.get(name) or _Day(self.folder / name) for name in names}
        for day in self._days.values():
            day.refresh()
            yield day


class _Day:
    """The exchanges of one day; remembers their summaries, not their texts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._indexed: dict[str, Summary] = {}
        self._inode = self._offset = 0
        self._others: dict[str, _Unindexed] = {}
        self._listed: list[Summary] = []

    def refresh(self) -> None:
        """Take in what has been written since the last time."""
        self._read_index()
        names = sorted((name for name in _names(self._folder) if name.endswith(".json")), reverse=True)
        others = {name: self._read_other(name) for name in names if name not in self._indexed}
        self._others = {name: other for name, other in others.items() if other}
        both = {name: other.listed() for name, other in self._others.items()} | self._indexed
        self._listed = [both[name] for name in names if name in both]

    def search(self, text: str | None) -> list[Summary]:
        """All, or those whose texts hold `text`; newest first."""
        if not text:
            return self._listed
        files = set(files_with(text, _bytes(self._folder / INDEX_NAME)))
        files |= {other.summary["file"] for other in self._others.values() if fold(text) in other.text}
        return [summary for summary in self._listed if summary["file"] in files]

    def _read_index(self) -> None:
        path = self._folder / INDEX_NAME
        try:
            stat = path.stat()
            if stat.st_ino != self._inode or stat.st_size < self._offset:
                self._indexed, self._inode, self._offset = {}, stat.st_ino, 0
            with path.open("rb") as file:
                file.seek(self._offset)
                lines = file.read()
        except OSError:
            self._indexed, self._offset = {}, 0
            return
        whole = lines[: lines.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            if entry := decode_line(line):
                self._indexed[entry["file"].rpartition("/")[2]] = entry

    def _read_other(self, name: str) -> _Unindexed | None:
        path = self._folder / name
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            return None
        known = self._others.get(name)
        if known and known.changed == changed:
            return known
        document = _read(path)
        if document is None:
            return None
        try:
            summary = summarise(document, f"{self._folder.name}/{name}")
            other = _Unindexed(changed, summary, searched_text(document), document["process"])
        except (AttributeError, KeyError, TypeError, ValueError):  # none of ours, though it looks like one
            return None
        return other if is_summary(summary) else None


class _Unindexed(NamedTuple):
    """An exchange that its day's index lacks, as its file was when it `changed`."""

    changed: int
    summary: Summary
    text: str
    process: dict[str, Any]

    def listed(self) -> Summary:
        return self.summary | {"outcome": _outcome(self.summary["outcome"], self.process)}


def _outcome(written: str | None, process: dict[str, Any]) -> str:
    """What became of it: without an end it is under way as long as the program that writes it lives."""
    if written:
        return written
    import psutil

    with suppress(psutil.Error, KeyError, TypeError, ValueError, OverflowError):
        # One that has started later has only got the number of the one that wrote this.
        if psutil.Process(process["pid"]).create_time() <= process["alive_at"] + CLOCK_GRAIN:
            return "in_progress"
    return "unfinished"


def _part_of(sought: str | None, *names: str | None) -> bool:
    return sought is None or any(sought.casefold() in name.casefold() for name in names if name)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  # names are all that is needed, of thousands
    except OSError:
        return []


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _read(path: Path) -> dict[str, Any] | None:
    """The document in `path`, or None if it is none of ours or has just been deleted."""
    try:
        document = json.loads(path.read_bytes())
        is_ours = isinstance(document, dict) and document.keys() >= _KEYS and isinstance(document["process"], dict)
        return document if is_ours else None
    except (OSError, ValueError, RecursionError):
        return None
