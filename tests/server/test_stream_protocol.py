"""The shorter way for the pieces of a stream gives the bytes that h11 gives, and is taken for chunks alone."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from tray_bridge.server.stream_protocol import StreamProtocol

PIECES = (b"data: one\n\n", b"", b"x" * 4096)
LENGTH = sum(map(len, PIECES))


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """`/whole` tells its length; everything else is a stream."""
    headers = [(b"content-length", b"%d" % LENGTH)] if scope["path"] == "/whole" else []
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for piece in PIECES:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def bytes_of(protocol: type[H11Protocol], *requests: bytes) -> bytes:
    """What a server with this protocol sends for the requests of one connection."""
    config = uvicorn.Config(
        answer, http=protocol, lifespan="off", log_config=None, server_header=False, date_header=False
    )
    server, listener = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(b"".join(requests))
    try:
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()
        server.should_exit = True
        await serving


def request(path: bytes, version: bytes = b"1.1", method: bytes = b"GET", *, last: bool = True) -> bytes:
    end = b"close" if last else b"keep-alive"
    return b"%b %b HTTP/%b\r\nhost: x\r\nconnection: %b\r\n\r\n" % (method, path, version, end)


@pytest.mark.parametrize(
    "requests",
    [
        (request(b"/"),),
        (request(b"/", last=False), request(b"/")),
        (request(b"/", last=False), request(b"/whole", last=False), request(b"/")),
        (request(b"/", b"1.0"),),
        (request(b"/", method=b"HEAD", last=False), request(b"/")),
    ],
    ids=["in chunks", "twice", "with a length between", "HTTP/1.0", "HEAD"],
)
async def test_a_connection_has_the_bytes_of_h11(requests: tuple[bytes, ...]) -> None:
    sent = await bytes_of(StreamProtocol, *requests)
    assert sent.count(b"HTTP/1.1 200 OK") == len(requests)
    assert sent == await bytes_of(H11Protocol, *requests)


async def test_a_body_that_is_no_http_is_refused_once_without_an_error_of_the_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    sent = await bytes_of(StreamProtocol, head + b"no length\r\n")
    assert sent.startswith(b"HTTP/1.1 400 ") and sent.count(b"HTTP/1.1") == 1
    assert not [record for record in caplog.records if record.exc_info]
