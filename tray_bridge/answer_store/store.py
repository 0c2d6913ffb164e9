"""The store of answers as the API sees it. Its methods run in the event loop, and wait for the disk only to load.

An answer is in memory at once, and a thread writes it to disk afterwards: a client can continue it before its last
event was sent. The dialect defines a record, except `parent`: the id of the answer that it continues, or None.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TypeVar

from typing_extensions import TypedDict

from ..turns import JsonObject
from .database import AnswerDatabase, Row
from .memory import RecentAnswers

logger = logging.getLogger(__name__)

MOST_UNWRITTEN = 256
UNDER_WAY = 900.0  # seconds that a deleted answer stays in memory, for an answer under way that continues it
DISCARD_AFTER = 100  # answers written between two looks at the limits

T = TypeVar("T")


class Rules(TypedDict):
    """Whether answers are written to disk, for how many days, and how many megabytes of them."""

    persistent: bool
    days: int
    megabytes: int


class AnswerStore:
    """Keep answers in memory, and also in `file` while `persistent` is set."""

    def __init__(self, file: Path, *, persistent: bool, days: int, megabytes: int) -> None:
        self.persistent = persistent
        self._days, self._megabytes = days, megabytes
        self._recent = RecentAnswers()
        self._database = AnswerDatabase(file)
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._written = 0
        self._closed = False
        self._is_failing = False

    def configure(self, *, persistent: bool, days: int, megabytes: int) -> None:
        """Change the rules: `persistent` for new answers, the limits for all."""
        self.persistent = persistent
        self._days, self._megabytes = days, megabytes
        self._jobs.put(self._count_anew)  # the counter belongs to the thread that writes

    async def save(self, answers: Mapping[str, JsonObject], owner: str | None) -> None:
        """Store records under their ids, for the API key of this name (None: for requests without one)."""
        for id_, record in answers.items():
            self._recent.add(id_, owner or "", record)
            if self.persistent and self._jobs.qsize() < MOST_UNWRITTEN:
                # What it continues may have been deleted while it was answered.
                for before, answer in reversed(self._recent.deleted_before(record["parent"])):
                    self._later(partial(self._database.save, before, answer.owner, answer.record, deleted=True))
                self._later(partial(self._write, id_, owner or "", record))

    async def load(self, ids: Sequence[str], owner: str | None) -> Mapping[str, JsonObject]:
        """Give the records of these ids and of all answers before them, without those that are deleted or another
        key's.
        """
        found: dict[str, JsonObject] = {}
        for id_ in ids:
            found.update(await self._load_chain(id_, owner or ""))
        return found

    async def delete(self, id_: str, owner: str | None) -> bool:
        """Make an answer unreachable; return whether it was there. Answers that continue it can still be continued."""
        if id_ not in await self._load_chain(id_, owner or ""):
            return False
        self._recent.delete(id_)
        asyncio.get_running_loop().call_later(UNDER_WAY, self._recent.forget, id_)
        self._later(partial(self._database.delete, id_))
        return True

    def close(self, timeout: float = 2.0) -> None:
        """Write what is pending, and wait for it up to `timeout` seconds."""
        self._closed = True
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(timeout)

    async def _load_chain(self, id_: str, owner: str) -> dict[str, JsonObject]:
        found: dict[str, JsonObject] = {}
        at: str | None = id_
        while at is not None and at not in found:
            chain = self._recent.chain(at)
            if not chain and await self._recall(at):  # from disk into memory
                chain = self._recent.chain(at)
            if not chain:
                break
            for at, answer in chain:
                if answer.owner != owner or (answer.deleted and at == id_):
                    return found
                found[at] = answer.record
            at = answer.parent
        return found

    async def _recall(self, id_: str) -> str | None:
        """Read a chain from disk into memory; return the id if it was found."""
        if self._closed or (not self.persistent and self._thread is None and not self._database.exists()):
            return None
        try:
            rows: list[Row] = await self._in_thread(lambda: self._database.load_chain(id_))
        except (sqlite3.Error, OSError, ValueError) as error:
            logger.warning("Stored answers cannot be read: %s", error)
            return None
        for row in reversed(rows):
            self._recent.add(row.id, row.owner, row.record, deleted=row.deleted)
        return id_ if rows else None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        future: Future[T] = Future()

        def job() -> None:
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        self._start()
        self._jobs.put(job)
        return await asyncio.wrap_future(future)

    def _later(self, job: Callable[[], None]) -> None:
        self._start()
        self._jobs.put(job)

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="answer-store", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
                self._is_failing = False
            except (sqlite3.Error, OSError) as error:
                if not self._is_failing:
                    logger.warning("Answers cannot be stored on disk, only in memory: %s", error)
                self._is_failing = True
        self._database.close()

    def _write(self, id_: str, owner: str, record: JsonObject) -> None:
        self._database.save(id_, owner, record)
        if self._written % DISCARD_AFTER == 0:
            self._database.discard_old(self._days, self._megabytes)
        self._written += 1

    def _count_anew(self) -> None:
        self._written = 0  # the next answer discards what the rules do not keep
