"""What the endpoints share: handed in once by `server`, so that nothing here is global."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..bridge.model_names import resolve_model
from ..session_log import SessionLog
from ..settings import Settings
from ..snapshots import ModelSnapshot, ServerSnapshot
from .in_flight import InFlight
from .last_hour import LastHour

if TYPE_CHECKING:
    from ..claude.pool import SessionPool


class ServerView(Protocol):
    """The server as the page and `/status` see it. Safe from any thread."""

    def snapshot(self) -> ServerSnapshot: ...
    def subscribe(self, callback: Callable[[ServerSnapshot], None]) -> Callable[[], None]: ...
    def cancel_request(self, request_id: str) -> bool: ...


@dataclass
class Services:
    """Settings may be replaced while the server runs; `pool` is set once the SDK has been loaded."""

    settings: Settings
    log: SessionLog
    server: ServerView
    in_flight: InFlight
    last_hour: LastHour
    pool: asyncio.Future[SessionPool] = field(default_factory=asyncio.Future)

    def models(self) -> tuple[ModelSnapshot, ...]:
        """What the account offers; empty until a session has told."""
        return self.pool.result().models if self.pool.done() else ()

    def resolve_model(self, requested: str) -> str:
        settings = self.settings
        return resolve_model(requested, self.models(), settings.model_aliases, settings.default_model)
