"""What becomes of a worker after its turn: it keeps the conversation, is brought to rest, or is closed.

Also ends conversations that have rested long enough. Must not know who is lent what.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Literal, TypeAlias

from ..errors import (
    CliUnavailableError,
    InvalidRequestError,
    ModelNotFoundError,
    SessionLostError,
    SignedOutError,
    TrayBridgeError,
    name_of,
)
from .answer import Rest
from .roster import Roster
from .worker import Worker
from .worker_states import RESTING

logger = logging.getLogger(__name__)
RestingState: TypeAlias = Literal["parked", "suspended"]


class GiveBack:
    """Use within one event loop. What waits is done in tasks that the roster owns."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def take(self, worker: Worker, rest: Rest | None, error: BaseException | None, *, keep: bool) -> None:
        """Take a worker from its turn, which left it as `rest` says, or ended with `error`.

        `keep`: its conversation may be continued.
        """
        roster, reuse = self._roster, self._roster.config.reuse and worker.config.reuse
        if not roster.is_open or not worker.alive:
            roster.discard(worker, "its process has ended" if roster.is_open else "the server stops")
        elif rest in ("clean", "suspended") and (keep or not reuse or rest == "suspended"):
            self._rest(worker, "parked" if rest == "clean" else "suspended")
        elif reuse and worker.is_untouched:
            worker.move("starting")  # it becomes a spare
            roster.own(self._see_start(worker))
        elif reuse and can_be_trusted(error) and worker.process.pid is not None:
            worker.move("settling")
            roster.own(self._settle(worker, keep=keep and rest != "clean"))
        else:
            why = "an answer that was cut" if error is None else name_of(error)
            roster.discard(worker, f"the turn ended with {why}")
        roster.changed()

    def trim(self) -> None:
        """End the conversations that have expired, and those above the limits, least recently used first."""
        config, now = self._roster.config, time.time()
        limits: tuple[tuple[RestingState, int], ...] = (("parked", config.parked), ("suspended", config.suspended))
        for state, limit in limits:
            resting = self._roster.in_state({state})
            over = [worker for worker in resting if worker.expires_at is not None and worker.expires_at <= now]
            left = [worker for worker in resting if worker not in over]
            for worker in (*over, *left[: max(0, len(left) - limit)]):
                self._free(worker)

    def _rest(self, worker: Worker, state: RestingState) -> None:
        """Let the worker rest and keep its conversation."""
        config = self._roster.config
        self._roster.proved()
        worker.move(state)
        seconds = config.suspended_seconds if state == "suspended" else config.parked_seconds
        worker.expires_at = time.time() + seconds
        if worker.kind not in RESTING:  # a conversation began
            worker.wear.weigh(worker.process.pid)
        logger.info("worker %d: %s", worker.id, state)
        own = worker.conversation
        for twin in self._roster.in_state(RESTING):
            # Calls with other ids are those of another client, which asked the same and waits too.
            if twin is not worker and (twin.conversation.key, twin.conversation.calls) == (own.key, own.calls):
                self._free(twin)
        self.trim()

    def _free(self, worker: Worker) -> None:
        """End a resting conversation; keep its worker if it can be reset."""
        if self._roster.config.reuse and worker.conversation.can_be_cut and worker.alive:
            worker.move("settling")
            self._roster.own(self._settle(worker, keep=False))
        else:
            self._roster.discard(worker, "its conversation has expired")

    async def _see_start(self, worker: Worker) -> None:
        """Wait for the start of a worker whose request was given up; remove it if that fails."""
        try:
            await worker.start()
        except TrayBridgeError as error:
            self._roster.discard(worker, str(error))
        self._roster.changed()

    async def _settle(self, worker: Worker, *, keep: bool) -> None:
        """Bring a worker to rest and cut its turn away; close it if it does not prove that."""
        began = time.monotonic()
        try:
            await worker.settle(keep=keep)
        except TrayBridgeError as error:
            self._roster.discard(worker, str(error))
            return
        except Exception:  # a fault of ours must not occupy the place of a worker for ever
            logger.exception("A worker could not be brought to rest")
            self._roster.discard(worker, "it could not be brought to rest")
            return
        if worker not in self._roster:
            return
        logger.info("worker %d: at rest after %.0f ms", worker.id, (time.monotonic() - began) * 1000)
        if worker.conversation.lines:
            self._rest(worker, "parked")
        else:
            worker.move("warm" if worker.binding is None else "idle")
            worker.wear.weigh(worker.process.pid)
        self._roster.changed()


def can_be_trusted(error: BaseException | None) -> bool:
    """Return whether a process can serve again after a turn that ended so.

    False for a lost one, and for one with a wrong sign-in or schema, because a new process may have another. The model
    is told anew with each conversation.
    """
    if isinstance(error, ModelNotFoundError):
        return True
    if isinstance(error, TrayBridgeError):
        is_about_process = isinstance(
            error, (SessionLostError, SignedOutError, CliUnavailableError, InvalidRequestError)
        )
        return not is_about_process and getattr(error, "status", None) not in (401, 403)
    return error is None or isinstance(error, (asyncio.CancelledError, GeneratorExit))
