"""Chunks → frames of an event stream, keep-alives, `[DONE]`; and the end of the work when the client leaves.

Knows HTTP, not chat: it relays what its source yields. How it behaves, and for whose sake:

- A keep-alive is a comment frame (`: keep-alive`), as OpenRouter sends it: every parser that follows the
  standard skips it. No frame has an `id:` line, since with one openai-python before 2.38 takes the comment
  for an event; and no chunk without choices is made up, since older Cline crashes on one. A comment comes
  only after `keepalive_seconds` of silence, which few answers have.
- Before the first chunk nothing is sent, so that an error can still be an HTTP status, which clients retry
  by. But not for longer than `HEADER_SECONDS`: tunnels give up after 100 s without headers, Node's fetch
  after 300 s. This is above the queue's time limit (60 s), so a full queue is still a 429.
- After the first byte an error is `data: {"error": {…}}` and the end of the stream, without `[DONE]`:
  openai-python, openai-node and the Vercel AI SDK raise on it, and `[DONE]` would tell all others that the
  answer is whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Mapping
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..errors import TrayBridgeError
from .error_responses import error_body, error_response
from .json_response import encode_json

logger = logging.getLogger(__name__)

HEADER_SECONDS = 75.0
KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"

T = TypeVar("T")
Chunk = bytes | Mapping[str, Any]

_ending: set[asyncio.Task[Any]] = set()  # tasks still cleaning up; the loop itself holds tasks only weakly


class EventStream(Response):
    """Streams what `source` yields: dicts, or JSON already encoded. Serves one request.

    The source is read by one task of its own. When the client leaves, or the server ends the request, that
    task is cancelled once and left to finish, so the source's `finally` blocks run to their end, awaits
    included.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        source: AsyncGenerator[Chunk, None],
        *,
        keepalive_seconds: float,
        header_seconds: float = HEADER_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"cache-control": "no-cache", "x-accel-buffering": "no", **(headers or {})})
        self._source = source
        self._keepalive_seconds = keepalive_seconds
        self._header_seconds = header_seconds
        self._started = False
        self._ended = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._lock = asyncio.Lock()  # a keep-alive must not come between the headers and the first chunk
        now = asyncio.get_running_loop().time
        self._last_sent = now()
        relay = asyncio.create_task(self._relay())
        leaving = asyncio.create_task(_disconnected(receive))
        try:
            while not relay.done() and not leaving.done():
                patience = self._keepalive_seconds if self._started else self._header_seconds
                silence = self._last_sent + patience - now()
                if silence <= 0:
                    await self._write(KEEP_ALIVE)
                    continue
                # Never longer than a keep-alive's time: the first chunk may come meanwhile.
                rest = min(silence, self._keepalive_seconds)
                await asyncio.wait({relay, leaving}, timeout=rest, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            await _end(relay)

    async def _relay(self) -> None:
        try:
            async for chunk in self._source:
                await self._write(_frame(chunk))
            await self._write(DONE, last=True)
        except Exception as error:
            await self._fail(error)
        finally:
            await self._source.aclose()

    async def _write(self, frame: bytes, *, last: bool = False) -> None:
        async with self._lock:
            if self._ended:
                return
            self._ended = last
            if not self._started:
                self._started = True
                start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
                await self._send(start)
            await self._send({"type": "http.response.body", "body": frame, "more_body": not last})
            self._last_sent = asyncio.get_running_loop().time()

    async def _fail(self, error: Exception) -> None:
        if not isinstance(error, TrayBridgeError):
            logger.error("An unexpected error in a stream", exc_info=error)
        if self._started:
            await self._write(_frame(error_body(error)), last=True)
            return
        async with self._lock:
            self._started = self._ended = True
            await error_response(error)(self._scope, self._receive, self._send)


def _frame(chunk: Chunk) -> bytes:
    return b"data: %b\n\n" % (chunk if isinstance(chunk, bytes) else encode_json(chunk))


async def run_unless_disconnected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, but cancel it, let it clean up and raise ClientDisconnect when the client leaves.

    The request's body must have been read.
    """
    task = asyncio.create_task(work)
    leaving = asyncio.create_task(_disconnected(request.receive))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        leaving.cancel()
        await _end(task)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(task: asyncio.Task[Any]) -> None:
    """Cancel `task` if it still runs and wait for its clean-up, which goes on even if we are cancelled."""
    if task.done():
        return
    _ending.add(task)
    task.add_done_callback(_ending.discard)
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("An error while a request was being ended", exc_info=error)
