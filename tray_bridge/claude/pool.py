"""The pool: which session serves which request, and how many there are.

Owns every decision about sessions; must not know what a turn says. All methods run in the event loop that called
`open()`. Decisions are made without awaiting; what waits (spawning, binding, closing) happens outside them, in the
request that needs it or in a task that the pool owns. It is long because lending, filling and closing decide about the
same sessions: what could be told apart (queue, resting sessions, failures) has a file of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import CliUnavailableError, QueueFullError, ServerStoppingError, SessionLostError, TrayBridgeError
from ..snapshots import (
    AccountSnapshot,
    ModelSnapshot,
    PlanWindow,
    PoolSnapshot,
    SessionKind,
)
from ..turns import Event, Leased, Message, ToolResult, ToolUse, Turn, TurnEnded, TurnStarted
from .account_state import AccountState
from .cli_process import CliProcess
from .conversation_key import Binding, conversation_key
from .fair_queue import FairQueue
from .resting_sessions import RestingSessions
from .session import START_TIMEOUT, Session, SessionConfig, new_messages
from .start_failures import StartFailures
from .start_slots import CORES, StartSlots
from .transcript import remove_stale, resumable_past

logger = logging.getLogger(__name__)

REFILL_YIELD = 2.0  # seconds that a refill waits at most for requests that have not had their first token
MOST_LOST = 5  # workers for one turn, before the client is told
MOST_WASTED = 2  # spares in a row that were bound ahead for nothing
PROVEN_SECONDS = 2.0  # a spare that has lived so long has started well
RETRY_AFTER = 5.0  # seconds, for who finds the queue full
KINDS: tuple[SessionKind, ...] = ("parked", "suspended", "fitting", "generic", "cold")


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """Sizes are counts of sessions, times are in seconds; `environment` is laid over what the CLI inherits.

    `transcript_folder` is for conversations to be resumed, where the CLI is one that is known to do so rightly.
    """

    default_model: str
    work_folder: Path
    cli_path: Path | None = None
    transcript_folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    size: int = 3
    max_sessions: int = 8
    turn_timeout: float = 120.0
    queue_limit: int = 32
    queue_timeout: float = 60.0
    parked: int = 4
    parked_seconds: float = 600.0
    suspended: int = 4
    suspended_seconds: float = 900.0
    idle_seconds: float = 600.0

    def for_session(self, start_slots: StartSlots, on_plan_window: Callable[[PlanWindow], None]) -> SessionConfig:
        return SessionConfig(
            model=self.default_model,
            work_folder=self.work_folder,
            cli_path=self.cli_path,
            environment=self.environment,
            transcript_folder=self.transcript_folder,
            turn_timeout=self.turn_timeout,
            start_slots=start_slots,
            on_plan_window=on_plan_window,
        )


class Lease:
    """A borrowed session, had after `queued` seconds. `answering()` tells the pool that the first token is out."""

    def __init__(self, pool: SessionPool, turn: Turn) -> None:
        self.turn = turn
        self.queued = 0.0
        self.session: Session
        self._pool = pool

    @property
    def kind(self) -> SessionKind:
        return self.session.kind

    def answering(self) -> None:
        self._pool._awaiting_first_token.discard(self)
        if not self._pool._awaiting_first_token:
            self._pool._quiet.set()


class SessionPool:
    """Warm, resting and busy sessions. `on_change` is called at every change of the picture; it must not block."""

    def __init__(self, config: PoolConfig, on_change: Callable[[], None] = lambda: None) -> None:
        self._config = config
        self._on_change = on_change
        self._sessions: set[Session] = set()
        self._resting = RestingSessions()
        self._queue = FairQueue(self._queue_changed)
        self._failures = StartFailures()
        self._start_slots = StartSlots()
        self._tasks: set[asyncio.Task[None]] = set()
        self._awaiting_first_token: set[Lease] = set()
        self._last_binding: Binding | None = None
        self._wasted = 0  # spares bound ahead for nothing since a new conversation last fitted the one before
        self._taken: Counter[SessionKind] = Counter()
        self._account = AccountState(on_change)
        self._last_request = 0.0
        self._can_resume = True
        self._is_open = False
        self._first: Session | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.models: tuple[ModelSnapshot, ...] = ()

    @property
    def account(self) -> AccountSnapshot:
        return self._account.account

    # Opening and closing

    async def open(self, early: CliProcess | None = None) -> None:
        """Start the first spare; returns as soon as its process is spawned, long before it answers.

        `early` is one that starts already in this loop: the first spare's, if it fits.
        """
        self._is_open = True
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._wake = asyncio.Event()
        self._last_request = time.monotonic()
        self._last_binding = Binding(self._config.default_model)
        self._config.work_folder.mkdir(parents=True, exist_ok=True)
        if self._config.transcript_folder is not None:
            remove_stale(self._config.transcript_folder)
        self._first = self._spare_to_start(early)
        if early is not None and (self._first is None or self._first.process is not early):
            self._own(early.end())
        if self._first is not None:
            await self._first.spawn()

    def fill(self) -> None:
        """Start the other spares, from now on and one after the other."""
        if self._is_open and self._keeper is None:
            self._keeper = asyncio.create_task(self._keep_filled())

    async def close(self) -> None:
        """End every session; those who wait in the queue get ServerStoppingError. Takes about two seconds at most."""
        self._is_open = False
        self._queue.call_next()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        closing = (session.close() for session in self._sessions)
        await asyncio.gather(*closing, *self._tasks, return_exceptions=True)
        self._sessions.clear()
        self._resting.clear()

    def reconfigure(self, config: PoolConfig) -> None:
        """Take new sizes and times at once; sessions that do not fit them any more are closed."""
        changed = (self._config.cli_path, self._config.default_model) != (
            config.cli_path,
            config.default_model,
        )
        self._config = config
        if changed:
            self._last_binding = Binding(config.default_model)
            for session in self._spares():
                self._discard(session)
            self._proved()
        self._trim()
        self._wake.set()

    # Asking

    async def ask(self, turn: Turn) -> AsyncGenerator[Event, None]:
        """Answer one turn: `Leased` (again for each replaced worker), then the answer's events up to `TurnEnded`.

        A worker that is lost before it has said anything is replaced, and so is the next: what ended one spare may
        have ended all. Close the generator (`aclosing`) to cancel the turn; its worker is then given back or ended.
        Raises QueueFullError, CliUnavailableError, ServerStoppingError, and what the turn itself raises.
        """
        for left in reversed(range(MOST_LOST)):
            said, is_waiting = False, True
            try:
                async with self.lease(turn) as lease:
                    yield Leased(lease.kind, lease.queued)
                    async with aclosing(lease.session.run(lease.turn)) as events:
                        async for event in events:
                            said = True
                            if is_waiting and not isinstance(event, TurnStarted):
                                is_waiting = False
                                lease.answering()
                            if isinstance(event, TurnEnded):
                                self._account.answered()  # first: nobody need read on after the last event
                            yield event
                return
            except SessionLostError:
                if said or not left:
                    raise
            except TrayBridgeError as error:
                self._account.failed(error)
                raise

    # Lending

    @contextlib.asynccontextmanager
    async def lease(self, turn: Turn) -> AsyncIterator[Lease]:
        """Borrow the session that answers this turn soonest; it is given back, parked or closed afterwards.

        Raises QueueFullError, CliUnavailableError, ServerStoppingError.
        """
        turn = _without_unwanted_tools(turn)
        self._last_request = time.monotonic()
        lease = Lease(self, turn)
        self._awaiting_first_token.add(lease)
        self._quiet.clear()
        try:
            lease.session = await self._take(lease)
            try:
                yield lease
            finally:
                self._last_request = time.monotonic()
                self._give_back(lease.session)
        finally:
            lease.answering()

    async def _take(self, lease: Lease) -> Session:
        began, turn = time.monotonic(), lease.turn
        # Who comes while others wait stands behind them, even if a session has just become free.
        session = None if self._queue else self._pick(turn)
        if session is None:
            session = await self._pick_in_turn(turn)
        lease.queued = time.monotonic() - began
        self._taken[session.kind] += 1
        binding = Binding.of(turn)
        if session.rest is None and binding == self._last_binding:  # a new conversation like the last
            self._wasted = 0
        self._last_binding = binding
        self._on_change()
        if session.kind == "cold":
            try:
                await session.start_bound(binding)
            except BaseException as error:
                self._discard(session)
                if isinstance(error, CliUnavailableError) and session.past:
                    logger.warning("A conversation could not be resumed, so they are laid down: %s", error)
                    self._can_resume = False
                    return await self._take(lease)
                if isinstance(error, CliUnavailableError):
                    self._failed(error)
                raise
            self._wake.set()
        return session

    async def _pick_in_turn(self, turn: Turn) -> Session:
        """Stand in the queue, whose head alone may pick, until a session is free."""
        config = self._config
        if len(self._queue) >= config.queue_limit:
            raise QueueFullError(
                f"All {config.max_sessions} sessions are busy and {len(self._queue)} requests wait already.",
                retry_after=RETRY_AFTER,
                hint="Try again in a few seconds, or raise `max_sessions` or `queue_limit`.",
            )
        try:
            return await self._queue.wait(lambda: self._pick(turn), config.queue_timeout)
        except asyncio.TimeoutError:
            raise QueueFullError(
                f"No session became free within {config.queue_timeout:g} seconds.",
                retry_after=RETRY_AFTER,
                hint="Try again in a few seconds, or raise `max_sessions`.",
            ) from None

    def _queue_changed(self) -> None:
        self._wake.set()
        self._on_change()

    def _pick(self, turn: Turn) -> Session | None:
        """Decide at once: a session marked busy, a new one still to be started, or None for the queue."""
        if not self._is_open:
            raise ServerStoppingError("The server is stopping.")
        binding = Binding.of(turn)
        if session := self._resting_for(turn, binding):
            return self._mark(session, "suspended" if session.rest == "suspended" else "parked")
        spares = [session for session in self._spares() if session.alive]
        past = resumable_past(turn.messages) if self._config.transcript_folder and self._can_resume else ()
        if past and self._make_room(spares):
            return self._mark(self._new_session(past), "cold")
        if fitting := next((s for s in spares if s.binding == binding), None):
            return self._mark(fitting, "fitting")
        if generic := next((s for s in spares if s.binding is None), None):
            return self._mark(generic, "generic")
        if starting := next((s for s in self._sessions if s.state == "starting" and s.binding is None), None):
            return self._mark(starting, "cold")  # sooner there than one more, which would slow both
        if not self._make_room(spares):
            return None
        return self._mark(self._new_session(), "cold")

    def _resting_for(self, turn: Turn, binding: Binding) -> Session | None:
        past = turn.messages[: len(turn.messages) - len(new_messages(turn.messages))]
        if not past or not self._resting:
            return None
        key = conversation_key(binding, turn.effort, turn.thinking, past)
        session = self._resting.find(key)
        if session is None or not session.alive or not session.can_continue(turn):
            return None
        self._resting.remove(session)
        return session

    def _mark(self, session: Session, kind: SessionKind) -> Session:
        session.kind = kind
        session.state = "busy"
        session.expires_at = None
        return session

    def _make_room(self, spares: list[Session]) -> bool:
        """Whether one more process may start, if need be in place of a spare that does not fit or a resting one."""
        if len(self._sessions) < self._config.max_sessions:
            return True
        victim = next(iter(spares), None) or self._resting.oldest("parked", "suspended")
        if victim is None:
            return False
        self._discard(victim)
        return True

    def _give_back(self, session: Session) -> None:
        self._greet(session)
        rest = session.rest
        if not self._is_open or not session.alive or rest not in ("clean", "suspended") or session.key is None:
            self._discard(session)
            return
        self._proved()
        is_suspended = rest == "suspended"
        seconds = self._config.suspended_seconds if is_suspended else self._config.parked_seconds
        session.state = "suspended" if is_suspended else "parked"
        session.expires_at = time.time() + seconds
        if twin := self._resting.add(session):
            self._discard(twin)
        self._trim()
        self._wake.set()
        self._queue.call_next()
        self._on_change()

    # Closing sessions

    def _trim(self) -> None:
        """Close the resting sessions that are over a limit, least recently used first, or past their time."""
        for session in self._resting.surplus({"parked": self._config.parked, "suspended": self._config.suspended}):
            self._discard(session)

    def _discard(self, session: Session) -> None:
        """Forget a session and close it in a task of the pool's own."""
        if session not in self._sessions:
            return
        self._sessions.discard(session)
        self._resting.remove(session)
        self._own(session.close())
        if self._is_open:
            self._wake.set()
        self._queue.call_next()
        self._on_change()

    def _exited(self, session: Session) -> None:
        """A process ended by itself. A busy one is noticed by its own turn."""
        if session.state in ("warm", "fitting", "parked", "suspended"):
            if session.state in ("warm", "fitting") and not _is_proven(session):
                self._failed(CliUnavailableError("Claude Code ends soon after it has started."))
            self._discard(session)

    # Filling

    async def _keep_filled(self) -> None:
        """The one task that starts spares, binds the fitting one and lets resting sessions expire."""
        while True:
            self._wake.clear()
            self._trim()
            if self._failures and any(map(_is_proven, self._spares())):
                self._proved()
            await self._yield_to_requests()
            try:
                if spare := self._first or self._spare_to_start():
                    self._first = None
                    await self._start_spare(spare)
                    continue
                if spare := self._spare_to_bind():
                    await self._bind_spare(spare)
                    continue
                self._drop_surplus()
            except TrayBridgeError as error:
                self._failed(error)
            except Exception as error:  # whatever it is, the next spare may do better
                logger.exception("A session could not be started")
                self._failed(CliUnavailableError(str(error)))
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._seconds_to_next_look())

    async def _yield_to_requests(self) -> None:
        """A start costs half a second of CPU or more: let those who wait for their first token go first."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), REFILL_YIELD)

    def _target(self) -> int:
        is_idle = time.monotonic() - self._last_request >= self._config.idle_seconds
        return min(self._config.size, 1) if is_idle else self._config.size

    def _spare_to_start(self, early: CliProcess | None = None) -> Session | None:
        spares = len(self._spares()) + sum(s.state == "starting" for s in self._sessions)
        if spares >= self._target() or self._failures.seconds_to_retry():
            return None
        if self._queue or sum(s.is_getting_ready for s in self._sessions) >= CORES:
            return None  # those that are waited for come first
        if len(self._sessions) >= self._config.max_sessions:
            # The first spare is worth more than the oldest conversation: every new client needs it.
            oldest = self._resting.oldest("parked")
            if spares or oldest is None:
                return None
            self._discard(oldest)
        return self._new_session(early=early)

    async def _start_spare(self, spare: Session) -> None:
        try:
            await spare.start()
        except TrayBridgeError:
            if spare not in self._sessions:
                return  # a request took it, and told of its end
            self._discard(spare)
            raise
        self._queue.call_next()
        self._on_change()

    def _spare_to_bind(self) -> Session | None:
        """The spare to bind to what was asked last, unless one fits already."""
        spares = self._spares()
        if self._last_binding is None or any(s.binding == self._last_binding for s in spares):
            return None
        if misfit := next((s for s in spares if s.binding is not None), None):
            self._wasted += 1
            self._discard(misfit)
            return None
        if self._wasted >= MOST_WASTED:
            return None  # who asks changes the prompt each time: binding ahead would cost a process each time
        # With a single spare it stays generic until the CLI has told of account and models.
        generic = [spare for spare in spares if spare.binding is None]
        return generic[0] if generic and (len(generic) > 1 or self._config.size == 1 or not self.models) else None

    async def _bind_spare(self, spare: Session) -> None:
        binding = self._last_binding
        if binding is None:
            return
        spare.state = "starting"  # not to be taken meanwhile
        try:
            await asyncio.wait_for(spare.bind(binding), START_TIMEOUT)
        except (TrayBridgeError, asyncio.TimeoutError) as error:
            self._discard(spare)
            if binding != (default := Binding(self._config.default_model)):
                self._last_binding = default  # it may be the binding that is wrong, and not the CLI
            raise CliUnavailableError(str(error) or "Claude Code did not answer in time.") from error
        spare.state = "fitting"
        self._greet(spare)
        self._queue.call_next()
        self._on_change()

    def _greet(self, session: Session) -> None:
        """Take in what the CLI told of account and models when it was bound."""
        if session.greeting is not None:
            self._account.greeted(session.greeting.account)
            self.models = session.greeting.models

    def _failed(self, error: TrayBridgeError) -> None:
        self._failures.add(error)
        self._on_change()

    def _proved(self) -> None:
        """Sessions start and work."""
        if self._failures:
            self._failures.clear()
            self._wake.set()
            self._on_change()

    def _drop_surplus(self) -> None:
        generic_first = sorted(self._spares(), key=lambda spare: spare.binding is not None)
        for spare in generic_first[self._target() :]:
            self._discard(spare)

    def _seconds_to_next_look(self) -> float:
        idle = self._config.idle_seconds - (time.monotonic() - self._last_request)
        due = [idle if idle > 0 else 3600.0]
        if (expiry := self._resting.seconds_to_expiry()) is not None:
            due.append(expiry)
        if self._failures:
            due.append(self._failures.seconds_to_retry() or PROVEN_SECONDS)
        return max(0.05, min(due))

    def _new_session(self, past: Sequence[Message] = (), early: CliProcess | None = None) -> Session:
        config = self._config.for_session(self._start_slots, self._account.note_window)
        process = config.new_process()
        if early is not None and early.runs and early.options == process.options:
            process = early
        session = Session(config, self._exited, process, past)
        self._sessions.add(session)
        return session

    def _spares(self) -> list[Session]:
        spares = (session for session in self._sessions if session.state in ("warm", "fitting"))
        return sorted(spares, key=lambda session: session.id)

    def _own(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def snapshot(self) -> PoolSnapshot:
        states = Counter(session.state for session in self._sessions)
        return PoolSnapshot(
            size=self._config.size,
            max_sessions=self._config.max_sessions,
            warm=states["warm"],
            fitting=states["fitting"],
            starting=states["starting"],
            busy=states["busy"],
            parked=states["parked"],
            suspended=states["suspended"],
            queued=len(self._queue),
            sessions=tuple(s.snapshot() for s in sorted(self._sessions, key=lambda s: s.id)),
            taken=tuple((kind, self._taken[kind]) for kind in KINDS),
            problem=self._failures.problem,
        )


def _is_proven(spare: Session) -> bool:
    return time.time() - spare.since >= PROVEN_SECONDS


def _without_unwanted_tools(turn: Turn) -> Turn:
    """`none` offers no tools, unless the conversation has calls in it: the Messages API then wants them declared."""
    if turn.tool_choice.type != "none":
        return turn
    has_calls = any(isinstance(b, (ToolUse, ToolResult)) for m in turn.messages for b in m.content)
    return turn if has_calls else replace(turn, tools=())
