"""What a dialect is: the paths and shapes of one kind of client, for requests, answers and errors.

A dialect is one folder beside this file, and an import and a name in `all_dialects`. It is pure: no await, no I/O, no
clock. It reads a body into a `Turn` and writes the turn's events as frames; `api/answering.py` does everything between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from ..snapshots import ModelSnapshot
from ..turns import Event, JsonObject, Turn
from .parameters import Parameter

Framing: TypeAlias = Literal["sse", "named_sse", "ndjson"]
"""How frames become bytes: SSE with data alone and `[DONE]`, SSE with event names, or a JSON object a line."""

ErrorKind: TypeAlias = Literal[
    "invalid_request",
    "unknown_url",
    "method_not_allowed",
    "model_not_found",
    "request_too_large",
    "unsupported_body",
    "request_timeout",
    "access_denied",
    "invalid_key",
    "not_signed_in",
    "rate_limit",
    "quota",
    "billing",
    "permission",
    "conflict",
    "overloaded",
    "timeout",
    "unavailable",
    "cancelled",
    "internal",
]
"""What went wrong, in no dialect's words; `api/errors.py` maps our errors to it, each dialect words it."""


class Frame(NamedTuple):
    """One piece of a streamed answer. `data` is JSON in ASCII; `name` is its event name, where the framing has one."""

    data: bytes
    name: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What `Dialect.read` gets besides the body.

    `resolve_model` turns the requested name ("default" if there is none) into a Claude model, and may raise
    ModelNotFoundError. `fetched` holds the bytes of every URL that `Dialect.find_urls` found. `path` is the request's
    path, `headers` its headers with names in lower case. `show_reasoning` is the setting. `stored` holds the record
    of each of the body's `Dialect.stored_ids`, without those that are deleted.
    """

    resolve_model: Callable[[str], str]
    fetched: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    show_reasoning: bool = True
    stored: Mapping[str, JsonObject] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Asked:
    """One understood request: the turn, and how the client wants its answer.

    `n` is the number of answers; with 0 the model is not asked, and `Dialect.closing` or `whole` makes the answer.
    `ignored` names what was accepted but cannot be honoured, for a header. `schema_param` is the path of the field that
    gave `turn.output_schema`. `options` is the dialect's own; `headers` are further headers of the answer.

    With `counts` the answer is the number of the turn's tokens: `counted`, or an estimate where that is None.
    """

    turn: Turn
    requested_model: str
    streamed: bool
    n: int = 1
    show_reasoning: bool = True
    ignored: tuple[str, ...] = ()
    schema_param: str | None = None
    options: Any = None
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    turns: Sequence[Turn] = ()
    counts: bool = False
    counted: int | None = None

    def turn_of(self, index: int) -> Turn:
        """Give the turn of answer `index`, from `turns` where they differ."""
        return self.turns[index] if self.turns else self.turn


@dataclass(frozen=True, slots=True)
class Stamp:
    """The answer's id, prefix included, and the time of its request (Unix epoch, whole seconds).

    `elapsed()` is the time since then in seconds, the only clock that a writer may read.
    """

    id: str
    created: int
    request_id: str = ""
    elapsed: Callable[[], float] = float


class Failure(NamedTuple):
    """An error for a dialect to write: `status` is HTTP's, `param` the field, `code` more exact than `kind`.

    `retry_after` has the seconds after which the request may be sent again, if they are known.
    """

    status: int
    kind: ErrorKind
    message: str
    param: str | None = None
    code: str | None = None
    request_id: str = ""
    retry_after: float | None = None

    @property
    def message_with_field(self) -> str:
        """The message for a dialect whose errors have no field of their own for `param`."""
        is_named = self.kind != "invalid_request" or not self.param or self.param in self.message
        return self.message if is_named else f"{self.param}: {self.message}"


class Writer(Protocol):
    """Write one streamed answer, from what `bridge.answer.AnswerShaper` gives, in order."""

    def write(self, event: Event) -> Sequence[Frame]:
        """Give the frames of one event, often none. Keeps what later frames need."""
        ...


class Dialect(Protocol):
    """The API of one kind of client. All methods are pure; the only error they raise is InvalidRequestError.

    A dialect inherits from this class, so that it has the defaults below.
    """

    name: str  # that of the folder: `openai_chat`
    title: str  # as people know it: "Chat Completions"
    paths: tuple[str, ...]  # whole paths of its POST requests, all prefixes included
    id_prefix: str  # of an answer's id: "chatcmpl-"
    framing: Framing
    streams_by_default: bool
    operation: JsonObject  # OpenAPI's description of the paths: `requestBody` and `responses`, "default" among them
    parameters: Sequence[Parameter] = ()
    header_seconds: float = 75.0  # of silence, after which the headers of a stream are sent without a first frame
    stores: bool = False  # whether answers are stored: `stored_ids` and `kept` are asked only then

    def owns(self, path: str, headers: Mapping[str, str]) -> bool:
        """Return whether this dialect writes errors at this path, and `/v1/models`: its paths and those below."""
        return any(path == own or path.startswith(f"{own}/") for own in self.paths)

    def headers(self, request_id: str) -> Mapping[str, str]:
        """Give headers for every answer at the paths that the dialect owns, errors included."""
        return {}

    def find_urls(self, body: JsonObject) -> Mapping[str, str]:
        """Give the picture URLs to fetch before `read`, each with the path of its field."""
        return {}

    def stored_ids(self, body: JsonObject) -> Sequence[str]:
        """Give the ids of stored answers that the body refers to, to be loaded into `Reading.stored` before `read`."""
        return ()

    def read(self, body: JsonObject, reading: Reading) -> Asked:
        """Read a body into a turn, and how the client wants the answer. Raise InvalidRequestError with `param`."""
        ...

    def writer(self, asked: Asked, stamp: Stamp, index: int) -> Writer:
        """Make the writer of answer `index` of `asked.n`."""
        ...

    def closing(self, asked: Asked, stamp: Stamp, writers: Sequence[Writer]) -> Sequence[Frame]:
        """Make the frames after all `writers` have ended (before `[DONE]`), such as the usage of all choices."""
        return ()

    def keep_alive(self, asked: Asked, stamp: Stamp) -> Frame | None:
        """Make the keep-alive of a stream; None for the framing's own: a comment in SSE, nothing in NDJSON."""
        return None

    def whole(self, asked: Asked, stamp: Stamp, answers: Sequence[Sequence[Event]]) -> JsonObject:
        """Make the answer in one piece, from the shaped events of each of its `asked.n` answers."""
        ...

    def kept(self, asked: Asked, stamp: Stamp, answers: Sequence[Sequence[Event]]) -> Mapping[str, JsonObject]:
        """Give the records to store by id, from the same events as `whole`; they are stored before the last frame is
        sent.
        """
        return {}

    def error(self, failure: Failure) -> JsonObject:
        """Make the body of an error's HTTP answer."""
        ...

    def error_frames(self, failure: Failure, writers: Sequence[Writer]) -> Sequence[Frame]:
        """Make the last frame of a stream that fails after its first byte; `writers` know what was written so far."""
        ...

    def models(self, offered: Sequence[ModelSnapshot]) -> JsonObject | None:
        """Make the list of models in this dialect's shape, or None if it has none."""
        ...

    def models_page(self, listed: JsonObject, query: Mapping[str, str]) -> JsonObject:
        """Give the part of `models` that a query asks for."""
        return listed

    def model(self, name: str, model: ModelSnapshot) -> JsonObject | None:
        """Describe one model under the name by which it was asked for, or None if the dialect has no shape for it."""
        return None
