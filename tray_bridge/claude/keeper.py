"""Keep enough workers ready: start them ahead of need, bind them, end expired conversations, close surplus.

Owns the one task that does so. Each decision is a named step, which reads the state anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from ..errors import CliUnavailableError, TrayBridgeError
from ..machine.time_limit import wait_within
from .cli_process import CliProcess
from .conversation_key import Binding
from .in_time import START_TIMEOUT, start_limit
from .roster import PROVEN_SECONDS, Roster, is_proven
from .start_slots import CORES
from .worker import Worker
from .worker_states import FREE, RESTING

logger = logging.getLogger(__name__)

MISTAKE_SECONDS = 1.0  # between two tries after an error of our own, which may repeat at once
REFILL_YIELD = 2.0  # most seconds that a refill waits for requests without their first token
QUIET_SECONDS = 2.0  # without a request: then a worn worker is replaced
MOST_WASTED = 2  # spares in a row that were bound ahead in vain
LONGEST_SLEEP = 600.0


class Keeper:
    """`greet` takes in what a bound worker has reported; `trim` ends the conversations that have expired.

    `is_waited_for` says whether requests are in the queue.
    """

    def __init__(
        self,
        roster: Roster,
        *,
        greet: Callable[[Worker], None],
        knows_models: Callable[[], bool],
        trim: Callable[[], None],
        is_waited_for: Callable[[], bool],
        on_ready: Callable[[], None],
    ) -> None:
        self._roster = roster
        self._greet = greet
        self._knows_models = knows_models
        self._trim = trim
        self._is_waited_for = is_waited_for
        self._on_ready = on_ready
        self._task: asyncio.Task[None] | None = None
        self._first: Worker | None = None
        self._wasted = 0  # spares bound ahead in vain since a new conversation last fitted the one before
        self._binding = Binding(roster.config.default_model)  # of the newest request
        self._peaks = [0, 0]  # most workers busy at once, in this period and in the one before it
        self._stretch = 0

    def open(self) -> None:
        """Prepare for the event loop that runs now."""
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def start_first(self, early: CliProcess | None) -> bool:
        """Spawn the first spare; return whether it took the early process."""
        self._first = self.spare_to_start(early)
        if self._first is None:
            return False
        await self._first.spawn()
        return self._first.process is early

    def run(self) -> None:
        """Start the other spares, from now on and one after the other."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """End the keeper's task."""
        while self._task is not None and not self._task.done():
            self._task.cancel()  # in a loop: up to Python 3.11 the SDK's own waits may drop a cancellation
            await asyncio.wait({self._task}, timeout=0.1)

    def set_quiet(self, is_quiet: bool) -> None:
        """Set whether no request waits for its first token: a start costs half a second of CPU or more."""
        self._quiet.set() if is_quiet else self._quiet.clear()

    def note_lent(self, binding: Binding, *, is_new: bool) -> None:
        """Record that a worker was lent for a turn with this binding."""
        if is_new and binding == self._binding:
            self._wasted = 0
        self._binding = binding
        self._look_at_clock()
        self._peaks[0] = max(self._peaks[0], self._roster.count()["busy"])
        self.drop_overdue()

    def forget_binding(self) -> None:
        """Bind no spare ahead until the next request; for a changed default model."""
        self._binding = Binding(self._roster.config.default_model)

    def _look_at_clock(self) -> None:
        stretch = int(time.monotonic() / max(1.0, self._roster.config.idle_seconds / 2))
        if stretch != self._stretch:
            self._peaks = [0, self._peaks[0] if stretch == self._stretch + 1 else 0]
            self._stretch = stretch

    async def _keep(self) -> None:
        roster = self._roster
        while True:
            roster.wake.clear()
            self._trim()
            if roster.failures and any(map(is_proven, roster.spares)):
                roster.proved()
            with contextlib.suppress(asyncio.TimeoutError):
                await wait_within(self._quiet.wait(), REFILL_YIELD)
            try:
                if spare := self._first or self.spare_to_start():
                    self._first = None
                    await self._start(spare)
                    continue
                if spare := self.spare_to_bind():
                    await self._bind(spare)
                    continue
                self.drop_surplus()
            except TrayBridgeError as error:
                roster.failed(error)
            except Exception as error:  # of any type: the next spare may start
                logger.exception("A worker could not be started")
                roster.failed(CliUnavailableError(str(error)))
                await asyncio.sleep(MISTAKE_SECONDS)
            with contextlib.suppress(asyncio.TimeoutError):
                await wait_within(roster.wake.wait(), self.seconds_to_next_look())

    def _is_idle(self) -> bool:
        return time.monotonic() - self._roster.last_request >= self._roster.config.idle_seconds

    # The steps

    def target(self) -> int:
        """Give the number of workers to keep. Without reuse only spares count."""
        config = self._roster.config
        if self._is_idle():
            return min(config.size, 1)
        if not config.reuse or not config.size:
            return config.size
        self._look_at_clock()
        return min(config.max_sessions, max(config.size, *self._peaks))

    def spare_to_start(self, early: CliProcess | None = None) -> Worker | None:
        """Add the spare that is to be started next; None if there are enough, or it is not the time for it."""
        roster = self._roster
        states = roster.count()
        there = len(roster) if roster.config.reuse else len(roster.spares) + states["starting"]
        is_full = len(roster) >= roster.config.max_sessions
        there -= len({*self.retiring(), *(() if is_full else self.overdue())})
        if there >= self.target() or roster.failures.seconds_to_retry():
            return None
        if self._is_waited_for() or sum(worker.is_getting_ready for worker in roster) >= CORES:
            return None  # requests in the queue come first
        if is_full:
            # The first spare is worth more than the oldest conversation: every new client needs it.
            oldest = next(iter(self.retiring() or roster.in_state({"parked"})), None)
            if oldest is None or (there and not self.retiring()):
                return None
            roster.discard(oldest, "a spare is needed more")
        return roster.add(early=early)

    async def _start(self, spare: Worker) -> None:
        try:
            await spare.start()
        except TrayBridgeError as error:
            if spare not in self._roster:
                return  # a request took it, and reported its end
            self._roster.discard(spare, str(error))
            raise
        self._on_ready()

    def spare_to_bind(self) -> Worker | None:
        """Choose a spare to bind ahead to the newest binding, unless one has it already."""
        roster = self._roster
        spares = roster.spares
        unbound = [spare for spare in spares if spare.binding is None]
        if roster.config.reuse:
            return unbound[0] if unbound else None
        if any(spare.binding == self._binding for spare in spares):
            return None
        if misfit := next((spare for spare in spares if spare.binding is not None), None):
            self._wasted += 1
            roster.discard(misfit, "its binding is not asked for any more")
            return None
        if self._wasted >= MOST_WASTED:
            return None  # the prompt changes each time: binding ahead would cost a process each time
        # A single spare stays unbound until the CLI has reported account and models.
        is_enough = len(unbound) > 1 or roster.config.size == 1 or not self._knows_models()
        return unbound[0] if unbound and is_enough else None

    async def _bind(self, spare: Worker) -> None:
        binding = replace(self._binding, output_schema=None) if self._roster.config.reuse else self._binding
        spare.move("starting")
        spare.promise(binding)  # at once: a request may take a starting worker without a binding
        try:
            await wait_within(spare.bind(binding), start_limit(START_TIMEOUT))
        except (TrayBridgeError, asyncio.TimeoutError) as error:
            self._roster.discard(spare, f"it could not be bound: {error}")
            self.forget_binding()  # the binding may be the cause, not the CLI
            raise CliUnavailableError(str(error) or "Claude Code did not answer in time.") from error
        logger.info("worker %d: bound ahead", spare.id)
        spare.move("fitting")
        self._greet(spare)
        self._on_ready()

    def drop_surplus(self) -> None:
        """Close surplus free workers; with reuse, the least recently used first.

        With reuse the last one that a new conversation could have stays while requests come, with a system prompt and
        without: where the others wait for tool results, each new conversation would else cost a start.
        """
        roster, target = self._roster, self.target()
        if roster.config.reuse:
            for worker in roster.in_state(FREE):
                if not worker.can_be_reset:
                    roster.discard(worker, "it can serve no other conversation")
            self.drop_overdue()
            for worker in self.retiring()[: max(0, len(roster) - target)]:  # its replacement is there
                roster.discard(worker, "it has served its time")
            target += len(self.overdue())  # one that answers just now will be replaced, too
            free = roster.in_state(FREE)
            parked = [worker for worker in roster.in_state({"parked"}) if worker.can_be_reset]
            last = 1 if target and not self._is_idle() else 0
            kept = _last_of_each_kind((*free, *parked)) if last and roster.in_state({"suspended"}) else ()
            for worker in free[: max(0, min(len(roster) - target, len(free) + len(parked) - last))]:
                if worker not in kept:
                    roster.discard(worker, "it is not needed")
            return
        generic_first = sorted(roster.spares, key=lambda spare: spare.binding is not None)
        for spare in generic_first[target:]:
            roster.discard(spare, "it is not needed")

    def retiring(self) -> list[Worker]:
        """The idle workers to be replaced now: in a quiet moment, so that it costs no request anything."""
        if time.monotonic() - self._roster.last_request < QUIET_SECONDS:
            return []
        return [worker for worker in self._roster.in_state({"idle"}) if worker.wear.is_worn]

    def overdue(self) -> list[Worker]:
        """The worker to be replaced next, whatever it does now and however many requests come; one at a time."""
        if not self._roster.config.reuse or self._is_idle():
            return []
        return [worker for worker in self._roster if worker.alive and worker.wear.is_overdue][:1]

    def drop_overdue(self) -> None:
        """Close the overdue worker while it rests and its replacement is ready. Cheap: called at each lend."""
        for worker in self.overdue():
            has_replacement = len(self._roster) > self.target() and not self._roster.count()["starting"]
            if has_replacement and worker.state in ("idle", "parked"):
                self._roster.discard(worker, "it has served its time")

    def seconds_to_next_look(self) -> float:
        """Give the seconds until something expires, may be tried again, or counts as idle."""
        roster = self._roster
        idle = roster.config.idle_seconds - (time.monotonic() - roster.last_request)
        due = [idle if idle > 0 else LONGEST_SLEEP, LONGEST_SLEEP]
        due += [w.expires_at - time.time() for w in roster.in_state(RESTING) if w.expires_at is not None]
        until_quiet = QUIET_SECONDS - (time.monotonic() - roster.last_request)
        if until_quiet > 0 and any(worker.wear.is_worn for worker in roster.in_state({"idle"})):
            due.append(until_quiet)
        if roster.failures:
            due.append(roster.failures.seconds_to_retry() or PROVEN_SECONDS)
        return max(0.05, min(due))


def _last_of_each_kind(workers: Sequence[Worker]) -> Collection[Worker]:
    """Of those with and without a system prompt give the last: one that has had a prompt serves none without.

    One that is bound to a schema serves no other conversation.
    """
    bound = ((worker, worker.binding) for worker in workers)
    return {
        bool(binding and binding.prompt): worker
        for worker, binding in bound
        if binding is None or binding.output_schema is None
    }.values()
