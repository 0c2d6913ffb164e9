"""What the endpoints share. `server/run.py` makes it once, so that nothing is global."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..bridge.model_names import resolve_model
from ..errors import ModelNotFoundError
from ..machine.api_keys import OWNER, PAGE, ApiKeys
from ..machine.sign_in import SignIn
from ..session_log import SessionLog
from ..settings.schema import Settings
from ..snapshots import ModelSnapshot, ServerSnapshot
from ..turns import JsonObject
from .in_flight import InFlight
from .key_limits import LimitKeeper
from .origins import RefusedPages
from .page.access import DashboardAccess
from .page.last_hour import LastHour

if TYPE_CHECKING:
    from ..claude.pool import SessionPool
    from ..doctor.checks import Check


MODELS_SECONDS = 15.0  # that a process may take until it has told the account's models


class ServerView(Protocol):
    """The server as the page and `/status` use it. Safe from any thread."""

    def snapshot(self) -> ServerSnapshot:
        """Return the state at this moment; it never changes afterwards."""
        ...

    def subscribe(self, callback: Callable[[ServerSnapshot], None]) -> Callable[[], None]:
        """Call `callback` with each new snapshot, on the server's thread; the returned function ends that."""
        ...

    def cancel_request(self, request_id: str) -> bool:
        """End a request with an error; return whether it was under way."""
        ...


class OwnServer(ServerView, Protocol):
    """The server as the owner's commands and the page's first steps use it. Safe from any thread."""

    def pause(self, paused: bool) -> None:
        """Refuse new requests, or take them again. Requests under way go on."""
        ...

    def page_pass(self) -> str:
        """Give the value of `?pass=…` that opens the page without an API key; empty where no key is needed."""
        ...

    def account_changed(self) -> None:
        """Use the account that Claude Code has now: the server starts again."""
        ...

    def let_page_in(self, origin: str) -> None:
        """Add a web origin to the setting `allowed_origins`."""
        ...

    def use_claude_settings(self, used: bool) -> None:
        """Set `claude_settings` and start the server again. Takes seconds."""
        ...

    @property
    def sign_in(self) -> SignIn:
        """Return the sign-in of Claude Code that the page drives."""
        ...

    @property
    def on_end(self) -> Callable[[bool], None]:
        """Return what ends the program; its argument says whether requests under way may finish first."""
        ...


class AnswerStore(Protocol):
    """Keep what dialects store of their answers (`Dialect.kept`). `owner` names the API key that asked, if any."""

    async def load(self, ids: Sequence[str], owner: str | None) -> Mapping[str, JsonObject]:
        """Return the records of these answers and of all before them, without another key's."""
        ...

    async def save(self, answers: Mapping[str, JsonObject], owner: str | None) -> None:
        """Keep records under their ids."""
        ...

    async def delete(self, id_: str, owner: str | None) -> bool:
        """Delete an answer; return whether this key had one of this id."""
        ...


@dataclass
class Services:
    """Everything that the endpoints share. `settings` may be replaced while the server runs."""

    settings: Settings
    log: SessionLog
    server: OwnServer
    in_flight: InFlight
    last_hour: LastHour
    pool: SessionPool
    keys: ApiKeys
    page_access: DashboardAccess
    refused_pages: RefusedPages = field(default_factory=RefusedPages)
    owner_token: str = ""
    more_checks: Callable[[], Sequence[Check]] = tuple  # the doctor's, of what only the whole app knows: the tray
    answers: AnswerStore | None = None
    limits: LimitKeeper = field(init=False)

    def __post_init__(self) -> None:
        self.limits = LimitKeeper(self.keys)

    def verify_key(self, candidate: str) -> str | None:
        """Give the name of the key `candidate`, or None; the owner's token and the page's own key are known too."""
        given = candidate.encode("utf-8", "replace")
        if self.owner_token and secrets.compare_digest(given, self.owner_token.encode()):
            return OWNER
        if secrets.compare_digest(given, self.page_access.page_key.encode()):
            return PAGE
        return self.keys.verify(candidate)

    def page_refused(self, origin: str) -> None:
        """Count a refused web page as a failed request, so that status, page and tray name it."""
        self.in_flight.failed += 1
        self.refused_pages.add(origin)

    def models(self) -> tuple[ModelSnapshot, ...]:
        """Give the account's models; empty until a worker has reported them."""
        return self.pool.models

    async def names_of(self, model: str, requested: str, owner: str | None) -> tuple[str, ...]:
        """Give every name of a model, its own first: the one that was asked for, its short one, its full id, and others
        that the key's limits have for it.

        A key that is limited to other names waits until Claude Code has told which models there are.
        """
        allowed = self.keys.limits_of(owner).models if owner else ()
        until = time.monotonic() + MODELS_SECONDS
        while allowed and not self.models() and not {model, requested} & set(allowed) and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # seldom: the first second after a start
        each = [(one.value, one.resolved) for one in self.models()]
        known = (model, requested, *(name for names in each if model in names for name in names))
        return (*known, *(name for name in allowed if name not in known and self._means(name) in known))

    def _means(self, name: str) -> str | None:
        with suppress(ModelNotFoundError):
            return self.resolve_model(name)
        return None

    def check_model(self, name: str) -> None:
        """Raise ModelNotFoundError for a name that no request may ask for, once Claude Code has told the models."""
        if self.models():
            self.resolve_model(name)

    def resolve_model(self, requested: str) -> str:
        """Find the Claude model of a requested name; raises ModelNotFoundError."""
        settings = self.settings
        return resolve_model(requested, self.models(), settings.model_aliases, settings.default_model)
