"""The life of any request: body → log → read → ask → frames → accounted.

Owns the order of these steps, and that every request is logged and counted however it ends. Must not know a dialect
by name, or a worker: a dialect reads and writes, `pool.ask` answers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from ..bridge.answer import AnswerShaper, WholeAnswer
from ..bridge.dialect import Asked, Dialect, Frame, Reading, Stamp, Writer
from ..bridge.fit_image import SlowPictureError, quickly
from ..bridge.tool_keys import ToolKeys
from ..errors import (
    InvalidRequestError,
    OutputSchemaError,
    RequestCancelledError,
    SessionLostError,
    ToolSchemaError,
    TrayBridgeError,
)
from ..known_clients import OWN_NAME, client_name
from ..session_log import Exchange, Outcome
from ..turns import Event, JsonObject, Leased, TurnEnded
from .all_or_none import all_or_none
from .body import read_json_body
from .errors import failure_of, request_id_of
from .framing import WIRES
from .in_flight import Entry
from .json_response import JsonResponse
from .page.access import OWN_HEADER
from .services import Services
from .stamp import stopwatch
from .streaming import FrameStream, run_unless_disconnected
from .token_count import count_header, count_turn

logger = logging.getLogger(__name__)


def answering_router(services: Services, dialects: Sequence[Dialect]) -> APIRouter:
    """Make a POST route for every path of every dialect."""
    router = APIRouter()
    for dialect in dialects:
        for path in dialect.paths:
            router.add_api_route(
                path,
                _endpoint(services, dialect),
                methods=["POST"],
                summary=dialect.title,
                description="Answer a conversation, in one piece or as a stream.",
                name=f"{dialect.name} {path}",
                openapi_extra=dict(dialect.operation),
            )
    return router


def _endpoint(services: Services, dialect: Dialect) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        answering = await _understand(services, dialect, request)
        asked, stamp = answering.asked, answering.stamp
        if not asked.streamed:
            body = await run_unless_disconnected(request, answering.whole())
            return JsonResponse(body, headers=_headers(answering.asked))
        return FrameStream(
            answering.frames(),
            WIRES[dialect.framing],
            error_frames=answering.error_frames,
            keep_alive=partial(dialect.keep_alive, asked, stamp),
            keepalive_seconds=services.settings.keepalive_seconds,
            header_seconds=dialect.header_seconds,
            headers=_headers(asked),
        )

    return answer


def _headers(asked: Asked) -> dict[str, str]:
    headers = {"x-bridge-ignored": ", ".join(asked.ignored)} if asked.ignored else {}
    counted = count_header(asked.counted) if asked.counts else {}
    return {**headers, **counted, **asked.headers}


async def _understand(services: Services, dialect: Dialect, request: Request) -> Answering:
    """Read the request and begin its log entry; a refused request is logged too."""
    elapsed, created = stopwatch(), int(time.time())
    request_id = request_id_of(request.scope)
    body = await read_json_body(request, limit_megabytes=services.settings.body_limit_mb)
    ours = request.headers.get(OWN_HEADER) == "1"  # our own page does not count as a client
    client = OWN_NAME if ours else client_name(request.headers.get("user-agent", ""))
    owner = request.scope["state"].get("key_name")
    exchange = services.log.begin(
        exchange_id=request_id,
        endpoint=request.url.path,
        client=client,
        key_name=owner,
        streamed=body.get("stream", dialect.streams_by_default) is True,
        request=body,
        dialect=dialect.name,
    )
    try:
        asked = await read_asked(services, dialect, request, body)
        exchange.set_turn(asked.turn, streamed=asked.streamed)
        names = await services.names_of(asked.turn.model, asked.requested_model, owner)
        await services.limits.admit(owner, dialect.name, names)
    except TrayBridgeError as error:
        services.in_flight.refuse()
        services.last_hour.failed(request_id, client, error)
        exchange.end("error", status=failure_of(error).status, error=error)
        raise
    except asyncio.CancelledError:
        exchange.end("disconnected", status=499)
        raise
    except Exception as error:
        exchange.end("error", status=500, error=TrayBridgeError(str(error)))
        raise
    if asked.ignored:
        logger.info("%s: not as it was sent: %s", request_id, ", ".join(asked.ignored))
    stamp = Stamp(f"{dialect.id_prefix}{request_id.removeprefix('req_')}", created, request_id, elapsed)
    return Answering(services, dialect, asked, stamp, exchange, client, owner)


async def read_asked(services: Services, dialect: Dialect, request: Request, body: JsonObject) -> Asked:
    """Read a body: load the stored answers that it names, fetch its pictures, then let the dialect read it."""
    stored: Mapping[str, JsonObject] = {}
    if dialect.stores and services.answers is not None and (ids := dialect.stored_ids(body)):
        stored = await services.answers.load(ids, request.scope["state"].get("key_name"))
    fetched, failed = await _fetch(services, dialect.find_urls(body))
    reading = Reading(
        resolve_model=services.resolve_model,
        fetched=fetched,
        path=request.url.path,
        headers=request.headers,
        show_reasoning=services.settings.show_reasoning,
        stored=stored,
    )
    try:
        return await _read(dialect, body, reading)
    except InvalidRequestError as error:
        if (reason := failed.get(error.param or "")) is not None:
            raise reason from error
        raise


async def _read(dialect: Dialect, body: JsonObject, reading: Reading) -> Asked:
    """Read in the loop, or in a thread where pictures must be scaled, so that other requests go on meanwhile."""
    try:
        with quickly():
            return dialect.read(body, reading)
    except SlowPictureError:
        return await asyncio.to_thread(dialect.read, body, reading)


async def _fetch(
    services: Services, urls: Mapping[str, str]
) -> tuple[Mapping[str, bytes], Mapping[str, InvalidRequestError]]:
    """Fetch each URL; give the bytes by URL, and the failures by path: a past message may lack its picture."""
    failed: dict[str, InvalidRequestError] = {}
    if not urls:
        return {}, failed
    from .fetch_images import ImageUrlError, fetch_images  # its HTTP client is slow to import, and few need it

    left = dict(urls)
    while True:
        try:
            return await fetch_images(left, allow_private=services.settings.fetch_private_addresses), failed
        except ImageUrlError as error:
            param = left.pop(error.url, "")
            refused = InvalidRequestError(error.message, param=param, code=error.code, hint=error.hint)
            if not param:
                raise refused from error
            failed[param] = refused


class Answering:
    """Answer one request that was read. Use either `whole` or `frames`, once."""

    def __init__(
        self,
        services: Services,
        dialect: Dialect,
        asked: Asked,
        stamp: Stamp,
        exchange: Exchange,
        client: str,
        owner: str | None,
    ) -> None:
        self.asked = asked
        self.stamp = stamp
        self._services = services
        self._dialect = dialect
        self._exchange = exchange
        self._client = client
        self._owner = owner
        self._writers: Sequence[Writer] = ()

    async def whole(self) -> JsonObject:
        """Give the answer in one piece."""
        answers = [WholeAnswer(self.asked) for _ in range(self.asked.n)]
        with self._accounted() as entry:
            if self.asked.counts:
                self.asked = replace(self.asked, counted=await count_turn(self._services, self.asked.turn))
            await all_or_none([self._collect(entry, index, answer) for index, answer in enumerate(answers)])
            events = [answer.events() for answer in answers]
            write = partial(self._dialect.whole, self.asked, self.stamp, events)
            body = await asyncio.to_thread(write) if self.asked.counts else write()  # an estimate may take a second
            await self._store(events)
            self._exchange.end("completed", status=200, response=body)
            return body

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Yield the answer's frames, each as soon as it is known."""
        asked, dialect = self.asked, self._dialect
        writers = self._writers = [dialect.writer(asked, self.stamp, index) for index in range(asked.n)]
        with self._accounted() as entry:
            if writers:
                source = self._one(entry, 0, writers[0]) if len(writers) == 1 else self._many(entry, writers)
                async with aclosing(source) as frames:
                    async for frame in frames:
                        yield frame
            for frame in dialect.closing(asked, self.stamp, writers):
                yield frame
            self._exchange.end("completed", status=200)

    def error_frames(self, error: Exception) -> Sequence[Frame]:
        """Make the frame that ends a stream which fails after its first byte."""
        return self._dialect.error_frames(failure_of(error, self.stamp.request_id), self._writers)

    async def _collect(self, entry: Entry, index: int, answer: WholeAnswer) -> None:
        async with aclosing(self._events(entry, index)) as events:
            async for event in events:
                answer.add(event)
                if answer.finished:
                    return

    async def _one(self, entry: Entry, index: int, writer: Writer) -> AsyncGenerator[Frame, None]:
        """Yield the frames of one answer; what is stored of it is stored before the last frames are sent."""
        shaper = AnswerShaper(self.asked)
        shape, write = shaper.shape, writer.write
        kept: list[Event] | None = [] if self._dialect.stores else None
        async with aclosing(self._events(entry, index)) as events:
            async for event in events:
                for shaped in shape(event):
                    if kept is not None:
                        kept.append(shaped)
                        if shaper.finished and isinstance(shaped, TurnEnded):
                            await self._store([kept])
                    for frame in write(shaped):
                        yield frame
                if shaper.finished:
                    return
        raise SessionLostError("The answer has no end.")

    async def _many(self, entry: Entry, writers: Sequence[Writer]) -> AsyncGenerator[Frame, None]:
        """Yield the frames of several answers as they come; each answer is a turn of its own."""
        queue: asyncio.Queue[Frame | None] = asyncio.Queue()

        async def relay(index: int, writer: Writer) -> None:
            async with aclosing(self._one(entry, index, writer)) as frames:
                async for frame in frames:
                    queue.put_nowait(frame)

        work = asyncio.create_task(all_or_none([relay(index, writer) for index, writer in enumerate(writers)]))
        work.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (frame := await queue.get()) is not None:
                yield frame
            await work
        finally:
            work.cancel()
            await asyncio.wait({work})

    async def _events(self, entry: Entry, index: int) -> AsyncGenerator[Event, None]:
        """Yield one answer's events; count and log them. The log keeps the texts of the first answer only."""
        exchange, is_first = self._exchange, index == 0
        record = exchange.record
        keys = ToolKeys(self.asked.turn_of(index))
        restore = keys.restore if keys else None
        async with aclosing(self._services.pool.ask(keys.turn)) as events:
            async for event in events:
                if restore is not None:
                    event = restore(event)
                if isinstance(event, Leased):
                    entry.queued = False
                    if is_first:
                        exchange.set_session(event.kind, queued=event.queued)
                    continue
                entry.tokens += 1
                if is_first:
                    record(event)
                elif isinstance(event, TurnEnded):
                    exchange.also_used(event.usage)
                if isinstance(event, TurnEnded):
                    self._services.limits.used(self._owner, event.usage)
                    self._services.last_hour.answered(
                        client=self._client,
                        first_token=exchange.timings.get("first_token_s"),
                        output_tokens=event.usage.output_tokens,
                    )
                yield event

    async def _store(self, answers: Sequence[Sequence[Event]]) -> None:
        store = self._services.answers
        if not self._dialect.stores or store is None:
            return
        if kept := self._dialect.kept(self.asked, self.stamp, answers):
            await store.save(kept, self._owner)

    @contextmanager
    def _accounted(self) -> Iterator[Entry]:
        """Keep the request in flight while the block runs; count and log how it ends."""
        exchange, client, request_id = self._exchange, self._client, self.stamp.request_id
        failed = self._services.last_hour.failed
        try:
            with self._services.in_flight.enter(request_id, client, self.asked.streamed) as entry:
                entry.model = self.asked.requested_model
                yield entry
        except TrayBridgeError as error:
            self._name_field(error)
            outcome: Outcome = "cancelled" if isinstance(error, RequestCancelledError) else "error"
            exchange.end(outcome, status=failure_of(error).status, error=error)
            if outcome == "error":
                self._services.limits.failed(self._owner)
            failed(request_id, client, error)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            exchange.end("disconnected", status=499)
            raise
        except Exception as error:
            unexpected = TrayBridgeError(str(error))
            exchange.end("error", status=500, error=unexpected)
            self._services.limits.failed(self._owner)
            failed(request_id, client, unexpected)
            raise

    def _name_field(self, error: TrayBridgeError) -> None:
        """Let an error of the turn name the field of the request that is to blame."""
        if isinstance(error, OutputSchemaError):
            error.param = self.asked.schema_param
        elif isinstance(error, ToolSchemaError):
            error.param = next((t.param for t in self.asked.turn.tools if t.name == error.tool), "tools")
