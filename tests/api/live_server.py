"""Serves an ASGI app on a free port by a real uvicorn, in the test's own loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp


@asynccontextmanager
async def serve(app: ASGIApp, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Yield the port; end all connections afterwards."""
    listener = socket.socket()
    listener.bind((host, 0))
    config = uvicorn.Config(app, log_config=None, lifespan="off")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])  # as `Server.serve` does, without its loop of 0.1 s ticks
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.force_exit = True
        await server.shutdown(sockets=[listener])
        listener.close()


async def exchange(port: int, request: bytes, *, host: str = "127.0.0.1") -> bytes:
    """Send raw bytes and read until the server closes or 5 s are over."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(), 30)
    finally:
        writer.close()
