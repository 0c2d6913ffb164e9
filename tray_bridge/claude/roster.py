"""All workers: made, looked up, discarded. Must not decide which one serves what."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import CliUnavailableError, TrayBridgeError
from ..snapshots import PlanWindow
from ..turns import Message
from .cli_process import CliProcess
from .start_failures import StartFailures
from .start_slots import StartSlots
from .worker import Worker
from .worker_config import WorkerConfig
from .worker_states import FREE, RESTING, WorkerState

logger = logging.getLogger(__name__)

WARN_AFTER = 0.5  # seconds: Ctrl+C ends the terminal's processes too, and the stop comes a moment later
PROVEN_SECONDS = 2.0  # a spare that has run for so long has started well


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """The pool's settings. Sizes are counts of workers, times are in seconds; `environment` replaces inherited
    variables, `settings` are added to Claude Code's own.

    `transcript_folder` is for conversations to be resumed; None if the CLI is not known to do so correctly. `reuse`: a
    worker serves one conversation after another; else each has its own, and `no_reuse` tells why.
    """

    default_model: str
    work_folder: Path
    cli_path: Path | None = None
    transcript_folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    reuse: bool = False
    no_reuse: str = ""
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


class Roster:
    """Own the workers and every task that outlives a request. `on_change` is called at every change."""

    def __init__(
        self, config: PoolConfig, on_change: Callable[[], None], on_plan_window: Callable[[PlanWindow], None]
    ) -> None:
        self.config = config
        self.failures = StartFailures()
        self.is_open = False
        self.last_request = 0.0
        self._on_change = on_change
        self._on_plan_window = on_plan_window
        self._workers: dict[int, Worker] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._start_slots = StartSlots()

    def open(self) -> None:
        """Prepare for the event loop that runs now."""
        self.is_open = True
        self.last_request = time.monotonic()
        self.wake = asyncio.Event()  # set when the keeper should act

    def __iter__(self) -> Iterator[Worker]:
        return iter(list(self._workers.values()))

    def __len__(self) -> int:
        return len(self._workers)

    def __getitem__(self, worker_id: int) -> Worker:
        return self._workers[worker_id]

    def __contains__(self, worker: Worker) -> bool:
        return worker.id in self._workers

    def in_state(self, states: Collection[WorkerState]) -> list[Worker]:
        """List the live workers in these states; the one that entered its state first comes first."""
        found = (worker for worker in self if worker.state in states and worker.alive)
        return sorted(found, key=lambda worker: (worker.since, worker.id))

    @property
    def spares(self) -> list[Worker]:
        """List the free workers by id."""
        return sorted(self.in_state(FREE), key=lambda worker: worker.id)

    def count(self) -> Counter[WorkerState]:
        """Count the workers in each state."""
        return Counter(worker.state for worker in self)

    def changed(self) -> None:
        """Report a change, and let the queue's head pick."""
        if self.is_open:
            self.wake.set()
        self._on_change()

    def add(self, past: Sequence[Message] = (), early: CliProcess | None = None) -> Worker:
        """Add a worker that is not started yet. `early` is a process to use if its options match."""
        config = self.config
        for_worker = WorkerConfig(
            model=config.default_model,
            work_folder=config.work_folder,
            cli_path=config.cli_path,
            environment=config.environment,
            settings=config.settings,
            transcript_folder=config.transcript_folder,
            reuse=config.reuse,
            start_slots=self._start_slots,
            on_plan_window=self._on_plan_window,
        )
        process = for_worker.new_process()
        if early is not None and early.runs and early.options == process.options:
            process = early
        worker = Worker(for_worker, self._exited, process, past)
        self._workers[worker.id] = worker
        return worker

    def discard(self, worker: Worker, reason: str) -> None:
        """Remove a worker and close it in a task of its own. Do nothing for one that is removed already."""
        if self._workers.pop(worker.id, None) is None:
            return
        logger.info("worker %d: discarded: %s", worker.id, reason)
        self.own(worker.close())
        self.changed()

    def _exited(self, worker: Worker) -> None:
        """Take in that a process ended by itself. The turn of a busy one notices it too."""
        if worker.state in FREE | RESTING:
            if worker.state in ("warm", "fitting") and not is_proven(worker):
                self.failed(CliUnavailableError("Claude Code ended soon after its start."))
            self.discard(worker, "its process has ended")

    def failed(self, error: TrayBridgeError) -> None:
        """Take in that a worker did not start, or ended soon after."""
        if self.failures.add(error):
            asyncio.get_running_loop().call_later(WARN_AFTER, self._warn, error)
        self._on_change()

    def _warn(self, error: TrayBridgeError) -> None:
        if self.is_open:
            logger.warning("A worker could not be started: %s", error)

    def proved(self) -> None:
        """Take in that workers start and work."""
        if self.failures:
            self.failures.clear()
            self.changed()

    def own(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task that outlives a request."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End every worker. Takes about two seconds at most."""
        closing = (worker.close() for worker in self)
        await asyncio.gather(*closing, *self._tasks, return_exceptions=True)
        self._workers.clear()


def is_proven(spare: Worker) -> bool:
    """Return whether a worker has run long enough to count as well started."""
    return time.time() - spare.since >= PROVEN_SECONDS
