"""One question to a worker, from the first line that is written to the last event of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from ..errors import SessionLostError, TrayBridgeError, UpstreamError
from ..machine.time_limit import wait_within
from ..turns import Event, Message, Text, ToolResult
from .answer import AnswerReader, Rest
from .api_schema import check_answer
from .conversation import Plan, Wanted, new_blocks
from .line_reader import timed_out
from .offered_tools import callable_names
from .process_binding import NOT_UNDERSTOOD
from .prompt import Wire, can_be_forced, demand_for_call, merged_from, past_line, question_line
from .worker import Worker

SHORTEST_PREPARATION = 10.0  # seconds, at least, for a past conversation and a question to be handed over
MOST_REPEATS = 2  # how often a call is demanded again in words


class TurnRun:
    """Run one turn, with at most `limit` seconds without progress.

    `rest` is the state in which it left the worker; None while it runs, and if it did not end.
    """

    def __init__(self, worker: Worker, wanted: Wanted, limit: float) -> None:
        self.rest: Rest | None = None
        self._worker = worker
        self._wanted = wanted
        self._limit = limit
        self._turn = wanted.turn
        self._shared = 0  # messages that the worker holds already

    async def events(self) -> AsyncGenerator[Event, None]:
        """Ask the turn's question and yield the answer's events; the last is `TurnEnded`.

        Raises TrayBridgeError: TurnTimeoutError, SessionLostError, SignedOutError, UpstreamError.
        """
        worker, turn = self._worker, self._turn
        worker.reader.progress.start(self._limit)
        try:
            plan = worker.conversation.plan(self._wanted)
            self._shared = plan.start
            await self._within_time_limit(self._begin(plan))
            reader = AnswerReader(
                callable_names(turn),
                structured=turn.bound_schema is not None,
                demanded=turn.demands_call,
                cites=turn.cites,
            )
            repeats = MOST_REPEATS if self._demand() else 0
            get = worker.reader.messages.get
            while reader.rest is None:
                events = self._read(reader, await get())
                if reader.rest == "clean" and turn.demands_call and not reader.calls and repeats:
                    repeats -= 1
                    reader.begin_again()
                    await self._within_time_limit(self._demand_again())
                    continue
                if reader.rest is not None:
                    self._finish(reader)  # before the yield: the caller stops reading at the last event
                for event in events:
                    yield event
        except TrayBridgeError:
            self._stop()  # the CLI may be about to ask the model again by itself
            raise
        finally:
            worker.reader.progress.cancel()

    async def count(self) -> int | None:
        """Write the whole turn as a past, and have it counted upstream; None where that cannot be done.

        What was written stays until the worker is given back.
        """
        worker, keys = self._worker, self._wanted.keys
        written = merged_from(self._turn.messages, 0)
        if written[0][1].role == "assistant":
            return None  # it could not be cut away again
        await worker.prepare(self._wanted, Plan("new"))
        worker.conversation.begin_turn()
        lines: list[Wire] = []
        for start, message in written:
            lines.append(past_line(message))
            if message.role == "user":
                await worker.write(lines, [_key_of_cut(keys[start], message)])
                await worker.reader.read_result()
                lines = []
        return await worker.count_tokens()

    def _read(self, reader: AnswerReader, message: dict[str, Any] | None) -> Sequence[Event]:
        try:
            return reader.read(self._worker.reader.check(message))
        except NOT_UNDERSTOOD as error:
            raise SessionLostError("Claude Code sent a message that this version does not understand.") from error

    def _finish(self, reader: AnswerReader) -> None:
        if self._turn.demands_call and not reader.calls and reader.rest == "clean":
            raise UpstreamError("The model answered without calling a tool, which was required.", status=502)
        if self._turn.output_schema is not None and not self._turn.binds_schema and reader.rest == "clean":
            check_answer(self._turn, reader.answer_text())
        self._worker.reader.progress.cancel()  # the client may take its time with the last events
        conversation = self._worker.conversation
        if reader.rest == "spent":
            self._stop()  # the CLI is about to ask the model again by itself
        else:
            conversation.key = self._wanted.keys.with_answer(reader.answer_message())
            conversation.is_suspended = reader.rest == "suspended"
            conversation.answered(self._wanted, self._shared, tuple(reader.calls))
            conversation.is_limited = self._turn.max_tokens is not None
        if reader.rest == "clean":
            self._worker.end_by_itself()
        self.rest = reader.rest

    def _stop(self) -> None:
        if self._worker.config.reuse and self._worker.alive:
            self._worker.interrupt()
        else:
            self._worker.process.kill_now()

    async def _within_time_limit(self, step: Coroutine[Any, Any, None]) -> None:
        """Limit the time of what is written to the CLI before it answers: a stopped process does not read."""
        try:
            await wait_within(step, max(self._limit, SHORTEST_PREPARATION))
        except asyncio.TimeoutError:
            raise timed_out(self._limit) from None

    async def _begin(self, plan: Plan) -> None:
        worker, turn = self._worker, self._turn
        if plan.how == "results":
            worker.conversation.key = None
            worker.allow(callable_names(turn))
            await worker.set_settings(turn)
            results = (block for block in new_blocks(self._wanted) if isinstance(block, ToolResult))
            # Results come in the order of their calls; their ids may be the client's own.
            await worker.deliver(dict(zip(worker.conversation.calls, results, strict=True)))
            return
        await worker.prepare(self._wanted, plan)
        worker.conversation.begin_turn()
        worker.allow(callable_names(turn))
        await worker.set_settings(turn)
        await self._ask(plan)

    async def _ask(self, plan: Plan) -> None:
        """Write the messages that the CLI does not hold yet: past ones first, the question last."""
        worker, keys = self._worker, self._wanted.keys
        written = merged_from(self._turn.messages, plan.start)
        if plan.how == "new":
            worker.wear.conversations += 1
            written = written[len(worker.past) :]
            if written[0][1].role == "assistant":
                worker.conversation.can_be_cut = False
        lines: list[Wire] = []
        for start, message in written[:-1]:
            lines.append(past_line(message))
            if message.role == "user":  # the CLI keeps the order only of what comes after its `result`
                await worker.write(lines, [_key_of_cut(keys[start], message)])
                await worker.reader.read_result()
                lines = []
        start, question = written[-1]
        if (demand := self._demand()) is not None:
            question = replace(question, content=(*question.content, demand))
        await worker.write([*lines, question_line(question)], [_key_of_cut(keys[start], question)])

    def _demand(self) -> Text | None:
        """Write the demand for a call, where the model cannot be forced."""
        forced = not self._turn.demands_call or can_be_forced(self._turn, self._worker.model_snapshot())
        return None if forced else demand_for_call(self._turn)

    async def _demand_again(self) -> None:
        await self._worker.reader.read_result()
        await self._worker.write([question_line(Message("user", (demand_for_call(self._turn),)))], [None])


def _key_of_cut(key: bytes, message: Message) -> bytes | None:
    """Give the key of the conversation before this message; None for results: a cut there would leave calls open."""
    return None if any(isinstance(block, ToolResult) for block in message.content) else key
