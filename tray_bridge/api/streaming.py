"""A streamed answer: frames, keep-alives and errors; the work is cancelled when the client leaves.

Must not know a dialect: frames, keep-alives and error frames are passed in.

- Nothing is sent before the first frame, so that an error can still be an HTTP status, from which clients decide
  whether to retry. After `header_seconds` the headers are sent all the same: tunnels give up after 100 s without
  headers, Node's fetch after 300 s. The default is above the queue's time limit (60 s), so a full queue is a 429.
- A keep-alive is sent after `keepalive_seconds` of silence.
- After the first byte, an error is a frame of the dialect, and ends the stream without the framing's own end: after
  `[DONE]` a client would take the answer for whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..bridge.dialect import Frame
from ..errors import TrayBridgeError
from .errors import error_response
from .framing import Wire

logger = logging.getLogger(__name__)

T = TypeVar("T")

_ending: set[asyncio.Task[Any]] = set()  # tasks that still clean up; the loop holds only weak references


class FrameStream(Response):
    """Stream the frames that `source` yields. For one request.

    `error_frames` words an error after the first byte; `keep_alive` gives the frame for a silence, or None for the
    wire's own. One task reads the source. When the client leaves, or the server ends the request, that task is
    cancelled once and left to finish, so the source's `finally` blocks run to their end, awaits included.
    """

    def __init__(
        self,
        source: AsyncGenerator[Frame, None],
        wire: Wire,
        *,
        error_frames: Callable[[Exception], Sequence[Frame]],
        keep_alive: Callable[[], Frame | None] = lambda: None,
        keepalive_seconds: float,
        header_seconds: float = 75.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.media_type = wire.media_type
        self.init_headers({"cache-control": "no-cache", "x-accel-buffering": "no", **(headers or {})})
        self._source = source
        self._wire = wire
        self._error_frames = error_frames
        self._keep_alive = keep_alive
        self._keepalive_seconds = keepalive_seconds
        self._header_seconds = header_seconds
        self._started = False
        self._ended = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._lock = asyncio.Lock()  # a keep-alive must not come between the headers and the first frame
        now = asyncio.get_running_loop().time
        self._last_sent = now()
        relay = asyncio.create_task(self._relay())
        leaving = asyncio.create_task(_disconnected(receive))
        try:
            while not relay.done() and not leaving.done():
                patience = self._keepalive_seconds if self._started else self._header_seconds
                silence = self._last_sent + patience - now()
                if silence <= 0:
                    frame = self._keep_alive()
                    await self._write(self._wire.keep_alive if frame is None else self._wire.encode(frame))
                    continue
                # At most a keep-alive's time: the first frame may come meanwhile, and shortens the
                # silence that is allowed.
                rest = min(silence, self._keepalive_seconds)
                await asyncio.wait({relay, leaving}, timeout=rest, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            await _end(relay)

    async def _relay(self) -> None:
        encode = self._wire.encode
        try:
            async for frame in self._source:
                await self._write(encode(frame))
            await self._write(self._wire.end, last=True)
        except Exception as error:
            await self._fail(error)
        finally:
            await self._source.aclose()

    async def _write(self, data: bytes, *, last: bool = False) -> None:
        async with self._lock:
            if self._ended:
                return
            self._ended = last
            if not self._started:
                self._started = True
                start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
                await self._send(start)
            await self._send({"type": "http.response.body", "body": data, "more_body": not last})
            self._last_sent = asyncio.get_running_loop().time()

    async def _fail(self, error: Exception) -> None:
        if not isinstance(error, TrayBridgeError):
            logger.error("An unexpected error in a stream", exc_info=error)
        if self._started:
            await self._write(b"".join(map(self._wire.encode, self._error_frames(error))), last=True)
            return
        async with self._lock:
            self._started = self._ended = True
            await error_response(error, self._scope)(self._scope, self._receive, self._send)


async def run_unless_disconnected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await `work`. When the client leaves, cancel it, wait for its clean-up and raise ClientDisconnect.

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
    """Cancel `task` if it still runs, and wait for its clean-up, which goes on even if the waiting is cancelled."""
    if task.done():
        return
    _ending.add(task)
    task.add_done_callback(_ending.discard)
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("An error while a request was being ended", exc_info=error)
