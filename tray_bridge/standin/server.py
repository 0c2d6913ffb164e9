"""Serve the stand-in over HTTP, in a thread of its own. Owns the socket and the requests that came.

Paths: `/v1/messages`, `/v1/messages/count_tokens`, `/standin/requests` (GET lists them, DELETE forgets them). Every
other path is answered with an empty object, because the CLI probes some.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
import uuid
from collections import Counter
from dataclasses import asdict, replace
from typing import Any, cast

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import Self
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from tray_bridge.standin.answer import Answer
from tray_bridge.standin.prompt_cache import PromptCache
from tray_bridge.standin.reply import compose
from tray_bridge.standin.script import Received, ScriptError, Spec, read_script

logger = logging.getLogger(__name__)

STOP_TIMEOUT = 5.0

_SILENT = logging.Logger("stand-in", logging.CRITICAL)  # noqa: LOG001 - for this server alone: cuts are scripted


def _quiet_protocol(*arguments: Any, **named: Any) -> asyncio.Protocol:
    """Make uvicorn's protocol without its log; levels in its options would silence every server of this process."""
    protocol: Any = AutoHTTPProtocol(*arguments, **named)
    protocol.logger, protocol.access_log = _SILENT, False
    return cast(asyncio.Protocol, protocol)


class _CuttingServer(uvicorn.Server):
    """At its end it cuts what is under way."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0.1)
        for task in list(self.server_state.tasks):
            task.cancel()


class StandIn:
    """A Messages API on loopback that answers as its prompts say. Port 0 takes a free one.

    `first_delay` (seconds) and `rate` (deltas a second, None: as fast as possible) hold where a prompt names none. All
    methods may be called from any thread. With `counts` false it counts no tokens, as many gateways.
    """

    def __init__(self, port: int = 0, *, first_delay: float = 0.0, rate: float | None = None) -> None:
        self._port = port
        self.first_delay = first_delay
        self._rate = rate
        self.counts = True
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self.clear()

    def clear(self) -> None:
        """Forget all requests, how often each prompt was seen, and what was cached."""
        self._received: dict[str, Received] = {}
        self._errands: dict[str, Received] = {}
        self._times_seen: Counter[tuple[str, int]] = Counter()
        self._cache = PromptCache()
        self.counted: list[int] = []
        """Its answers to requests to count tokens."""

    @property
    def requests(self) -> list[Received]:
        """The questions that came, oldest first."""
        return list(self._received.values())

    @property
    def errands(self) -> list[Received]:
        """What the CLI asked for itself, such as a title: each would cost the person tokens."""
        return list(self._errands.values())

    @property
    def url(self) -> str:
        """Its address, without a path; raises RuntimeError when not started."""
        if self._socket is None:
            raise RuntimeError("The stand-in is not started.")
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def start(self) -> Self:
        """Listen, without waiting for the thread: the backlog keeps early connections. Raises OSError."""
        self._socket = socket.create_server(("127.0.0.1", self._port), backlog=128)
        config = uvicorn.Config(
            self._serve,
            interface="asgi3",
            proxy_headers=False,
            log_config=None,
            http=_quiet_protocol,  # type: ignore[arg-type]  # it is called as the class is
            lifespan="off",
            ws="none",
        )
        self._server = _CuttingServer(config)
        sockets = [self._socket]
        self._thread = threading.Thread(target=self._server.run, args=(sockets,), name="stand-in", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Cut all connections and wait for the thread; does nothing when not started."""
        if self._server is None or self._thread is None or self._socket is None:
            return
        self._server.should_exit = True
        self._thread.join(STOP_TIMEOUT)
        self._socket.close()
        self._server = self._thread = self._socket = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The whole ASGI application; without a framework's layers, for benchmarks measure against it."""
        request = Request(scope, receive)
        where = (request.method, request.url.path)
        if where == ("POST", "/v1/messages"):
            await self._answer(request, send)
            return
        answer: Any = {}
        if where == ("POST", "/v1/messages/count_tokens"):
            self.counted.append(len(await request.body()) // 4)
            answer = {"input_tokens": self.counted[-1]}
            if not self.counts:
                missing = {"type": "not_found_error", "message": "Tokens are not counted here."}
                await JSONResponse({"type": "error", "error": missing}, status_code=404)(scope, receive, send)
                return
        elif where == ("GET", "/standin/requests"):
            answer = [asdict(received) for received in self.requests]
        elif where == ("DELETE", "/standin/requests"):
            self.clear()
        await JSONResponse(answer)(scope, receive, send)

    async def _answer(self, request: Request, send: Send) -> None:
        started = time.perf_counter()
        raw = await request.body()
        gone = asyncio.create_task(client_left(request.receive))
        key, kept = uuid.uuid4().hex, self._received

        def note(**changes: Any) -> None:
            if key in kept:
                kept[key] = replace(kept[key], **changes)

        answer = Answer(send, gone, on_first_delta=lambda: note(first_delta=time.perf_counter()))
        try:
            body = json.loads(raw)
            script = read_script(body)
            kept = self._errands if script.is_errand else self._received
            kept[key] = Received(body, dict(request.headers), script.spec, started)
            spec = self._spec_for_this_time(script.spec, (script.question, script.rounds))
            reply = compose(replace(script, spec=spec), body, self._cache.usage(body))
            note(usage=reply.usage)
            await answer.give(reply, spec, streamed=bool(body.get("stream")))
        except (ScriptError, json.JSONDecodeError) as error:
            await answer.fail({"status": 400, "type": "invalid_request_error", "message": f"standin: {error}"})
        except ClientDisconnect:
            note(aborted=True)
        except Exception:
            logger.exception("The stand-in could not answer")  # uvicorn does not log: cuts are scripted
            raise
        finally:
            note(ended=time.perf_counter())
            gone.cancel()

    def _spec_for_this_time(self, spec: Spec, prompt: tuple[str, int]) -> Spec:
        """Give the spec with the stand-in's own pace, without the failures that were repeated often enough."""
        seen = self._times_seen[prompt]
        self._times_seen[prompt] += 1
        if spec.error_times is not None and seen >= spec.error_times:
            spec = replace(spec, error=None, error_event_after=None)
        if spec.break_times is not None and seen >= spec.break_times:
            spec = replace(spec, break_after=None)
        return replace(
            spec,
            first_delay=self.first_delay if spec.first_delay is None else spec.first_delay,
            rate=self._rate if spec.rate is None else spec.rate,
        )


async def client_left(receive: Receive) -> None:
    """Return when the client has hung up (or has its whole answer)."""
    while (await receive())["type"] != "http.disconnect":
        pass
