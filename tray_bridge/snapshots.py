"""Immutable snapshots of the server's state, for the tray, the page, `/status` and the command line.

A leaf. Times are seconds; points in time are Unix epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .errors import TrayBridgeError
from .machine.bridge_address import address_of

ServerState: TypeAlias = Literal["stopped", "starting", "ready", "stopping", "error"]
SessionState: TypeAlias = Literal["starting", "warm", "fitting", "busy", "parked", "suspended", "closing"]
SessionKind: TypeAlias = Literal["parked", "suspended", "rewound", "reset", "fitting", "generic", "cold"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A `TrayBridgeError` for display."""

    title: str
    message: str
    hint: str = ""
    at: float = 0.0

    @classmethod
    def of(cls, error: TrayBridgeError, at: float) -> Problem:
        """Make it from an error."""
        return cls(error.title, error.message, error.hint, at)


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """One worker. `since` is the time at which it entered its state, `expires_at` when a parked or suspended one is
    closed.
    """

    id: int
    state: SessionState
    started_at: float
    since: float
    model: str | None = None
    pid: int | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class PoolSnapshot:
    """The pool at one moment. `taken` counts the requests since the start by the kind of worker that served them.

    `no_reuse` tells why each conversation has a process of its own; empty if processes are reset.
    """

    size: int = 0
    max_sessions: int = 0
    warm: int = 0
    fitting: int = 0
    starting: int = 0
    busy: int = 0
    parked: int = 0
    suspended: int = 0
    queued: int = 0
    sessions: tuple[SessionSnapshot, ...] = ()
    taken: tuple[tuple[SessionKind, int], ...] = ()
    problem: Problem | None = None
    no_reuse: str = ""


@dataclass(frozen=True, slots=True)
class RequestSnapshot:
    """One request in flight. `client` is a short name made from its user agent; `tokens` counts deltas so far."""

    id: str
    client: str
    model: str
    streamed: bool
    started_at: float
    queued: bool
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class RefusedPage:
    """A web page that was refused: its origin, its last request and how many there were."""

    origin: str
    at: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class PlanWindow:
    """A limit of the account's plan: `name` as in the CLI (`five_hour`, `seven_day`), `used` from 0 to 1.

    `told_at` is the time of the CLI's report, which comes with an answer and so may be old.
    """

    name: str
    used: float | None
    resets_at: float | None
    status: str = "allowed"
    told_at: float | None = None


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """How Claude Code is signed in, as the CLI reports it. `signed_in` is None until that is known."""

    signed_in: bool | None = None
    plan: str | None = None
    uses_api_key: bool = False
    cli_version: str | None = None
    windows: tuple[PlanWindow, ...] = ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """A problem of the account for which the last request failed. `until` is when a limit ends."""

    kind: Literal["signed_out", "limit", "refused"]
    problem: Problem
    until: float | None = None


@dataclass(frozen=True, slots=True)
class ModelSnapshot:
    """A model that the account offers: `value` is what a client may ask for, `resolved` the full id."""

    value: str
    resolved: str
    display_name: str
    description: str = ""
    efforts: tuple[str, ...] = ()
    can_stop_thinking: bool = False


DEFAULT_MODEL = "sonnet"  # unless the settings name another
USUAL_MODELS = tuple(ModelSnapshot(name, name, name.capitalize()) for name in ("sonnet", "opus", "haiku"))
"""What is offered until the CLI has told what the account has."""


@dataclass(frozen=True, slots=True)
class ServerSnapshot:
    """The server at one moment."""

    state: ServerState = "stopped"
    host: str = "127.0.0.1"
    port: int = 8000
    demo: bool = False
    started_at: float | None = None
    pool: PoolSnapshot = PoolSnapshot()
    requests: tuple[RequestSnapshot, ...] = ()
    served: int = 0
    failed: int = 0
    account: AccountSnapshot = AccountSnapshot()
    models: tuple[ModelSnapshot, ...] = ()
    problem: Problem | None = None
    log_problem: Problem | None = None
    trouble: Trouble | None = None
    paused: bool = False
    drains_since: float | None = None  # when it began to wait for the last requests, so as to stop or restart
    restarts_then: bool = False
    default_model: str = DEFAULT_MODEL
    newer_version: str | None = None
    refused_pages: tuple[RefusedPage, ...] = ()
    ollama_port: int | None = None  # the second port, where it is open
    ollama_problem: Problem | None = None

    @property
    def base_url(self) -> str:
        """Give the API's address for a client on this machine."""
        return f"{address_of(self.host, self.port)}/v1"

    @property
    def active(self) -> int:
        """Return the number of requests in flight."""
        return len(self.requests)
