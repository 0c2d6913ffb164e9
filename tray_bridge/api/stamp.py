"""The outermost middleware: gives each request an id, and each answer `x-request-id` and
`openai-processing-ms`.

The id is in `scope["state"]["request_id"]`: the session log and the list of running requests use the same
one.
"""

from __future__ import annotations

import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class StampMiddleware:
    """OpenAI's libraries show `x-request-id` with every error; the time is up to the answer's first byte."""

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
                elapsed = round((time.perf_counter() - began) * 1000)
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                    (b"openai-processing-ms", str(elapsed).encode()),
                ]
            await send(message)

        await self.app(scope, receive, stamp)
