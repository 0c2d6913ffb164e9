"""The workers that there are: made, looked up, discarded. Decides nothing about who serves what."""

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
from .worker import Worker, WorkerConfig
from .worker_states import FREE, RESTING, WorkerState

logger = logging.getLogger(__name__)

PROVEN_SECONDS = 2.0  # a spare that has lived so long has started well


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """Sizes are counts of workers, times are in seconds; `environment` is laid over what the CLI inherits.

    `transcript_folder` is for conversations to be resumed, where the CLI is one that is known to do so rightly.
    `reuse`: a worker serves one conversation after another; else each has its own, and `no_reuse` says why.
    """

    default_model: str
    work_folder: Path
    cli_path: Path | None = None
    transcript_folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
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
    """Owns the workers and every task that outlives a request. `on_change` is called when the picture is different."""

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
        self.is_open = True
        self.last_request = time.monotonic()
        self.wake = asyncio.Event()  # set when the keeper should look

    def __iter__(self) -> Iterator[Worker]:
        return iter(list(self._workers.values()))

    def __len__(self) -> int:
        return len(self._workers)

    def __getitem__(self, worker_id: int) -> Worker:
        return self._workers[worker_id]

    def __contains__(self, worker: Worker) -> bool:
        return worker.id in self._workers

    def in_state(self, states: Collection[WorkerState]) -> list[Worker]:
        """The live workers in these states; the one that entered its state first comes first."""
        found = (worker for worker in self if worker.state in states and worker.alive)
        return sorted(found, key=lambda worker: (worker.since, worker.id))

    @property
    def spares(self) -> list[Worker]:
        return sorted(self.in_state(FREE), key=lambda worker: worker.id)

    def count(self) -> Counter[WorkerState]:
        return Counter(worker.state for worker in self)

    def changed(self) -> None:
        """The picture is different, and what waits for a worker may have one."""
        if self.is_open:
            self.wake.set()
        self._on_change()

    def add(self, past: Sequence[Message] = (), early: CliProcess | None = None) -> Worker:
        """A worker that has yet to be started. `early` is a process to be used, if it fits."""
        config = self.config
        for_worker = WorkerConfig(
            model=config.default_model,
            work_folder=config.work_folder,
            cli_path=config.cli_path,
            environment=config.environment,
            transcript_folder=config.transcript_folder,
            turn_timeout=config.turn_timeout,
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
        """Forget a worker and close it in a task of its own. Does nothing for one that is forgotten already."""
        if self._workers.pop(worker.id, None) is None:
            return
        logger.info("worker %d: discarded: %s", worker.id, reason)
        self.own(worker.close())
        self.changed()

    def _exited(self, worker: Worker) -> None:
        """A process ended by itself. A busy one is noticed by its own turn."""
        if worker.state in FREE | RESTING:
            if worker.state in ("warm", "fitting") and not is_proven(worker):
                self.failed(CliUnavailableError("Claude Code ends soon after it has started."))
            self.discard(worker, "its process has ended")

    def failed(self, error: TrayBridgeError) -> None:
        """A worker did not start, or not for long."""
        self.failures.add(error)
        self._on_change()

    def proved(self) -> None:
        """Workers start and work."""
        if self.failures:
            self.failures.clear()
            self.changed()

    def own(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End every worker. Takes about two seconds at most."""
        closing = (worker.close() for worker in self)
        await asyncio.gather(*closing, *self._tasks, return_exceptions=True)
        self._workers.clear()


def is_proven(spare: Worker) -> bool:
    return time.time() - spare.since >= PROVEN_SECONDS
