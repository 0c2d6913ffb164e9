"""One CLI process: started, bound to a conversation, interrupted, rewound, bound to another, closed.

Owns the process and what it has been told. Must not know the pool, or what a client is. Everything here runs in the
event loop that started the worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import CliUnavailableError, SessionLostError, TrayBridgeError
from ..machine.time_limit import wait_within
from ..snapshots import ModelSnapshot, SessionKind, SessionSnapshot
from ..turns import Message, ToolResult, Turn
from .cli_process import CliProcess
from .conversation import Conversation, Line, Plan, Wanted
from .conversation_key import Binding
from .greeting import Greeting
from .in_time import PROOF_TIMEOUT, REST_TIMEOUT, SETTLE_TIMEOUT, START_TIMEOUT, in_time, start_limit
from .line_reader import LineReader
from .process_binding import ProcessBinding
from .prompt import Wire
from .serial_work import SerialWork
from .transcript import try_to_write
from .transport import LateBindingTransport
from .wear import Wear
from .wire_values import read_count
from .worker_config import WorkerConfig
from .worker_states import WorkerState, check_move

logger = logging.getLogger(__name__)

_numbers = itertools.count(1)
_SHOWN: Mapping[WorkerState, Any] = {"idle": "warm", "settling": "busy"}  # other states are shown as they are


class Worker:
    """A live CLI. `kind` is how the present request got it.

    With a `past` it resumes these messages from a file when it starts. `process` may have been started already.
    """

    def __init__(
        self,
        config: WorkerConfig,
        on_exit: Callable[[Worker], None],
        process: CliProcess,
        past: Sequence[Message] = (),
    ) -> None:
        self.id = next(_numbers)
        self.kind: SessionKind = "cold"
        self.conversation = Conversation(can_be_cut=not past)
        self.expires_at: float | None = None
        self.past = past
        self.config = config
        self.process = process
        self.wear = Wear()
        self._transport = LateBindingTransport(process, lambda: on_exit(self))
        self._told = ProcessBinding(self._transport, config.model, self.lost, self.id)
        self._work = SerialWork(self.lost)
        self.reader = LineReader(self._transport, config, self.lost)
        self._starting: asyncio.Task[None] | None = None
        self._spawned = asyncio.Event()
        self._end: asyncio.Task[None] | None = None
        self.started_at = self.since = time.time()
        self._state: WorkerState = "starting"

    @property
    def state(self) -> WorkerState:
        """Return the state; `worker_states` says which can follow."""
        return self._state

    def move(self, state: WorkerState) -> None:
        """Take another state; raises WrongMoveError for one that does not follow."""
        check_move(self._state, state)
        self._state = state
        self.since = time.time()
        self.expires_at = None

    @property
    def binding(self) -> Binding | None:
        """Return what it is bound to; None before it has been told anything."""
        return self._told.binding

    def promise(self, binding: Binding) -> None:
        """Announce the binding that it is about to get, so that it does not count as unbound."""
        self._told.binding = binding

    @property
    def greeting(self) -> Greeting | None:
        """Return what the CLI reported of itself, account and models; None until it has answered."""
        return self._told.greeting

    @property
    def alive(self) -> bool:
        """Return whether it can still answer: it runs, nothing about it has failed, and it is not being closed."""
        return not self._transport.ended and not self._work.is_broken and self._state != "closing"

    @property
    def can_be_reset(self) -> bool:
        """Whether it may serve another conversation."""
        is_able = self.conversation.can_be_cut and self._transport.tools.can_offer
        return is_able and not self.wear.is_worn_out

    @property
    def is_getting_ready(self) -> bool:
        """Its process is starting, or waits for its turn to."""
        return self._starting is not None and not self._starting.done()

    @property
    def has_started(self) -> bool:
        """Its process has answered, though perhaps not said yet what it is (`greeting`)."""
        start = self._starting
        return bool(start and start.done() and not (start.cancelled() or start.exception()))

    @property
    def is_untouched(self) -> bool:
        """It is getting ready, and nothing of a conversation was begun with it."""
        return self.is_getting_ready and self._work.is_unused and self.binding is None and not self.past

    def snapshot(self) -> SessionSnapshot:
        """Return a picture of it for the status and the page."""
        shown = _SHOWN.get(self._state, self._state)
        times = (self.started_at, self.since)
        return SessionSnapshot(self.id, shown, *times, self._told.model, self.process.pid, self.expires_at)

    # Starting

    async def spawn(self) -> None:
        """Spawn the process and let it get ready by itself; `start` tells how that went."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        await self._spawned.wait()

    async def start(self) -> None:
        """Spawn the process and wait until it answers; several may wait for it. Raises CliUnavailableError."""
        await self.spawn()
        assert self._starting is not None  # noqa: S101 - for mypy
        await asyncio.wait({self._starting})  # one that gives up waiting does not end it for the others
        if self._starting.cancelled():
            raise CliUnavailableError("Claude Code was ended while it started.")
        self._starting.result()

    async def _start(self) -> None:
        transcript, began = None, time.monotonic()
        try:
            async with self.config.start_slots.one():
                transcript = await self._write_past()
                await self._transport.connect()
                self._spawned.set()
                await wait_within(self._transport.control(subtype="mcp_status"), start_limit(START_TIMEOUT))
        except (asyncio.TimeoutError, SessionLostError) as error:
            await self._close_process()
            raise CliUnavailableError(f"Claude Code did not start. {self.process.last_words}") from error
        except TrayBridgeError:
            await self._close_process()
            raise
        except Exception as error:  # the SDK raises many types for a program that is missing or not executable
            await self._close_process()
            raise CliUnavailableError(f"{str(error).rstrip('.')}.") from error
        finally:
            self._spawned.set()  # a failed start must not leave anyone waiting
            if transcript is not None:
                with contextlib.suppress(OSError):
                    transcript.unlink()  # the CLI has read the file once it answers
        logger.info("worker %d: started in %.0f ms", self.id, (time.monotonic() - began) * 1000)
        if self._state == "starting":  # else a request that could not wait has taken it
            self.move("warm")

    async def _write_past(self) -> Path | None:
        """The file to resume; where it cannot be written the past is written to the process turn by turn."""
        folder = self.config.transcript_folder
        if not self.past or folder is None:
            return None
        if (path := await asyncio.to_thread(try_to_write, folder, self.past)) is None:
            self.past, self.conversation.can_be_cut = (), True
            return None
        self.process.options.extra_args["resume"] = str(path)
        return path

    async def start_bound(self, binding: Binding) -> None:
        """Start and bind in one go: what is said to the CLI before it listens waits in the pipe."""
        await self.spawn()
        await self._work.see_through(self._start_bound(binding))

    async def _start_bound(self, binding: Binding) -> None:
        binding_it = asyncio.create_task(self.bind(binding))
        try:
            await self.start()  # first: it knows best why a process did not come up
            await wait_within(binding_it, start_limit(START_TIMEOUT))
        except asyncio.TimeoutError:
            raise CliUnavailableError("Claude Code did not answer in time.") from None
        finally:
            binding_it.cancel()
            await asyncio.gather(binding_it, return_exceptions=True)

    async def bind(self, binding: Binding) -> None:
        """Tell a process that knows nothing yet its model, system prompt, tools and schema."""
        await self._told.bind(binding)

    # From one conversation to the next

    async def prepare(self, wanted: Wanted, plan: Plan) -> None:
        """Make the process ready for the turn's lines. Goes on by itself when the request is given up meanwhile.

        Raises SessionLostError where a reset is not proved.
        """
        if plan.how != "continue" or self.reader.is_due:
            await self._work.see_through(self._prepare(wanted, plan))

    async def _prepare(self, wanted: Wanted, plan: Plan) -> None:
        if self.binding is None:
            await self.bind(wanted.binding)
        elif plan.how == "continue":
            await self.reader.read_to_the_end()
        else:
            await self._come_to_rest()
            await self.cut(plan.cut)
            if plan.how == "new" and self.binding != wanted.binding:
                await in_time(self._told.bind_again(wanted.binding), PROOF_TIMEOUT)

    async def cut(self, cut: int) -> None:
        """Rewind the conversation to before line `cut`. Raises SessionLostError where that is not proved."""
        lines, began = self.conversation.lines, time.monotonic()
        if cut < len(lines):
            if not self.conversation.can_be_cut:
                raise SessionLostError("This conversation cannot be taken back.")
            rewind = self._transport.control(
                subtype="rewind_conversation",
                target_message_uuid=lines[cut].uuid,
                last_seen_user_message_uuid=lines[-1].uuid,
            )
            answer = await in_time(rewind, PROOF_TIMEOUT)
            # A refusal is a success with `rewound: false`. What stands before the first line stays in the process.
            is_empty = answer.get("precedingAssistantUuid") is None
            if answer.get("rewound") is not True or is_empty != (cut == 0):
                raise SessionLostError(f"Claude Code did not rewind: {answer.get('reason') or 'it gave no proof'}.")
            logger.info("worker %d: reset in %.1f ms", self.id, (time.monotonic() - began) * 1000)
        elif cut == 0 and not self.conversation.can_be_cut and self.wear.conversations:
            # What stands before the first line was written; the past that it was started with is another matter.
            raise SessionLostError("This conversation cannot be taken back.")
        self._transport.tools.forget()
        self.conversation.was_cut(cut)

    async def settle(self, *, keep: bool) -> None:
        """End what runs and cut it away: with `keep` back to before the present turn, else to nothing.

        Raises SessionLostError when the worker can serve no more, also where what was begun before never ends.
        """
        seconds = SETTLE_TIMEOUT + (2 * START_TIMEOUT if self.is_getting_ready else 0.0)
        await in_time(self._work.end_of(self._work.begin(self._settle(keep))), seconds)

    async def _settle(self, keep: bool) -> None:
        if self._work.is_broken:
            raise SessionLostError("What this worker holds is not known.")
        if self.binding is None:
            await self.start()  # its request may have been given up before the process answered
        await self._come_to_rest()
        lines, cut = self.conversation.lines, self.conversation.turn_line if keep else 0
        while 0 < cut < len(lines) and lines[cut].key is None:
            cut -= 1
        await self.cut(cut)

    async def _come_to_rest(self) -> None:
        await in_time(self.reader.interrupt(), REST_TIMEOUT)

    def interrupt(self) -> None:
        """End the present turn now, before the CLI goes on by itself; `settle` waits for it."""
        self.reader.interrupt_now()
        self._work.begin(self._come_to_rest())

    def end_by_itself(self) -> None:
        """Read on until the CLI has said that the turn is over."""
        self._work.begin(self.reader.read_to_the_end())

    # What a turn says and hears

    async def write(self, lines: Sequence[Wire], keys: Sequence[bytes | None]) -> None:
        """Write lines at once; `keys` has one for each user line among them (see `conversation.Line`)."""
        asked = [line for line in lines if line["type"] == "user"]
        self.conversation.lines += [Line(line["uuid"], key) for line, key in zip(asked, keys, strict=True)]
        self.reader.expect([line["uuid"] for line in asked])
        try:
            await asyncio.shield(asyncio.ensure_future(self._transport.send(*lines)))
        except SessionLostError as error:
            raise self.lost() from error  # which tells what the process said at its end

    async def set_settings(self, turn: Turn) -> None:
        """They act from the next request to the model on, also within a turn that waits for results."""
        await self._told.set_settings(turn)

    def allow(self, names: frozenset[str]) -> None:
        """Set which of the tools on offer may be called in the next turn."""
        self._transport.tools.allow(names)

    async def deliver(self, results: Mapping[str, ToolResult]) -> None:
        """Hand the waiting calls their results, by the calls' ids."""
        await self._transport.tools.deliver(results)

    async def count_tokens(self) -> int | None:
        """Have all that it holds counted upstream; None where only Claude Code's own estimate comes."""
        ask = partial(self._transport.control, subtype="get_context_usage")
        summary, full = await ask(detail="summary"), await ask(detail="full")
        # It counts overridden tools as they were described earlier.
        has_tools, is_known = bool(self.binding and self.binding.tools), not self._told.is_overridden
        return read_count(summary, full, has_tools=has_tools) if is_known else None

    def model_snapshot(self) -> ModelSnapshot | None:
        """Return the model that answers, or None if it is not known yet."""
        return self._told.model_snapshot()

    def lost(self) -> SessionLostError:
        """Make the error for a process that has ended, with what it printed last."""
        said = " ".join(self.process.stderr_tail)
        return SessionLostError(f"Claude Code ended in the middle of a turn. {said}".strip())

    def _mark_closing(self) -> None:
        if self._state != "closing":
            self.move("closing")

    async def close(self) -> None:
        """End the process, in the middle of a turn too. Takes two seconds at most.

        Several may ask for it: each waits for the same end, which goes on when one of them is cancelled.
        """
        self._mark_closing()
        await self._work.stop()
        if self._starting is not None and self._starting is not asyncio.current_task():
            self._starting.cancel()
            await asyncio.wait({self._starting})
        await self._close_process()

    async def _close_process(self) -> None:
        """As `close`, for the worker's own work: it goes on, and tells what was wrong."""
        self._mark_closing()
        if self._end is None:
            self._end = asyncio.create_task(self._disconnect())
        await asyncio.shield(self._end)

    async def _disconnect(self) -> None:
        await self._transport.close()
        await self._told.disconnect()
