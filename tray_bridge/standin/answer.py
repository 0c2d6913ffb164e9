"""One answer over HTTP: its pace, and the failures that its prompt asks for. Must not know other requests."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Send

from tray_bridge.standin.reply import Reply
from tray_bridge.standin.script import Spec
from tray_bridge.standin.wire import error_body, frame, frames, message

STREAM = "text/event-stream; charset=utf-8"
JSON = "application/json"


class Answer:
    """One answer on its way. `gone` ends when the client has left and steps then raise ClientDisconnect."""

    def __init__(self, send: Send, gone: asyncio.Task[None], on_first_delta: Callable[[], None]) -> None:
        self._send = send
        self._gone = gone
        self._asked = time.perf_counter()
        self._on_first_delta = on_first_delta
        self._headers: Mapping[str, str] = {}

    async def _play(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Send these events as they are, with their pauses."""
        self._on_first_delta()
        for event in events:
            if "pause" in event:
                await self._pause(event["pause"])
            else:
                await self._put(frame(event).data, more=True)
        await self._put(b"", more=False)

    async def give(self, reply: Reply, spec: Spec, *, streamed: bool) -> None:
        """Answer as scripted. Returning early cuts the connection: uvicorn closes an unfinished response."""
        self._headers = spec.headers or {}
        await self._pause(self._asked + (spec.first_delay or 0) - time.perf_counter())
        if spec.hang:
            await self._pause(None if spec.hang is True else spec.hang)
        if spec.error is not None and spec.error_event_after is None:
            await self.fail(spec.error)
            return
        if streamed:
            await self._begin(200, STREAM)
        if spec.events and streamed:
            await self._play(spec.events)
            return
        started, sent = time.perf_counter(), 0
        for event in frames(reply):
            if sent == spec.break_after:
                if not streamed:
                    await self._begin(200, JSON)
                return
            if sent == spec.error_event_after:
                await self._break_off(spec.error or {}, streamed=streamed)
                return
            if sent == spec.hang_after:
                await self._pause(None)
            if event.is_delta:
                if spec.rate:
                    await self._pause(started + sent / spec.rate - time.perf_counter())
                if not sent:
                    self._on_first_delta()
                sent += 1
            if streamed:
                await self._put(event.data, more=True)
        if streamed:
            await self._put(b"", more=False)
        else:
            await self._begin(200, JSON)
            await self._put(json.dumps(message(reply)).encode(), more=False)

    async def fail(self, error: Mapping[str, Any]) -> None:
        """Answer with an error and its status (529 where it names none)."""
        retry_after = error.get("retry_after")
        extra = {} if retry_after is None else {"retry-after": str(retry_after)}
        await self._begin(error.get("status", 529), JSON, extra)
        await self._put(json.dumps(error_body(error)).encode(), more=False)

    async def _break_off(self, error: Mapping[str, Any], *, streamed: bool) -> None:
        """Fail in the middle: a stream's status is sent by then, so the error comes as its last event."""
        if streamed:
            await self._put(frame(error_body(error)).data, more=False)
        else:
            await self.fail(error)

    async def _begin(self, status: int, content_type: str, extra: Mapping[str, str] | None = None) -> None:
        headers = {
            "content-type": content_type,
            "cache-control": "no-cache",
            "request-id": f"req_standin{uuid.uuid4().hex[:16]}",
            **(extra or {}),
            **self._headers,
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def _put(self, data: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})
        if more:
            await asyncio.sleep(0)  # else a fast answer would keep all others waiting
            if self._gone.done():
                raise ClientDisconnect

    async def _pause(self, seconds: float | None) -> None:
        """Wait so long, or (None) until the client leaves."""
        if seconds is None or seconds > 0:
            await asyncio.wait({self._gone}, timeout=seconds)
        if self._gone.done():
            raise ClientDisconnect
