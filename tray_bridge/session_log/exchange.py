"""One exchange while it happens: a request, what came back so far, and when.

Owns collecting. Everything here runs on the server's thread, takes microseconds and never waits; the log's writer only
reads. Must not know files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

from ..errors import TrayBridgeError
from ..snapshots import SessionKind
from ..turns import Event, Leased, Restarted, Turn, TurnStarted, Usage

LogMode: TypeAlias = Literal["full", "metadata", "off"]
Outcome: TypeAlias = Literal["completed", "error", "cancelled", "disconnected"]


class Exchange:
    """Collect what happens from one request to the end of its answer; `request` must not change any more."""

    def __init__(
        self,
        exchange_id: str,
        *,
        mode: LogMode,
        endpoint: str,
        client: str,
        key_name: str | None,
        streamed: bool,
        request: Mapping[str, Any],
        on_end: Callable[[], None],
        dialect: str = "openai_chat",
    ) -> None:
        self.id = exchange_id
        self.mode: LogMode = mode
        self.endpoint = endpoint
        self.client = client
        self.key_name = key_name
        self.streamed = streamed
        self.request = request
        self.dialect = dialect
        self.received = datetime.now().astimezone()
        self.turn: Turn | None = None
        self.kind: SessionKind | None = None
        self.timings: dict[str, float] = {}
        self.events: list[Event] = []
        self.further_usage: tuple[Usage, ...] = ()
        self.outcome: Outcome | None = None
        self.status: int | None = None
        self.response: Mapping[str, Any] | None = None
        self.error: TrayBridgeError | None = None
        self.ended = False
        self._began = time.monotonic()
        self._on_end = on_end

    def set_turn(self, turn: Turn, *, streamed: bool | None = None) -> None:
        """Take the turn that goes to Claude, and whether the answer is streamed: the request was understood."""
        self.streamed = self.streamed if streamed is None else streamed
        self.turn = turn

    def set_session(self, kind: SessionKind, *, queued: float = 0.0) -> None:
        """Take the worker that was found; `queued` of the seconds until now were spent in the queue."""
        self.kind = kind
        self.timings["queued_s"] = round(queued, 4)
        self._mark("session_ready_s")

    def record(self, event: Event) -> None:
        """Take one event of the answer."""
        if self.mode == "off":
            return
        if isinstance(event, Leased):
            self.set_session(event.kind, queued=event.queued)
            return
        if "first_token_s" not in self.timings and not isinstance(event, (TurnStarted, Restarted)):
            self._mark("first_token_s")
        self.events.append(event)

    def also_used(self, usage: Usage) -> None:
        """Count a further choice of the same answer; its texts are not kept."""
        self.further_usage = (*self.further_usage, usage)

    def end(
        self,
        outcome: Outcome,
        *,
        status: int,
        response: Mapping[str, Any] | None = None,
        error: TrayBridgeError | None = None,
    ) -> None:
        """End the exchange with this HTTP status; later calls change nothing."""
        if self.ended:
            return
        self._mark("end_s")
        self.outcome, self.status, self.response, self.error = outcome, status, response, error
        self.ended = True  # last: it tells the writer that the exchange is complete
        self._on_end()

    def _mark(self, name: str) -> None:
        self.timings[name] = round(time.monotonic() - self._began, 4)
