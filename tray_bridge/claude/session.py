"""One CLI process with one conversation: start, bind, run a turn, rest, close.

Owns the life of a conversation. Must not know the pool or what a client is. Everything here runs in the event loop
that started the session.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import CliUnavailableError, SessionLostError, TrayBridgeError, TurnTimeoutError, UpstreamError
from ..snapshots import ModelSnapshot, PlanWindow, SessionKind, SessionSnapshot, SessionState
from ..turns import Event, Message, Text, ToolResult, Turn
from .answer import AnswerReader, Rest
from .cli_process import CliProcess, cli_options
from .conversation_key import Binding, conversation_key
from .greeting import Greeting, read_greeting, read_plan_window
from .light_sdk import ClaudeSDKClient
from .offered_tools import callable_names
from .progress_timer import ProgressTimer
from .prompt import (
    MAX_OUTPUT_TOKENS,
    Wire,
    can_be_forced,
    demand_for_call,
    merge_messages,
    past_line,
    question_line,
    turn_settings,
)
from .start_slots import StartSlots
from .tool_desk import is_deliverable
from .transcript import write_transcript
from .transport import LateBindingTransport

logger = logging.getLogger(__name__)

START_TIMEOUT = 30.0  # seconds from spawn to the first answer on a machine under load
SHORTEST_PREPARATION = 10.0  # seconds that a past conversation and a question may take to be handed over
MOST_REPEATS = 2  # how often a call that is demanded in words is demanded again
# What reading a line raises that is not as the CLI writes it.
NOT_UNDERSTOOD = (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError)
_numbers = itertools.count(1)
_TIMED_OUT: dict[str, Any] = {"type": "tray_bridge_timed_out"}


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """What all sessions of a pool have in common. `turn_timeout` is in seconds without progress."""

    model: str
    work_folder: Path
    cli_path: Path | None
    environment: Mapping[str, str]
    transcript_folder: Path | None
    turn_timeout: float
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


class Session:
    """A live CLI. `state` is what the pool shows; `kind` how the present request got it.

    With a `past` it resumes these messages from a file when it starts. `process` may have been started already.
    """

    def __init__(
        self,
        config: SessionConfig,
        on_exit: Callable[[Session], None],
        process: CliProcess,
        past: Sequence[Message] = (),
    ) -> None:
        self.id = next(_numbers)
        self.kind: SessionKind = "cold"
        self.binding: Binding | None = None
        self.greeting: Greeting | None = None
        self.key: bytes | None = None
        self.expires_at: float | None = None
        self.past = past
        self.config = config
        self.process = process
        self._transport = LateBindingTransport(self.process, lambda: on_exit(self))
        self._client = ClaudeSDKClient(self.process.options, transport=self._transport)
        self._model = config.model
        self._settings: Mapping[str, Any] = turn_settings(Turn(config.model, ()), None)
        self._calls: frozenset[str] = frozenset()
        self._rest: Rest | None = None
        self._starting: asyncio.Task[None] | None = None
        self._spawned = asyncio.Event()
        self._settled: asyncio.Task[None] | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._end: asyncio.Task[None] | None = None
        self._progress = ProgressTimer(config.turn_timeout, lambda: self._transport.messages.put_nowait(_TIMED_OUT))
        self.started_at = self.since = time.time()
        self._state: SessionState = "starting"

    @property
    def state(self) -> SessionState:
        return self._state

    @state.setter
    def state(self, state: SessionState) -> None:
        self._state = state
        self.since = time.time()

    @property
    def alive(self) -> bool:
        return not self._transport.ended and self._state != "closing"

    @property
    def is_getting_ready(self) -> bool:
        """Its process is starting, or waits for its turn to."""
        return self._starting is not None and not self._starting.done()

    @property
    def rest(self) -> Rest | None:
        """How the last turn left the session; None while one runs, or when it did not end well."""
        return self._rest

    def snapshot(self) -> SessionSnapshot:
        return SessionSnapshot(
            self.id,
            self._state,
            self.started_at,
            self.since,
            self._model,
            self.process.pid,
            self.expires_at,
        )

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
        transcript = None
        try:
            async with self.config.start_slots.one():
                transcript = await self._write_past()
                await self._transport.connect()
                self._spawned.set()
                await asyncio.wait_for(self._transport.control(subtype="mcp_status"), START_TIMEOUT)
        except (asyncio.TimeoutError, SessionLostError) as error:
            await self.close()
            said = " ".join(self.process.complaints) or "It said nothing."
            raise CliUnavailableError(f"Claude Code did not start. {said}") from error
        except TrayBridgeError:
            await self.close()
            raise
        except Exception as error:  # the SDK raises many types for a program that is missing or not executable
            await self.close()
            raise CliUnavailableError(str(error)) from error
        finally:
            self._spawned.set()  # nobody is to wait for what will not be
            if transcript is not None:
                with contextlib.suppress(OSError):
                    transcript.unlink()  # who answers has read it
        if self._state == "starting":  # else a request that could not wait has taken it
            self.state = "warm"

    async def _write_past(self) -> Path | None:
        """The file to resume; where it cannot be written the past is laid down turn by turn."""
        folder = self.config.transcript_folder
        if not self.past or folder is None:
            return None
        try:
            path = await asyncio.to_thread(write_transcript, folder, self.past)
        except OSError as error:
            logger.warning("A past conversation could not be written to %s: %s", folder, error)
            self.past = ()
            return None
        self.process.options.extra_args["resume"] = str(path)
        return path

    async def start_bound(self, binding: Binding) -> None:
        """Start and bind in one go: what is said to the CLI before it listens waits in the pipe."""
        await self.spawn()
        binding_it = asyncio.create_task(self._within_time_limit(self.bind(binding)))
        try:
            await self.start()  # first: it knows best why a process did not come up
            await binding_it
        finally:
            binding_it.cancel()
            await asyncio.gather(binding_it, return_exceptions=True)

    async def bind(self, binding: Binding) -> None:
        """Tell the CLI its model, system prompt, tools and schema; once, before its first message."""
        late: dict[str, Any] = {"systemPrompt": list(binding.system)}
        if binding.tools:
            self._transport.desk.offer(binding.tools)
            late["sdkMcpServers"] = [self._transport.desk.name]
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
            raise self._lost() from error
        try:
            self.greeting = read_greeting(await self._client.get_server_info() or {})
        except NOT_UNDERSTOOD as error:
            raise CliUnavailableError("Claude Code introduced itself in a way that is not known.") from error

    async def _set_model(self, model: str) -> None:
        await self._transport.control(subtype="set_model", model=model)
        self._model = model

    def can_continue(self, turn: Turn) -> bool:
        """Whether the turn's new messages are what this resting session waits for."""
        if self._rest != "suspended":
            return self._rest == "clean"
        results = _new_blocks(turn)
        return (
            len(results) == len(self._calls)
            and self._calls == {r.tool_use_id for r in results if isinstance(r, ToolResult)}
            and all(is_deliverable(result) for result in results)
            and (turn.max_tokens is not None or not self._settings["env"][MAX_OUTPUT_TOKENS])
            and not self._went_on()
        )

    def _went_on(self) -> bool:
        """Whether the CLI has not waited for the results: it refused a call by itself, and asked the model again."""
        while not self._transport.messages.empty():
            if self._check(self._transport.messages.get_nowait()).get("type") == "stream_event":
                return True
        return False

    async def run(self, turn: Turn) -> AsyncGenerator[Event, None]:
        """Ask the turn's question and yield the answer's events; the last is `TurnEnded`.

        A session whose turn raised, or was not read to its end, has `rest` None and must be closed. Raises
        TrayBridgeError: TurnTimeoutError, SessionLostError, SignedOutError, UpstreamError.
        """
        rest, self._rest = self._rest, None
        self._progress.start()
        try:
            await self._within_time_limit(self._begin(turn, rest))
            reader = AnswerReader(
                callable_names(turn), structured=turn.output_schema is not None, demanded=turn.demands_call
            )
            repeats = MOST_REPEATS if self._demand(turn) else 0
            get = self._transport.messages.get
            while reader.rest is None:
                events = self._read(reader, await get())
                if reader.rest == "clean" and turn.demands_call and not reader.calls and repeats:
                    repeats -= 1
                    reader.begin_again()
                    await self._within_time_limit(self._demand_again(turn))
                    continue
                if reader.rest is not None:
                    self._finish(turn, reader)  # first: who has the last event reads no further
                for event in events:
                    yield event
        except TrayBridgeError:
            self.process.strike()  # the CLI may be about to ask again by itself, for nobody
            raise
        finally:
            self._progress.cancel()

    def _read(self, reader: AnswerReader, message: dict[str, Any] | None) -> Sequence[Event]:
        try:
            return reader.read(self._check(message))
        except NOT_UNDERSTOOD as error:
            raise SessionLostError("Claude Code said what it never says.") from error

    def _finish(self, turn: Turn, reader: AnswerReader) -> None:
        if turn.demands_call and not reader.calls and reader.rest == "clean":
            raise UpstreamError("The model answered without calling a tool, which was required.", status=502)
        self._calls = frozenset(reader.calls)
        if reader.rest != "spent" and self.binding is not None:
            answer = reader.answer_message()
            self.key = conversation_key(self.binding, turn.effort, turn.thinking, (*turn.messages, answer))
        if reader.rest == "clean":
            self._settled = asyncio.create_task(self._read_until_result())
            self._settled.add_done_callback(lambda task: task.cancelled() or task.exception())
        if reader.rest == "spent":
            self.process.strike()  # the CLI is about to ask again by itself, for nobody
        self._rest = reader.rest

    async def _within_time_limit(self, step: Coroutine[Any, Any, None]) -> None:
        """For what is said to the CLI before it answers: one that is stopped takes no input either."""
        try:
            await asyncio.wait_for(step, max(self.config.turn_timeout, SHORTEST_PREPARATION))
        except asyncio.TimeoutError:
            raise self._too_slow() from None

    async def _begin(self, turn: Turn, rest: Rest | None) -> None:
        self._transport.desk.allow(callable_names(turn))
        if rest == "suspended":
            await self._set_settings(turn)
            results = (block for block in _new_blocks(turn) if isinstance(block, ToolResult))
            await self._transport.desk.deliver({result.tool_use_id: result for result in results})
        else:
            await self._ask(turn, is_new=rest is None)

    async def _ask(self, turn: Turn, *, is_new: bool) -> None:
        if is_new and self.binding is None:
            await self.bind(Binding.of(turn))
        if self._settled is not None:
            await self._settled
        await self._set_settings(turn)
        messages = merge_messages(turn.messages)
        if (demand := self._demand(turn)) is not None:
            messages[-1] = replace(messages[-1], content=(*messages[-1].content, demand))
        lines: list[Wire] = []
        for message in messages[len(self.past) : -1] if is_new else ():
            lines.append(past_line(message))
            if message.role == "user":  # the CLI keeps the order only of what comes after its `result`
                await self._write(lines)
                await self._read_until_result()
                lines = []
        await self._write([*lines, question_line(messages[-1])])

    async def _set_settings(self, turn: Turn) -> None:
        """They act from the next request to the model on, also within a turn that waits for results."""
        if (settings := turn_settings(turn, self._model_snapshot())) != self._settings:
            await self._transport.control(subtype="apply_flag_settings", settings=settings)
            self._settings = settings

    def _demand(self, turn: Turn) -> Text | None:
        """The words that demand a call, where the model cannot be forced."""
        forced = not turn.demands_call or can_be_forced(turn, self._model_snapshot())
        return None if forced else demand_for_call(turn)

    async def _demand_again(self, turn: Turn) -> None:
        await self._read_until_result()
        await self._write([question_line(Message("user", (demand_for_call(turn),)))])

    def _model_snapshot(self) -> ModelSnapshot | None:
        models = self.greeting.models if self.greeting else ()
        return next((m for m in models if self._model in (m.value, m.resolved)), None)

    async def _write(self, lines: Sequence[Wire]) -> None:
        try:
            await self._transport.send(*lines)
        except SessionLostError as error:
            raise self._lost() from error  # which tells what the process said at its end

    async def _read_until_result(self) -> None:
        while True:
            message = self._check(await self._transport.messages.get())
            if message.get("type") == "result":
                return

    def _check(self, message: dict[str, Any] | None) -> dict[str, Any]:
        """Count progress and read what is about the account; raises for the two signs that nothing will come."""
        if message is None:
            raise self._lost()
        self._progress.see(message)
        kind = message.get("type")
        if message is _TIMED_OUT:
            raise self._too_slow()
        if kind == "rate_limit_event":
            with contextlib.suppress(*NOT_UNDERSTOOD):  # it is only for show
                self.config.on_plan_window(read_plan_window(message.get("rate_limit_info") or {}))
        return message

    def _too_slow(self) -> TurnTimeoutError:
        seconds = self.config.turn_timeout
        return TurnTimeoutError(
            f"Nothing came from Claude for {seconds:g} seconds.", hint="Try again, or raise CLAUDE_TIMEOUT."
        )

    def _lost(self) -> SessionLostError:
        said = " ".join(self.process.complaints)
        return SessionLostError(f"Claude Code ended in the middle of a turn. {said}".strip())

    async def close(self) -> None:
        """End the process, in the middle of a turn too. Takes two seconds at most.

        Several may ask for it: each waits for the same end, which goes on when one of them is cancelled.
        """
        self._state = "closing"
        for task in (self._settled, self._starting):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
                await asyncio.wait({task})
        if self._end is None:
            self._end = asyncio.create_task(self._disconnect())
        await asyncio.shield(self._end)

    async def _disconnect(self) -> None:
        await self._transport.close()
        if self._connecting is not None:  # it disconnects by itself when it fails, which must not be done twice at once
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        await self._client.disconnect()


def _new_blocks(turn: Turn) -> tuple[Any, ...]:
    """The blocks of the messages after the last answer."""
    return tuple(block for message in new_messages(turn.messages) for block in message.content)


def new_messages(messages: Sequence[Message]) -> Sequence[Message]:
    """The user's messages after the last answer: all of them in a new conversation."""
    last_answer = max((i for i, m in enumerate(messages) if m.role == "assistant"), default=-1)
    return messages[last_answer + 1 :]
