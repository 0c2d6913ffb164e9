"""The tokens of a turn's input as the Messages API counts them: Claude Code asks it, and the model is not asked.

`get_context_usage` has system prompt, tools and messages counted upstream, for a process that has not asked the model
yet. Where that fails, Claude Code gives an estimate of its own, and does not say so: it is the one that the `summary`
gives.
"""

from __future__ import annotations

import asyncio
import logging
import time

from ..errors import TrayBridgeError, name_of
from ..machine.time_limit import wait_within
from ..turns import Turn
from .choose import can_become
from .conversation import Wanted
from .give_back import GiveBack
from .roster import Roster
from .turn_run import TurnRun
from .worker import Worker
from .worker_states import FREE

logger = logging.getLogger(__name__)
COUNT_TIMEOUT = 10.0  # seconds
LONG_REST = 60.0  # seconds; a conversation that has rested so long is rarely continued


class TokenCounter:
    """Count on one free worker at a time. Use within one event loop."""

    def __init__(self, roster: Roster, give_back: GiveBack) -> None:
        self._roster = roster
        self._give_back = give_back
        self._is_counting = False

    async def count(self, turn: Turn) -> int | None:
        """Count the turn's input; None where no worker is free for it, or where upstream does not count."""
        wanted = Wanted.of(turn)
        worker = None if self._is_counting else self._free_worker(wanted)
        if worker is None:
            return None
        worker.kind = "reset"
        worker.move("busy")
        self._is_counting, error = True, None
        try:
            return await wait_within(TurnRun(worker, wanted, COUNT_TIMEOUT).count(), COUNT_TIMEOUT)
        except TrayBridgeError as raised:
            error = raised
        except asyncio.TimeoutError:
            pass  # its worker is brought to rest, or ended
        finally:
            self._is_counting = False
            self._give_back.take(worker, None, error, keep=False)
        logger.info(
            "worker %d: could not count tokens: %s", worker.id, name_of(error) if error else "no answer in time"
        )
        return None

    def _free_worker(self, wanted: Wanted) -> Worker | None:
        """Find a worker that holds no conversation and can be reset, of the same binding if there is one.

        Else give up the conversation that has rested longest, unless it is the one to be counted.
        """
        if not self._roster.is_open or not self._roster.config.reuse:
            return None
        usable = [
            worker
            for worker in self._roster.in_state(FREE | {"parked"})
            if worker.can_be_reset and not worker.past and can_become(worker.binding, wanted.binding)
        ]
        free = [worker for worker in usable if worker.state in FREE]
        if free:
            return max(free, key=lambda worker: worker.binding == wanted.binding)
        long_ago = time.time() - LONG_REST
        resting = [w for w in usable if w.since <= long_ago and w.conversation.plan(wanted).how == "new"]
        return min(resting, key=lambda worker: worker.since, default=None)
