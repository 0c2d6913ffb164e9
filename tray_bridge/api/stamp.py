"""The outermost middleware: gives each request an id, and each answer `x-request-id`, `openai-processing-ms` and the
headers of the dialect that owns its path.

The id is in `scope["state"]["request_id"]`; the session log and the requests in flight use the same one.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..bridge.all_dialects import dialect_of


def stopwatch() -> Callable[[], float]:
    """Return what tells the seconds since this call."""
    began = time.perf_counter()
    return lambda: time.perf_counter() - began


class StampMiddleware:
    """Add the headers. OpenAI's libraries show `x-request-id` with every error; the time is that to the first byte."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = f"req_{secrets.token_hex(8)}"
        scope.setdefault("state", {})["request_id"] = request_id

        async def stamp(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = dialect_of(scope["path"], Headers(scope=scope)).headers(request_id)
                elapsed = round((time.perf_counter() - began) * 1000)
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                    (b"openai-processing-ms", str(elapsed).encode()),
                    *((name.encode(), value.encode()) for name, value in own.items()),
                ]
            await send(message)

        await self.app(scope, receive, stamp)
