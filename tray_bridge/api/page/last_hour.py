"""The answers of the last hour, in memory, for the page's charts and its list of errors.

Must not know HTTP or the session log: it works with the log switched off too. Safe from any thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from tray_bridge.errors import TrayBridgeError

HOUR = 3600.0
MINUTES = 60
KEPT = 20_000
"""Answers kept at most: 5 a second for the whole hour."""
DOTS = 400
"""First-token times sent to the page at most: more could not be told apart."""
ERRORS = 20
CLIENTS = 200


@dataclass(frozen=True, slots=True)
class _Answer:
    at: float
    first_token: float | None
    output_tokens: int


@dataclass(frozen=True, slots=True)
class _Failure:
    at: float
    id: str
    client: str
    title: str
    message: str


class LastHour:
    """Keep a ring of answers and failures. `version` changes with every one that is added."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.began = clock()
        self._lock = threading.Lock()
        self._answers: deque[_Answer] = deque(maxlen=KEPT)
        self._failures: deque[_Failure] = deque(maxlen=ERRORS)
        self._clients: dict[str, float] = {}
        self._answered: dict[str, float] = {}
        self._problems: dict[str, _Failure] = {}
        self.version = 0

    def answered(self, client: str, *, first_token: float | None, output_tokens: int) -> None:
        """Add an answer that has just ended; `first_token` in seconds from the request on."""
        with self._lock:
            self._answers.append(_Answer(self._clock(), first_token, output_tokens))
            self._note(client)
            if client in self._clients:
                self._answered[client] = self._clock()
                self._problems.pop(client, None)

    def failed(self, exchange_id: str, client: str, error: TrayBridgeError) -> None:
        """Add a request that has just ended in an error."""
        with self._lock:
            failure = _Failure(self._clock(), exchange_id, client, error.title, error.message)
            self._failures.append(failure)
            self._note(client)
            if client in self._clients:
                self._problems[client] = failure

    def remember(
        self, answers: Iterable[tuple[float, float | None, int]], failures: Iterable[tuple[float, str, str, str, str]]
    ) -> None:
        """Put what an earlier program saw before what this one has seen, each oldest first.

        Answers are `(at, first_token, output_tokens)`, failures `(at, id, client, title, message)`.
        """
        with self._lock:
            earlier = [_Answer(*answer) for answer in answers]
            self._answers = deque([*earlier, *self._answers], maxlen=KEPT)
            self._failures = deque([*(_Failure(*failure) for failure in failures), *self._failures], maxlen=ERRORS)
            self.version += 1

    def _note(self, client: str) -> None:
        self.version += 1
        if client in self._clients or len(self._clients) < CLIENTS:
            self._clients[client] = self._clock()

    def clients(self) -> dict[str, float]:
        """Give the time at which each client's newest request ended, since the start."""
        with self._lock:
            return dict(self._clients)

    def lamps(self) -> dict[str, dict[str, Any]]:
        """Give for each client, since the start, when it was answered last, and why its newest request failed."""
        with self._lock:
            return {
                client: {"answered_at": self._answered.get(client), "problem": problem and asdict(problem)}
                for client in self._clients
                for problem in [self._problems.get(client)]
            }

    def as_json(self) -> dict[str, Any]:
        """Give what the page draws: dots, tokens of each minute (oldest first), newest errors first."""
        with self._lock:
            until = self._clock()
            while self._answers and self._answers[0].at <= until - HOUR:
                self._answers.popleft()
            answers = list(self._answers)
            failures = [f for f in self._failures if f.at > until - HOUR]
        from statistics import median  # not at the start, as it imports much

        waits = [(a.at, a.first_token) for a in answers if a.first_token is not None]
        tokens = [0] * MINUTES
        for answer in answers:
            minute = int((answer.at - (until - HOUR)) / 60)
            tokens[min(max(minute, 0), MINUTES - 1)] += answer.output_tokens
        return {
            "until": until,
            "answers": len(answers),
            "first_tokens": [(round(at, 1), round(wait, 4)) for at, wait in waits[-DOTS:]],
            "median": median(wait for _, wait in waits) if waits else None,
            "slowest": max((wait for _, wait in waits), default=None),
            "tokens": tokens,
            "errors": [
                {"at": f.at, "id": f.id, "client": f.client, "title": f.title, "message": f.message[:500]}
                for f in reversed(failures)
            ],
        }
