"""What the endpoints share: handed in once by `server`, so that nothing here is global."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..bridge.model_names import resolve_model
from ..machine.api_keys import ApiKeys
from ..session_log import SessionLog
from ..settings.schema import Settings
from ..snapshots import ModelSnapshot, ServerSnapshot
from .in_flight import InFlight
from .page.access import DashboardAccess
from .page.last_hour import LastHour

if TYPE_CHECKING:
    from ..claude.pool import SessionPool


class ServerView(Protocol):
    """The server as the page and `/status` see it. Safe from any thread."""

    def snapshot(self) -> ServerSnapshot: ...
    def subscribe(self, callback: Callable[[ServerSnapshot], None]) -> Callable[[], None]: ...
    def cancel_request(self, request_id: str) -> bool: ...


@dataclass
class Services:
    """Settings may be replaced while the server runs."""

    settings: Settings
    log: SessionLog
    server: ServerView
    in_flight: InFlight
    last_hour: LastHour
    pool: SessionPool
    keys: ApiKeys
    page_access: DashboardAccess

    def models(self) -> tuple[ModelSnapshot, ...]:
        """What the account offers; empty until a session has told."""
        return self.pool.models

    def resolve_model(self, requested: str) -> str:
        settings = self.settings
        return resolve_model(requested, self.models(), settings.model_aliases, settings.default_model)
