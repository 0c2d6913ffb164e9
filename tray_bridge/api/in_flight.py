"""The requests in flight: the client, the start and the progress of each, and how one is cancelled.

Used in the server's event loop only. Must not know workers or the session log.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..doctor.health import trouble_of
from ..errors import TrayBridgeError
from ..snapshots import RequestSnapshot, Trouble


class Entry:
    """One request. `tokens` counts the deltas so far; `queued` is True until a worker was found for it."""

    def __init__(self, request_id: str, client: str, streamed: bool) -> None:
        self.id = request_id
        self.client = client
        self.model = ""
        self.streamed = streamed
        self.queued = True
        self.tokens = 0
        self.reason: TrayBridgeError | None = None
        self._started_at = time.time()
        self._task = asyncio.current_task()

    def abort(self, reason: TrayBridgeError) -> None:
        """End the request with this error, at whatever step it is."""
        if self.reason is None and self._task is not None:
            self.reason = reason
            self._task.cancel()

    def snapshot(self) -> RequestSnapshot:
        """Return the request's snapshot."""
        return RequestSnapshot(
            self.id, self.client, self.model, self.streamed, self._started_at, self.queued, self.tokens
        )


class InFlight:
    """Keep the requests under way, and count those that ended. `on_change` is called at every change."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._entries: dict[str, Entry] = {}
        self._closed_for: TrayBridgeError | None = None
        self.paused_for: TrayBridgeError | None = None
        self.on_change = on_change
        self.served = 0
        self.failed = 0
        self.trouble: Trouble | None = None
        self.is_proved = False  # the last request that says something of the account was answered

    @contextmanager
    def enter(self, request_id: str, client: str, streamed: bool) -> Iterator[Entry]:
        """Count the current task as a request while the block runs. `Entry.abort` raises its error in the block."""
        if self._closed_for is not None or self.paused_for is not None:
            self.failed += 1
            self.on_change()
            raise self._closed_for or self.paused_for or TrayBridgeError("The server takes no requests.")
        entry = self._entries[request_id] = Entry(request_id, client, streamed)
        self.on_change()
        try:
            yield entry
            self.served += 1
            self.trouble, self.is_proved = None, True
        except asyncio.CancelledError:
            if entry.reason is None:
                raise  # the client left: not counted
            _uncancel()
            self.failed += 1
            raise entry.reason from None
        except Exception as error:
            self.failed += 1
            if trouble := trouble_of(error, time.time()):
                self.trouble, self.is_proved = trouble, False
            raise
        finally:
            del self._entries[request_id]
            self.on_change()

    def abort(self, request_id: str, reason: TrayBridgeError) -> bool:
        """End the request of this id with an error; return whether it was in flight."""
        entry = self._entries.get(request_id)
        if entry is not None:
            entry.abort(reason)
        return entry is not None

    def pause(self, reason: TrayBridgeError | None) -> None:
        """Refuse each new request with this error, until called again with None. Requests under way go on."""
        self.paused_for = reason
        self.on_change()

    def refuse(self) -> None:
        """Count a request that was refused before `enter`."""
        self.failed += 1
        self.on_change()

    def close(self, reason: TrayBridgeError) -> None:
        """End every request with this error, and refuse later ones with it."""
        self._closed_for = reason
        for entry in list(self._entries.values()):
            entry.abort(reason)

    def snapshots(self) -> tuple[RequestSnapshot, ...]:
        """Return the snapshots of all requests under way."""
        return tuple(entry.snapshot() for entry in self._entries.values())


def _uncancel() -> None:
    """Clear our own cancellation, so that an outer `asyncio.timeout` does not claim it (Python 3.11+)."""
    task = asyncio.current_task()
    if task is not None and hasattr(task, "uncancel"):
        task.uncancel()
