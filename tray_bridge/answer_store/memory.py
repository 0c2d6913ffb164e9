"""The most recently used answers, in memory: bounded by count, size and age. Must not know the disk or a dialect."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..turns import JsonObject

COUNT = 1_000
BYTES = 64_000_000
SECONDS = 24 * 3600.0


@dataclass(slots=True)
class Remembered:
    """One answer. A deleted one is kept only for the answers that continue it. `parent` is the record's own."""

    record: JsonObject
    parent: str | None
    owner: str
    size: int
    at: float
    deleted: bool = False


class RecentAnswers:
    """Keep answers; the least recently used are dropped first, but never one that another needs. Not thread-safe."""

    def __init__(
        self, count: int = COUNT, size: int = BYTES, seconds: float = SECONDS, now: Callable[[], float] = time.time
    ) -> None:
        self._most, self._largest, self._longest, self._now = count, size, seconds, now
        self._answers: OrderedDict[str, Remembered] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return len(self._answers)

    def add(self, id_: str, owner: str, record: JsonObject, *, deleted: bool = False) -> None:
        """Add an answer, and drop those that are over the limits."""
        self.remove(id_)
        answer = Remembered(record, record["parent"], owner, weight(record), self._now(), deleted)
        self._answers[id_] = answer
        self._size += answer.size
        self._trim()

    def get(self, id_: str) -> Remembered | None:
        """Give the answer, or None; it counts as used now."""
        answer = self._answers.get(id_)
        if answer is None:
            return None
        now = self._now()
        if now - answer.at > self._longest:
            self.remove(id_)
            return None
        answer.at = now
        self._answers.move_to_end(id_)
        return answer

    def chain(self, id_: str | None) -> list[tuple[str, Remembered]]:
        """Give the answer and those before it, newest first, as far as they are here; they count as used now."""
        found = []
        answers, now = self._answers, self._now()
        while id_ is not None and (answer := answers.get(id_)) is not None and now - answer.at <= self._longest:
            answer.at = now
            answers.move_to_end(id_)
            found.append((id_, answer))
            id_ = answer.parent
            if len(found) > len(answers):
                break  # a circle
        return found

    def remove(self, id_: str) -> None:
        """Drop an answer, if it is there."""
        if (answer := self._answers.pop(id_, None)) is not None:
            self._size -= answer.size

    def delete(self, id_: str) -> None:
        """Make the answer unreachable, except for answers that continue it, stored or still to come."""
        self._answers[id_].deleted = True

    def forget(self, id_: str) -> None:
        """Drop an answer that was deleted, unless another one continues it."""
        found = self._answers.get(id_)
        is_needed = any(answer.parent == id_ for answer in self._answers.values())
        if found is not None and found.deleted and not is_needed:
            self.remove(id_)

    def deleted_before(self, id_: str | None) -> list[tuple[str, Remembered]]:
        """Give the answers up to this one that were deleted, newest first."""
        found = []
        while id_ is not None and (answer := self._answers.get(id_)) is not None and answer.deleted:
            found.append((id_, answer))
            id_ = answer.parent
        return found

    def _trim(self) -> None:
        oldest = self._now() - self._longest
        while self._answers:
            id_, answer = next(iter(self._answers.items()))
            if len(self._answers) <= self._most and self._size <= self._largest and answer.at >= oldest:
                return
            self.remove(id_)


def weight(value: Any) -> int:
    """Estimate the bytes of a record: those of its strings, and a few for each value."""
    if isinstance(value, str):
        return 50 + len(value)
    if isinstance(value, (list, tuple)):
        return 50 + sum(map(weight, value))
    if isinstance(value, dict):
        return 50 + sum(20 + len(key) + weight(item) for key, item in value.items())
    return 30
