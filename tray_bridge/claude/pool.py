"""The pool: answers turns with the workers that there are.

Owns lending and giving back; must not know what a turn says. All methods run in the event loop that called `open()`.
Decisions are made without awaiting (`choose`); what waits (starting, resetting, closing) happens outside them, in the
request that needs it or in a task that the roster owns.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace

from ..errors import (
    CliUnavailableError,
    QueueFullError,
    ServerStoppingError,
    SessionLostError,
    TrayBridgeError,
)
from ..snapshots import AccountSnapshot, ModelSnapshot, PoolSnapshot, SessionKind
from ..turns import Event, Leased, ToolResult, ToolUse, Turn, TurnEnded, TurnStarted
from .account_state import AccountState
from .api_schema import ApiSchemas
from .choose import Candidate, Choice, can_become, choose
from .cli_process import CliProcess
from .conversation import Plan, Wanted
from .fair_queue import FairQueue
from .give_back import GiveBack
from .keeper import Keeper
from .roster import PoolConfig, Roster
from .token_counter import TokenCounter
from .transcript import remove_stale, resumable_past
from .turn_run import TurnRun
from .worker import Worker
from .worker_states import RESTING

__all__ = ["PoolConfig", "SessionPool"]
logger = logging.getLogger(__name__)

MOST_LOST = 5  # workers for one turn, before it fails
RETRY_AFTER = 5.0  # seconds, for a request that finds the queue full
KINDS: tuple[SessionKind, ...] = ("parked", "suspended", "rewound", "reset", "fitting", "generic", "cold")


class SessionPool:
    """Answer turns with workers. `on_change` is called at every change; it must not block."""

    def __init__(self, config: PoolConfig, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        self._account = AccountState(on_change)
        self.models: tuple[ModelSnapshot, ...] = ()
        self._roster = Roster(config, self._changed, self._account.note_window)
        self._queue = FairQueue(self._roster.changed)
        self._give_back = GiveBack(self._roster)
        self._counter = TokenCounter(self._roster, self._give_back)
        self._keeper = Keeper(
            self._roster,
            greet=self._greet,
            knows_models=lambda: bool(self.models),
            trim=self._give_back.trim,
            is_waited_for=lambda: bool(self._queue),
            on_ready=self._roster.changed,
        )
        self._awaiting_first_token: set[object] = set()
        self._taken: Counter[SessionKind] = Counter()
        self._schemas = ApiSchemas()
        self.can_resume = True  # until a process could not resume a past from its file

    @property
    def account(self) -> AccountSnapshot:
        """Return the account's snapshot."""
        return self._account.account

    def found_signed_out(self) -> None:
        """Take in that Claude Code is not signed in, unless a worker has reported its account."""
        self._account.found_signed_out()

    def _greet(self, worker: Worker) -> None:
        """Take in what a worker reported of account and models when it was bound."""
        if worker.greeting is not None:
            self._account.greeted(worker.greeting.account)
            self.models = worker.greeting.models

    def _changed(self) -> None:
        self._queue.call_next()
        self._on_change()

    # Opening and closing

    async def open(self, early: CliProcess | None = None) -> None:
        """Start the first spare; return when its process is spawned, long before it answers.

        `early` is a process that was started in this loop before; the first spare uses it if its options match.
        """
        config = self._roster.config
        self._roster.open()
        self._keeper.open()
        config.work_folder.mkdir(parents=True, exist_ok=True)
        if config.transcript_folder is not None:
            remove_stale(config.transcript_folder)
        if not await self._keeper.start_first(early) and early is not None:
            self._roster.own(early.end())

    def fill(self) -> None:
        """Start the other spares, one after the other, from now on."""
        if self._roster.is_open:
            self._keeper.run()

    async def close(self) -> None:
        """End every worker; requests in the queue get ServerStoppingError. Takes about two seconds at most."""
        self._roster.is_open = False
        self._queue.call_next()
        await self._keeper.close()
        await self._roster.close()

    def reconfigure(self, config: PoolConfig) -> None:
        """Take new sizes and times at once; close workers that do not fit them."""
        old, self._roster.config = self._roster.config, config
        if (old.cli_path, old.default_model, old.reuse) != (config.cli_path, config.default_model, config.reuse):
            self._keeper.forget_binding()
            for worker in self._roster.spares:
                self._roster.discard(worker, "the settings have changed")
            self._roster.proved()
        self._give_back.trim()
        self._roster.changed()

    # Asking

    async def ask(self, turn: Turn) -> AsyncGenerator[Event, None]:
        """Answer one turn: `Leased` (again for each replaced worker), then the answer's events up to `TurnEnded`.

        A worker that is lost before its first event is replaced, several times if need be: what ended one spare may
        have ended all. Close the generator (`aclosing`) to cancel the turn; its worker is then given back or ended.
        Raises QueueFullError, CliUnavailableError, ServerStoppingError, and what the turn itself raises.
        """
        turn = self._schemas.prepare(_without_unwanted_tools(turn))
        for left in reversed(range(MOST_LOST)):
            said, token = False, object()
            try:
                async with self._first_token_awaited(token), self._lent(Wanted.of(turn)) as (run, leased):
                    yield leased
                    async with aclosing(run.events()) as events:
                        async for event in events:
                            if not said and not isinstance(event, TurnStarted):
                                self._first_token_came(token)
                            said = True
                            if isinstance(event, TurnEnded):
                                self._account.answered()  # now: the caller may stop reading at this event
                            yield event
                return
            except SessionLostError as error:
                if said or not left:
                    if isinstance(error.__cause__, CliUnavailableError):  # what keeps processes from starting
                        raise error.__cause__ from None
                    raise
            except TrayBridgeError as error:
                if self._schemas.note_refusal(turn, error) and left and not said:
                    turn = replace(turn, binds_schema=True)
                    continue
                self._account.failed(error)
                raise

    async def count(self, turn: Turn) -> int | None:
        """Count the tokens of a turn's input upstream, if a worker is free for that and none waits for one."""
        turn = self._schemas.prepare(_without_unwanted_tools(turn))
        return None if self._queue else await self._counter.count(turn)

    @contextlib.asynccontextmanager
    async def _first_token_awaited(self, token: object) -> AsyncIterator[None]:
        self._awaiting_first_token.add(token)
        self._keeper.set_quiet(False)
        try:
            yield
        finally:
            self._first_token_came(token)

    def _first_token_came(self, token: object) -> None:
        self._awaiting_first_token.discard(token)
        self._keeper.set_quiet(not self._awaiting_first_token)

    # Lending

    @contextlib.asynccontextmanager
    async def _lent(self, wanted: Wanted) -> AsyncIterator[tuple[TurnRun, Leased]]:
        """Lend the worker that can answer this turn soonest; afterwards it is given back, parked or closed."""
        began = time.monotonic()
        self._roster.last_request = began
        # A request that comes while others wait is queued behind them, even if a worker has just become free.
        worker = None if self._queue else self._pick(wanted)
        if worker is None:
            worker = await self._pick_in_turn(wanted)
        waited = time.monotonic() - began
        self._taken[worker.kind] += 1
        self._keeper.note_lent(wanted.binding, is_new=worker.kind not in ("parked", "suspended"))
        logger.info("worker %d: lent (%s) after %.0f ms", worker.id, worker.kind, waited * 1000)
        self._on_change()
        run, error = TurnRun(worker, wanted, self._roster.config.turn_timeout), None
        try:
            if worker.kind == "cold":
                await self._start(worker, wanted)
            yield run, Leased(worker.kind, waited)
        except BaseException as raised:
            error = raised
            raise
        finally:
            self._roster.last_request = time.monotonic()
            self._greet(worker)
            self._give_back.take(worker, run.rest, error, keep=wanted.turn.keep)

    async def _start(self, worker: Worker, wanted: Wanted) -> None:
        try:
            await worker.start_bound(wanted.binding)
        except CliUnavailableError as error:
            if worker.past:
                logger.warning("A conversation could not be resumed, so it is written turn by turn: %s", error)
                self.can_resume = False
                raise SessionLostError(str(error)) from error
            is_first = not self._roster.failures
            self._roster.failed(error)
            # Once more after a process that was killed, as by a system that is short of memory, or where others run.
            is_surprise = is_first and (worker.process.was_killed or any(w.has_started for w in self._roster))
            if is_surprise or self._should_wait(wanted):
                pause = self._roster.failures.seconds_to_retry()
                asyncio.get_running_loop().call_later(pause, self._roster.changed)
                raise SessionLostError(str(error)) from error
            raise
        self._roster.wake.set()

    async def _pick_in_turn(self, wanted: Wanted) -> Worker:
        """Wait in the queue, of which only the head may pick, until a worker is free."""
        config = self._roster.config
        if len(self._queue) >= config.queue_limit:
            raise QueueFullError(
                f"All {config.max_sessions} processes are busy, and {len(self._queue)} requests wait in the queue.",
                retry_after=RETRY_AFTER,
                hint="Try again in a few seconds, or raise `max_sessions` or `queue_limit`.",
            )
        try:
            return await self._queue.wait(lambda: self._pick(wanted), config.queue_timeout)
        except asyncio.TimeoutError:
            raise QueueFullError(
                f"No Claude Code process became free in {config.queue_timeout:g} seconds.",
                retry_after=RETRY_AFTER,
                hint="Try again in a few seconds, or raise `max_sessions`.",
            ) from None

    def _pick(self, wanted: Wanted) -> Worker | None:
        """Decide at once: a worker marked busy, a new one still to be started, or None for the queue."""
        roster, config = self._roster, self._roster.config
        if not roster.is_open:
            raise ServerStoppingError("The server is stopping.")
        candidates = [_candidate(worker, wanted) for worker in roster if worker.alive]
        is_held = any(candidate.plan.how in ("results", "continue") for candidate in candidates)
        may_resume = config.transcript_folder is not None and self.can_resume and not is_held
        past = resumable_past(wanted.turn.messages) if may_resume else ()
        choice = choose(
            wanted.binding,
            candidates,
            limit=config.max_sessions,
            reuse=config.reuse,
            resume=bool(past),
            may_wait=config.queue_limit > len(self._queue),
        )
        if choice is None or (choice.worker is None and self._should_wait(wanted)):
            return None
        worker = self._chosen(choice, past)
        worker.kind = choice.kind
        worker.move("busy")
        return worker

    def _should_wait(self, wanted: Wanted) -> bool:
        """Whether processes do not start now, and one that runs could take this turn, at once or after its own."""
        roster = self._roster
        if not (
            roster.config.reuse and roster.failures.seconds_to_retry() and len(self._queue) < roster.config.queue_limit
        ):
            return False
        running = (w for w in roster if w.alive and w.has_started and w.state != "suspended")
        return any(worker.can_be_reset and can_become(worker.binding, wanted.binding) for worker in running)

    def _chosen(self, choice: Choice, past: object) -> Worker:
        if choice.close is not None:
            self._roster.discard(self._roster[choice.close], "its place is needed")
        if choice.worker is None:
            return self._roster.add(past)  # type: ignore[arg-type]
        return self._roster[choice.worker]

    def snapshot(self) -> PoolSnapshot:
        """Return the pool's snapshot."""
        config, states = self._roster.config, self._roster.count()
        return PoolSnapshot(
            size=config.size,
            max_sessions=config.max_sessions,
            warm=states["warm"] + states["idle"],
            fitting=states["fitting"],
            starting=states["starting"],
            busy=states["busy"] + states["settling"],
            parked=states["parked"],
            suspended=states["suspended"],
            queued=len(self._queue),
            sessions=tuple(w.snapshot() for w in sorted(self._roster, key=lambda w: w.id) if w.state != "closing"),
            taken=tuple((kind, self._taken[kind]) for kind in KINDS),
            problem=self._roster.failures.problem,
            no_reuse=config.no_reuse,
        )


def _candidate(worker: Worker, wanted: Wanted) -> Candidate:
    plan = worker.conversation.plan(wanted) if worker.state in RESTING else Plan("new")
    if plan.how == "results" and worker.reader.went_on():
        plan = Plan("new")
    return Candidate(worker.id, worker.state, worker.since, worker.binding, plan, can_be_reset=worker.can_be_reset)


def _without_unwanted_tools(turn: Turn) -> Turn:
    """Remove the tools for the choice `none`, unless the conversation has calls: the Messages API then needs their
    tools.
    """
    if turn.tool_choice.type != "none":
        return turn
    has_calls = any(isinstance(b, (ToolUse, ToolResult)) for m in turn.messages for b in m.content)
    return turn if has_calls else replace(turn, tools=())
