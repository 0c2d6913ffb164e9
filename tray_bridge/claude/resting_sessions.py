"""Sessions that keep a conversation until its next request: parked after an answer, suspended while tools run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from ..snapshots import SessionState
from .session import Session


class RestingSessions:
    """Each is found by the key of its conversation. The least recently used comes first."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, Session] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._by_key.values()))

    def __len__(self) -> int:
        return len(self._by_key)

    def find(self, key: bytes) -> Session | None:
        return self._by_key.get(key)

    def add(self, session: Session) -> Session | None:
        """Take in a session that has a key. Gives the one that held the same conversation before, which has to go."""
        assert session.key is not None  # noqa: S101 - for mypy
        twin = self._by_key.pop(session.key, None)
        self._by_key[session.key] = session
        return twin

    def remove(self, session: Session) -> None:
        """Does nothing for one that is not here."""
        if session.key is not None and self._by_key.get(session.key) is session:
            del self._by_key[session.key]

    def clear(self) -> None:
        self._by_key.clear()

    def oldest(self, *states: SessionState) -> Session | None:
        return next((session for session in self if session.state in states), None)

    def surplus(self, limits: Mapping[SessionState, int]) -> list[Session]:
        """Those that are more than their state allows, and those whose time is over."""
        now = time.time()
        found = [session for session in self if session.expires_at is not None and session.expires_at <= now]
        for state, limit in limits.items():
            resting = [session for session in self if session.state == state and session not in found]
            found += resting[: max(0, len(resting) - limit)]
        return found

    def seconds_to_expiry(self) -> float | None:
        """Until the next one's time is over."""
        return min((s.expires_at - time.time() for s in self if s.expires_at is not None), default=None)
