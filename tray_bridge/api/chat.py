"""POST /v1/chat/completions, from the body to the last chunk.

The story of one request: read the body, understand it, borrow a session, relay its events, write the log. What each
step means is elsewhere; here is their order, and that every way out is logged and gives the session back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from ..bridge.content import find_image_urls
from ..bridge.openai_chat.describe import CHAT_OPERATION
from ..bridge.openai_chat.read import ChatRequest, read_chat_request
from ..bridge.openai_chat.usage import sum_usage
from ..bridge.openai_chat.whole import ResponseCollector, write_completion
from ..bridge.openai_chat.write import ChunkWriter, usage_chunk
from ..errors import InvalidRequestError, RequestCancelledError, SessionLostError, TrayBridgeError
from ..known_clients import client_name
from ..session_log import Exchange, Outcome
from ..turns import Event, TurnEnded, TurnStarted
from .body import read_json_body
from .error_responses import shape_of
from .in_flight import Entry
from .json_response import JsonResponse, encode_json
from .services import Services
from .sse import EventStream, run_unless_disconnected

MOST_SESSIONS_LOST = 5  # for one request, before it is told


@dataclass(frozen=True, slots=True)
class Asked:
    """One understood request with all that its answer needs."""

    id: str
    completion_id: str
    chat: ChatRequest
    client: str
    exchange: Exchange
    created: int


def chat_router(services: Services) -> APIRouter:
    router = APIRouter()

    @router.post("/chat/completions", openapi_extra=CHAT_OPERATION)
    async def create_chat_completion(request: Request) -> Response:
        """Answer a conversation, whole or as a stream of chunks (OpenAI's Chat Completions)."""
        asked = await _understand(services, request)
        headers = {"x-bridge-ignored": ", ".join(asked.chat.ignored)} if asked.chat.ignored else {}
        if asked.chat.streamed:
            return EventStream(
                _stream(services, asked),
                keepalive_seconds=services.settings.keepalive_seconds,
                headers=headers,
            )
        completion = await run_unless_disconnected(request, _collect(services, asked))
        return JsonResponse(completion, headers=headers)

    return router


async def _understand(services: Services, request: Request) -> Asked:
    """Read the request; one that is refused is logged too."""
    request_id = request.scope["state"]["request_id"]
    body = await read_json_body(request, limit_megabytes=services.settings.body_limit_mb)
    client = client_name(request.headers.get("user-agent", ""))
    exchange = services.log.begin(
        exchange_id=request_id,
        endpoint=request.url.path,
        client=client,
        key_name=request.scope["state"].get("key_name"),
        streamed=body.get("stream") is True,
        request=body,
    )
    try:
        chat = read_chat_request(body, resolve_model=services.resolve_model, fetched=await _fetch(services, body))
    except TrayBridgeError as error:
        services.in_flight.failed += 1
        services.last_hour.failed(request_id, client, error)
        exchange.end("error", status=shape_of(error).status, error=error)
        raise
    except asyncio.CancelledError:
        exchange.end("disconnected", status=499)
        raise
    except Exception as error:
        exchange.end("error", status=500, error=TrayBridgeError(str(error)))
        raise
    exchange.set_turn(chat.turn)
    completion_id = f"chatcmpl-{request_id.removeprefix('req_')}"
    return Asked(request_id, completion_id, chat, client, exchange, int(time.time()))


async def _fetch(services: Services, body: Mapping[str, Any]) -> Mapping[str, bytes]:
    urls = find_image_urls(body)
    if not urls:
        return {}
    from .fetch_images import ImageUrlError, fetch_images  # its HTTP client is slow to import, and few need it

    try:
        return await fetch_images(urls, allow_private=services.settings.fetch_private_addresses)
    except ImageUrlError as error:
        raise InvalidRequestError(error.message, param=urls.get(error.url), code=error.code, hint=error.hint) from error


async def _collect(services: Services, asked: Asked) -> Mapping[str, Any]:
    """The whole answer."""
    show = services.settings.show_reasoning
    collectors = [ResponseCollector(asked.chat, show_reasoning=show) for _ in range(asked.chat.n)]

    async def collect(index: int, collector: ResponseCollector, entry: Entry) -> None:
        async with aclosing(_events(services, asked, entry, index)) as events:
            async for event in events:
                collector.write(event)
                if collector.finished:
                    return

    with _accounted(services, asked) as entry:
        await _all_or_none([collect(i, collector, entry) for i, collector in enumerate(collectors)])
        completion = write_completion(collectors, id_=asked.completion_id, created=asked.created)
        asked.exchange.end("completed", status=200, response=completion)
        return completion


async def _stream(services: Services, asked: Asked) -> AsyncGenerator[bytes, None]:
    """The answer's chunks as JSON, each as soon as it is known."""
    show = services.settings.show_reasoning
    writers = [
        ChunkWriter(asked.chat, id_=asked.completion_id, created=asked.created, index=i, show_reasoning=show)
        for i in range(asked.chat.n)
    ]
    with _accounted(services, asked) as entry:
        if len(writers) == 1:
            source = _one_choice(services, asked, entry, 0, writers[0])
        else:
            source = _many_choices(services, asked, entry, writers)
        async with aclosing(source) as chunks:
            async for chunk in chunks:
                yield chunk
        asked.exchange.end("completed", status=200)


async def _one_choice(
    services: Services, asked: Asked, entry: Entry, index: int, writer: ChunkWriter
) -> AsyncGenerator[bytes, None]:
    async with aclosing(_events(services, asked, entry, index)) as events:
        async for event in events:
            for chunk in writer.write_json(event):
                yield chunk
            if writer.finished:
                return


async def _many_choices(
    services: Services, asked: Asked, entry: Entry, writers: Sequence[ChunkWriter]
) -> AsyncGenerator[bytes, None]:
    """Each choice is a turn of its own; their chunks are interleaved as they come."""
    chunks: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def relay(index: int, writer: ChunkWriter) -> None:
        async with aclosing(_one_choice(services, asked, entry, index, writer)) as source:
            async for chunk in source:
                chunks.put_nowait(chunk)

    work = asyncio.create_task(_all_or_none([relay(i, writer) for i, writer in enumerate(writers)]))
    work.add_done_callback(lambda _: chunks.put_nowait(None))
    try:
        while (chunk := await chunks.get()) is not None:
            yield chunk
        await work
    finally:
        work.cancel()
        await asyncio.wait({work})
    if asked.chat.include_usage:
        usage = sum_usage(writer.usage for writer in writers)
        last = usage_chunk(asked.completion_id, writers[0].model, asked.created, usage)
        yield encode_json(last)


async def _events(services: Services, asked: Asked, entry: Entry, index: int) -> AsyncGenerator[Event, None]:
    """One choice's events, counted and logged on their way; the log keeps the first choice's.

    A session that is lost before it has said anything (it died while it rested, say) is replaced, and so is the next:
    what ended one spare may have ended all.
    """
    for left in reversed(range(MOST_SESSIONS_LOST)):
        said = False
        try:
            async with aclosing(_lease_and_run(services, asked, entry, index)) as events:
                async for event in events:
                    said = True
                    yield event
            return
        except SessionLostError:
            if said or not left:
                raise


async def _lease_and_run(services: Services, asked: Asked, entry: Entry, index: int) -> AsyncGenerator[Event, None]:
    async with services.pool.lease(asked.chat.turn) as lease:
        entry.queued = False
        is_first = index == 0
        if is_first:
            asked.exchange.set_session(lease.kind, queued=lease.queued)
        record = asked.exchange.record
        is_waiting = True
        async with aclosing(lease.session.run(lease.turn)) as events:
            async for event in events:
                if is_waiting and not isinstance(event, TurnStarted):
                    is_waiting = False
                    lease.answering()
                entry.tokens += 1
                if is_first:
                    record(event)
                if isinstance(event, TurnEnded):
                    services.last_hour.answered(
                        client=asked.client,
                        first_token=asked.exchange.timings.get("first_token_s"),
                        output_tokens=event.usage.output_tokens,
                    )
                yield event


async def _all_or_none(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run all at once; when one fails the others are ended before its error goes on."""
    if len(works) == 1:
        await works[0]
        return
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@contextmanager
def _accounted(services: Services, asked: Asked) -> Iterator[Entry]:
    """The request is in flight; whatever ends it is counted and logged."""
    exchange = asked.exchange
    try:
        with services.in_flight.enter(asked.id, asked.client, asked.chat.streamed) as entry:
            entry.model = asked.chat.requested_model
            yield entry
    except TrayBridgeError as error:
        outcome: Outcome = "cancelled" if isinstance(error, RequestCancelledError) else "error"
        exchange.end(outcome, status=shape_of(error).status, error=error)
        services.last_hour.failed(asked.id, asked.client, error)
        raise
    except (asyncio.CancelledError, GeneratorExit):
        exchange.end("disconnected", status=499)
        raise
    except Exception as error:
        unexpected = TrayBridgeError(str(error))
        exchange.end("error", status=500, error=unexpected)
        services.last_hour.failed(asked.id, asked.client, unexpected)
        raise
