"""A client of the bridge that costs next to nothing: one request on a plain socket, and when each delta came.

Parses no JSON while an answer streams, so that the measuring does not slow what it measures.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

CONTENT = re.compile(rb'"content":"[^"]')
LAST_CHUNK = b"0\r\n\r\n"


@dataclass
class Stream:
    """One answer's times, of `time.perf_counter()`; `deltas` has one for each piece of text."""

    sent: float
    deltas: list[float] = field(default_factory=list)
    ended: float = 0.0
    text: str = ""
    call_ids: list[str] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)

    @property
    def first(self) -> float:
        """Seconds from the question to the first delta."""
        return self.deltas[0] - self.sent


class Connection(asyncio.Protocol):
    """A connection that is kept alive over several requests, one at a time."""

    def __init__(self) -> None:
        self.pieces: list[tuple[float, bytes]] = []
        self.answered: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        self.pieces.append((time.perf_counter(), data))
        if data.endswith(LAST_CHUNK) and self.answered is not None:
            self.answered.set_result(None)
            self.answered = None

    def connection_lost(self, error: Exception | None) -> None:
        if self.answered is not None and not self.answered.done():
            self.answered.set_exception(error or ConnectionError("The bridge hung up."))


class Client:
    """Asks one bridge, a question at a time, on a connection that is open before the clock starts."""

    def __init__(self, base_url: str) -> None:
        where = urlsplit(base_url)
        self._host, self._port, self._path = where.hostname or "", where.port or 80, where.path
        self._connection: Connection | None = None

    async def connect(self) -> Connection:
        """A connection that the server has not closed for being idle."""
        if self._connection is None or self._connection.transport.is_closing():
            loop = asyncio.get_running_loop()
            _, self._connection = await loop.create_connection(Connection, self._host, self._port)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.transport.close()

    async def ask(self, messages: Sequence[Mapping[str, str]], **more: Any) -> Stream:
        """Stream one answer to its end; raises RuntimeError when it is not a whole answer."""
        connection = await self.connect()
        body = json.dumps({"model": "sonnet", "messages": messages, "stream": True, **more}).encode()
        head = (
            f"POST {self._path}/chat/completions HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection.pieces.clear()
        answered = connection.answered = asyncio.get_running_loop().create_future()
        stream = Stream(time.perf_counter())
        connection.transport.write(head.encode() + body)
        await answered
        return _read(stream, connection.pieces)


def _read(stream: Stream, pieces: Sequence[tuple[float, bytes]]) -> Stream:
    """Fill in the times: a frame that is cut in two counts when its first part came."""
    answer = b"".join(data for _, data in pieces)
    if b"data: [DONE]" not in answer:
        raise RuntimeError(f"The bridge did not answer: {answer[-500:]!r}")
    for at, data in pieces:
        stream.deltas += [at] * len(CONTENT.findall(data))
    stream.ended = pieces[-1][0]
    stream.call_ids = re.findall(r'"id":"(toolu_[^"]*)"', answer.decode())
    frames = re.findall(rb"^data: (\{.*)$", answer, re.MULTILINE)
    chunks = [json.loads(frame) for frame in frames]
    stream.usage = next((chunk["usage"] for chunk in reversed(chunks) if chunk.get("usage")), {})
    stream.text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    return stream
