"""One CLI process: started, bound to a conversation, interrupted, rewound, bound to another, closed.

Owns the process and what it has been told. Must not know the pool, or what a client is. Everything here runs in the
event loop that started the worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

from ..errors import CliUnavailableError, SessionLostError, TrayBridgeError, TurnTimeoutError
from ..snapshots import ModelSnapshot, PlanWindow, SessionKind, SessionSnapshot
from ..turns import Message, Tool, ToolResult, Turn
from .cli_process import MOST_OFFERS, CliProcess, cli_options
from .conversation import Conversation, Line, Plan, Wanted
from .conversation_key import Binding
from .greeting import Greeting, read_greeting, read_plan_window
from .light_sdk import ClaudeSDKClient
from .mailbox import Mailbox
from .offered_tools import can_be_overridden
from .progress_timer import ProgressTimer
from .prompt import Wire, turn_settings
from .start_slots import StartSlots
from .transcript import write_transcript
from .transport import LateBindingTransport
from .worker_states import WorkerState, check_move

T = TypeVar("T")
logger = logging.getLogger(__name__)

START_TIMEOUT = 30.0  # seconds from spawn to the first answer on a machine under load
PROOF_TIMEOUT = 1.0  # seconds in which a rewind must be proved
MOST_CONVERSATIONS = MOST_OFFERS - 2  # of one process
MOST_GROWTH = 1.5  # of its memory since it was weighed first
LINE_DONE = ("completed", "cancelled", "failed")  # states of a line after which the CLI does nothing more about it
REST_TIMEOUT = 2.0  # seconds in which an interrupted turn must end
# What reading a line raises that is not as the CLI writes it.
NOT_UNDERSTOOD = (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError)
_numbers = itertools.count(1)
_TIMED_OUT: dict[str, Any] = {"type": "tray_bridge_timed_out"}
_SHOWN: Mapping[WorkerState, Any] = {"idle": "warm", "settling": "busy"}  # other states are shown as they are


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What all workers of a pool have in common. `turn_timeout` is in seconds without progress."""

    model: str
    work_folder: Path
    cli_path: Path | None
    environment: Mapping[str, str]
    transcript_folder: Path | None
    turn_timeout: float
    reuse: bool
    start_slots: StartSlots
    on_plan_window: Callable[[PlanWindow], None]

    def new_process(self) -> CliProcess:
        return CliProcess(
            cli_options(
                model=self.model,
                work_folder=self.work_folder,
                cli_path=self.cli_path,
                environment=self.environment,
            )
        )


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
        self.binding: Binding | None = None
        self.greeting: Greeting | None = None
        self.conversation = Conversation(can_be_cut=not past)
        self.conversations = 0  # that it has begun
        self.expires_at: float | None = None
        self.past = past
        self.config = config
        self.process = process
        self._transport = LateBindingTransport(process, lambda: on_exit(self))
        self._client = ClaudeSDKClient(process.options, transport=self._transport)
        self._model = config.model
        self._settings: Mapping[str, Any] | None = turn_settings(Turn(config.model, ()), None)
        self._unanswered = 0  # user lines that were written and have had no `result`
        self._unfinished: set[str] = set()  # ids of user lines that the CLI has not yet called done
        self._starting: asyncio.Task[None] | None = None
        self._spawned = asyncio.Event()
        self._connecting: asyncio.Task[None] | None = None
        self._work: asyncio.Task[None] | None = None  # on the process, which outlives a request that is given up
        self._told: dict[tuple[str, str], str] = {}  # descriptions, by the tool's name and schema
        self._is_overridden = False
        self._memory = self._first_memory = 0  # bytes, once it has been weighed
        self._is_broken = False  # some work on it has failed, so what it holds is not known
        self._end: asyncio.Task[None] | None = None
        self.progress = ProgressTimer(config.turn_timeout, lambda: self._transport.messages.put_nowait(_TIMED_OUT))
        self.started_at = self.since = time.time()
        self._state: WorkerState = "starting"

    @property
    def state(self) -> WorkerState:
        return self._state

    def move(self, state: WorkerState) -> None:
        """Take another state; raises WrongMoveError for one that does not follow."""
        check_move(self._state, state)
        self._state = state
        self.since = time.time()
        self.expires_at = None

    @property
    def alive(self) -> bool:
        return not self._transport.ended and not self._is_broken and self._state != "closing"

    @property
    def can_be_reset(self) -> bool:
        """Whether it may serve another conversation: not when it is worn out, or began on an earlier day.

        The note on date and place that the CLI adds to a conversation is of the day on which the process began.
        """
        is_of_today = time.localtime(self.started_at).tm_yday == time.localtime().tm_yday
        return self.conversation.can_be_cut and is_of_today and not self.is_worn

    @property
    def is_worn(self) -> bool:
        return self.conversations >= MOST_CONVERSATIONS or self._memory > MOST_GROWTH * max(1, self._first_memory)

    def weigh(self) -> None:
        """Take the size of its process while it is idle."""
        with contextlib.suppress(psutil.Error):
            self._memory = psutil.Process(self.process.pid).memory_info().rss
            self._first_memory = self._first_memory or self._memory

    @property
    def is_getting_ready(self) -> bool:
        """Its process is starting, or waits for its turn to."""
        return self._starting is not None and not self._starting.done()

    def snapshot(self) -> SessionSnapshot:
        return SessionSnapshot(
            self.id,
            _SHOWN.get(self._state, self._state),
            self.started_at,
            self.since,
            self._model,
            self.process.pid,
            self.expires_at,
        )

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
                await asyncio.wait_for(self._transport.control(subtype="mcp_status"), START_TIMEOUT)
        except (asyncio.TimeoutError, SessionLostError) as error:
            await self._close_process()
            said = " ".join(self.process.stderr_tail) or "It said nothing."
            raise CliUnavailableError(f"Claude Code did not start. {said}") from error
        except TrayBridgeError:
            await self._close_process()
            raise
        except Exception as error:  # the SDK raises many types for a program that is missing or not executable
            await self._close_process()
            raise CliUnavailableError(str(error)) from error
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
        try:
            path = await asyncio.to_thread(write_transcript, folder, self.past)
        except OSError as error:
            logger.warning("A past conversation could not be written to %s: %s", folder, error)
            self.past = ()
            self.conversation.can_be_cut = True
            return None
        self.process.options.extra_args["resume"] = str(path)
        return path

    async def start_bound(self, binding: Binding) -> None:
        """Start and bind in one go: what is said to the CLI before it listens waits in the pipe."""
        await self.spawn()
        await self._see_through(self._start_bound(binding))

    async def _start_bound(self, binding: Binding) -> None:
        binding_it = asyncio.create_task(self.bind(binding))
        try:
            await self.start()  # first: it knows best why a process did not come up
            await asyncio.wait_for(binding_it, START_TIMEOUT)
        except asyncio.TimeoutError:
            raise CliUnavailableError("Claude Code did not answer in time.") from None
        finally:
            binding_it.cancel()
            await asyncio.gather(binding_it, return_exceptions=True)

    async def bind(self, binding: Binding) -> None:
        """Tell a process that knows nothing yet its model, system prompt, tools and schema."""
        late: dict[str, Any] = {"systemPrompt": [binding.prompt] if binding.prompt else []}
        if binding.tools:
            self._offer(binding.tools)
            late["sdkMcpServers"] = [self._transport.tools.name]
        if binding.output_schema is not None:
            late["jsonSchema"] = binding.output_schema
        self._transport.bind(**late)
        self.binding = binding
        self._connecting = asyncio.create_task(self._client.connect())
        steps: list[Awaitable[None]] = [self._connecting]
        if binding.model != self._model:
            steps.append(self._set_model(binding.model))
        if binding.tools:
            steps.append(self._transport.wait_until_listed())
        try:
            await asyncio.gather(*steps)
        except TrayBridgeError:
            raise
        except Exception as error:  # the SDK's own types for a process that is gone
            raise self.lost() from error
        try:
            self.greeting = read_greeting(await self._client.get_server_info() or {})
        except NOT_UNDERSTOOD as error:
            raise CliUnavailableError("Claude Code introduced itself in a way that is not known.") from error

    def _offer(self, tools: Sequence[Tool]) -> None:
        """Offer these tools from now on.

        The CLI keeps what it was told first of a tool with this name and schema, whatever server it comes from: another
        description has to be laid over the body of the request.
        """
        self._transport.tools.offer(tuple(tools))
        told = {(tool.name, json.dumps(tool.input_schema, sort_keys=True)): tool.description for tool in tools}
        self._is_overridden = any(self._told.setdefault(key, text) != text for key, text in told.items())
        if self._is_overridden and not can_be_overridden(tools):
            raise SessionLostError("Claude Code would describe a tool as in an earlier conversation.")

    async def _set_model(self, model: str, **prompt: str) -> None:
        await self._transport.control(subtype="set_model", model=model, **prompt)
        self._model = model

    # From one conversation to the next

    async def prepare(self, wanted: Wanted, plan: Plan) -> None:
        """Make the process ready for the turn's lines. Goes on by itself when the request is given up meanwhile.

        Raises SessionLostError where a reset is not proved.
        """
        if plan.how != "continue" or self._unanswered:
            await self._see_through(self._prepare(wanted, plan))

    async def _prepare(self, wanted: Wanted, plan: Plan) -> None:
        if self.binding is None:
            await self.bind(wanted.binding)
        elif plan.how == "continue":
            await self._come_to_rest(interrupting=False)
        else:
            await _in_time(self._come_to_rest(), REST_TIMEOUT)
            await self.cut(plan.cut)
            if plan.how == "new" and self.binding != wanted.binding:
                await _in_time(self._bind_again(wanted.binding), PROOF_TIMEOUT)

    async def _bind_again(self, binding: Binding) -> None:
        """Reset the binding of a process without a conversation (`choose.can_become` says what is possible)."""
        old = self.binding
        assert old is not None  # noqa: S101 - for mypy
        if (binding.model, binding.prompt) != (old.model, old.prompt):
            prompt = {"system_prompt": binding.prompt} if binding.prompt else {}
            await self._set_model(binding.model, **prompt)
        if binding.tools != old.tools:
            self._offer(binding.tools)
            name = self._transport.tools.name
            servers = {name: {"type": "sdk", "name": name}} if binding.tools else {}
            await self._transport.control(subtype="mcp_set_servers", servers=servers)
            if binding.tools:
                await self._transport.wait_until_listed()
        if not binding.tools:
            self._is_overridden = False
        self.binding = binding

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
            answer = await _in_time(rewind, PROOF_TIMEOUT)
            # A refusal is a success with `rewound: false`. What stands before the first line stays in the process.
            is_empty = answer.get("precedingAssistantUuid") is None
            if answer.get("rewound") is not True or is_empty != (cut == 0):
                raise SessionLostError(f"Claude Code did not rewind: {answer.get('reason') or 'it gave no proof'}.")
            logger.info("worker %d: reset in %.1f ms", self.id, (time.monotonic() - began) * 1000)
        elif cut == 0 and not self.conversation.can_be_cut and self.conversations:  # not the past it was started with
            raise SessionLostError("This conversation cannot be taken back.")
        self._transport.tools.forget()
        self.conversation.was_cut(cut)

    async def settle(self, *, keep: bool) -> None:
        """End what runs and cut it away: with `keep` back to before the present turn, else to nothing.

        Raises SessionLostError when the worker is of no more use.
        """
        await self._see_through(self._settle(keep))

    async def _settle(self, keep: bool) -> None:
        if self._is_broken:
            raise SessionLostError("What this worker holds is not known.")
        if self.binding is None:
            await self.start()  # its request may have been given up before the process answered
        await _in_time(self._come_to_rest(), REST_TIMEOUT)
        lines, cut = self.conversation.lines, self.conversation.turn_line if keep else 0
        while 0 < cut < len(lines) and lines[cut].key is None:
            cut -= 1
        await self.cut(cut)

    def interrupt(self) -> None:
        """End the present turn now, before the CLI goes on by itself; `settle` waits for it."""
        self._begin(_in_time(self._come_to_rest(), REST_TIMEOUT))

    def end_by_itself(self) -> None:
        """Read on until the CLI has said that the turn is over."""
        self._begin(self._come_to_rest(interrupting=False))

    async def _come_to_rest(self, *, interrupting: bool = True) -> None:
        """Read on until the CLI is done with every line. One that still waits in it is interrupted again.

        A `result` comes before the CLI has finished with the line, and calls it done.
        """
        while self._unanswered > 0:
            if not interrupting:
                await self.read_result()
                continue
            answer = await self._transport.control(subtype="interrupt")
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.read_result(), 0.02 if answer.get("still_queued") else 0.5)
        while interrupting and self._unfinished and self.config.reuse:
            self.check(await self._transport.messages.get())

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do it after what was begun before, in a task that goes on when the request is given up."""
        self._work = asyncio.create_task(self._in_order(self._work, work))
        self._work.add_done_callback(_look_away)
        return self._work

    async def _see_through(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for work that goes on when the request is given up. Raises SessionLostError for a closed worker."""
        task = self._begin(work)
        await asyncio.wait({task})
        if task.cancelled():
            raise self.lost()
        task.result()

    async def _in_order(self, before: asyncio.Task[None] | None, work: Coroutine[Any, Any, None]) -> None:
        try:
            if before is not None and not before.done():
                await asyncio.wait({before})
            await work
        except BaseException:
            self._is_broken = True
            work.close()
            raise

    # What a turn says and hears

    @property
    def messages(self) -> Mailbox[dict[str, Any] | None]:
        """The lines of the CLI. Each one taken must go through `check`."""
        return self._transport.messages

    async def write(self, lines: Sequence[Wire], keys: Sequence[bytes | None]) -> None:
        """Write lines at once; `keys` has one for each user line among them (see `conversation.Line`)."""
        asked = [line for line in lines if line["type"] == "user"]
        self.conversation.lines += [Line(line["uuid"], key) for line, key in zip(asked, keys, strict=True)]
        self._unanswered += len(asked)
        self._unfinished.update(line["uuid"] for line in asked)
        try:
            await asyncio.shield(asyncio.ensure_future(self._transport.send(*lines)))
        except SessionLostError as error:
            raise self.lost() from error  # which tells what the process said at its end

    async def set_settings(self, turn: Turn) -> None:
        """They act from the next request to the model on, also within a turn that waits for results."""
        settings = turn_settings(turn, self.model_snapshot(), override_tools=self._is_overridden)
        if settings != self._settings:
            self._settings = None  # not known until the CLI has answered
            await self._transport.control(subtype="apply_flag_settings", settings=settings)
            self._settings = settings

    def allow(self, names: frozenset[str]) -> None:
        self._transport.tools.allow(names)

    async def deliver(self, results: Mapping[str, ToolResult]) -> None:
        await self._transport.tools.deliver(results)

    def went_on(self) -> bool:
        """Whether the CLI has not waited for the results: it refused a call by itself, and asked the model again."""
        while not self._transport.messages.empty():
            if self.check(self._transport.messages.get_nowait()).get("type") == "stream_event":
                return True
        return False

    def model_snapshot(self) -> ModelSnapshot | None:
        models = self.greeting.models if self.greeting else ()
        return next((m for m in models if self._model in (m.value, m.resolved)), None)

    async def read_result(self) -> None:
        while self.check(await self._transport.messages.get()).get("type") != "result":
            pass

    def check(self, message: dict[str, Any] | None) -> dict[str, Any]:
        """Count progress and results, note what is about the account. Raises for the signs that nothing will come."""
        if message is None:
            raise self.lost()
        self.progress.see(message)
        kind = message.get("type")
        if kind == "result":
            self._unanswered -= 1
        elif kind == "command_lifecycle":
            if message.get("state") in LINE_DONE:
                self._unfinished.discard(message.get("command_uuid") or "")
        elif message is _TIMED_OUT:
            seconds = self.config.turn_timeout
            raise TurnTimeoutError(
                f"Nothing came from Claude for {seconds:g} seconds.", hint="Try again, or raise CLAUDE_TIMEOUT."
            )
        elif kind == "rate_limit_event":
            with contextlib.suppress(*NOT_UNDERSTOOD):  # it is only for show
                self.config.on_plan_window(read_plan_window(message.get("rate_limit_info") or {}))
        return message

    def lost(self) -> SessionLostError:
        said = " ".join(self.process.stderr_tail)
        return SessionLostError(f"Claude Code ended in the middle of a turn. {said}".strip())

    async def close(self) -> None:
        """End the process, in the middle of a turn too. Takes two seconds at most.

        Several may ask for it: each waits for the same end, which goes on when one of them is cancelled.
        """
        self._state = "closing"
        for task in (self._work, self._starting):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
                await asyncio.wait({task})
        await self._close_process()

    async def _close_process(self) -> None:
        """As `close`, for the worker's own work: it goes on, and tells what was wrong."""
        self._state = "closing"
        if self._end is None:
            self._end = asyncio.create_task(self._disconnect())
        await asyncio.shield(self._end)

    async def _disconnect(self) -> None:
        await self._transport.close()
        if self._connecting is not None:  # it disconnects by itself when it fails, which must not be done twice at once
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        await self._client.disconnect()


async def _in_time(work: Awaitable[T], seconds: float) -> T:
    try:
        return await asyncio.wait_for(work, seconds)
    except asyncio.TimeoutError:
        raise SessionLostError("Claude Code did not come to rest in time.") from None


def _look_away(task: asyncio.Task[None]) -> None:
    """An error of work that nobody waits for is seen by the next one who needs the worker."""
    if not task.cancelled():
        task.exception()
