"""Reads what one process says, and knows which of the lines written to it the CLI is not done with.

Must not know what an answer means (`answer`), nor who asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import SessionLostError, TurnTimeoutError
from ..machine.time_limit import wait_within
from .greeting import read_plan_window
from .mailbox import Mailbox
from .process_binding import NOT_UNDERSTOOD
from .progress_timer import ProgressTimer
from .transport import LateBindingTransport
from .worker_config import WorkerConfig

LINE_DONE = ("completed", "cancelled", "failed")  # states of a line after which the CLI does nothing more about it
QUEUED_WAIT = 0.02  # seconds between two interrupts while the CLI has not reached a line
RESULT_WAIT = 0.5  # seconds until an interrupt is sent again
_TIMED_OUT: dict[str, Any] = {"type": "tray_bridge_timed_out"}


def timed_out(seconds: float) -> TurnTimeoutError:
    """Make the error for a process that was silent for the whole time limit."""
    return TurnTimeoutError(
        f"Nothing came from Claude for {seconds:g} seconds.", hint="Try again, or raise CLAUDE_TIMEOUT."
    )


class LineReader:
    """`messages` are the lines of the CLI; each one taken must go through `check`. Use within one event loop."""

    def __init__(
        self, transport: LateBindingTransport, config: WorkerConfig, lost: Callable[[], SessionLostError]
    ) -> None:
        self._transport = transport
        self._config = config
        self._lost = lost
        self._unanswered = 0  # user lines that were written and have had no `result`
        self._unfinished: set[str] = set()  # ids of user lines that the CLI has not yet called done
        self._is_interrupted = False  # by `interrupt_now`
        self.progress = ProgressTimer(
            lambda: transport.messages.put_nowait(_TIMED_OUT), lambda: not transport.messages.empty()
        )

    @property
    def messages(self) -> Mailbox[dict[str, Any] | None]:
        """Return the CLI's messages for the turn; None stands for the end of the process."""
        return self._transport.messages

    @property
    def is_due(self) -> bool:
        """Whether a `result` has yet to come."""
        return self._unanswered > 0

    def expect(self, line_ids: Sequence[str]) -> None:
        """Note that user lines with these ids are being written."""
        self._unanswered += len(line_ids)
        self._unfinished.update(line_ids)

    def check(self, message: dict[str, Any] | None) -> dict[str, Any]:
        """Count progress and results, note what is about the account. Raises for the signs that nothing will come."""
        if message is None:
            raise self._lost()
        self.progress.see(message)
        kind = message.get("type")
        if kind == "result":
            self._unanswered -= 1
        elif kind == "command_lifecycle":
            if message.get("state") in LINE_DONE:
                self._unfinished.discard(message.get("command_uuid") or "")
        elif message is _TIMED_OUT:
            raise timed_out(self.progress.limit)
        elif kind == "rate_limit_event":
            with contextlib.suppress(*NOT_UNDERSTOOD):  # it is only for show
                self._config.on_plan_window(read_plan_window(message.get("rate_limit_info") or {}))
        return message

    async def read_result(self) -> None:
        """Read on up to the next `result`."""
        while self.check(await self.messages.get()).get("type") != "result":
            pass

    def went_on(self) -> bool:
        """Tell whether the CLI has not waited for results: it refused a call by itself, and asked the model again."""
        while not self.messages.empty():
            if self.check(self.messages.get_nowait()).get("type") == "stream_event":
                return True
        return False

    async def read_to_the_end(self) -> None:
        """Read on until the CLI has said that the turn is over."""
        while self.is_due:
            await self.read_result()

    def interrupt_now(self) -> None:
        """Interrupt without waiting for the event loop: the CLI is about to ask the model again by itself."""
        request = {"type": "control_request", "request_id": "now", "request": {"subtype": "interrupt"}}
        self._is_interrupted = self.is_due and self._transport.process.write_now(json.dumps(request) + "\n")

    async def interrupt(self) -> None:
        """Interrupt, and read on until the CLI is done with every line. One that still waits is interrupted again.

        A `result` comes before the CLI has finished with the line, and calls it done.
        """
        if self._is_interrupted:
            self._is_interrupted = False
            with contextlib.suppress(asyncio.TimeoutError):
                await wait_within(self.read_result(), RESULT_WAIT)
        while self.is_due:
            answer = await self._transport.control(subtype="interrupt")
            with contextlib.suppress(asyncio.TimeoutError):
                seconds = QUEUED_WAIT if answer.get("still_queued") else RESULT_WAIT
                await wait_within(self.read_result(), seconds)
        while self._unfinished and self._config.reuse:
            self.check(await self.messages.get())
