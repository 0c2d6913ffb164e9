"""The sockets on which a run listens: watched, and opened again where the system took the port's own away.

Must not know the app: what serves a socket is passed in.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from ..errors import PortTakenError, SettingsError
from ..machine.port import bind, describe_holder, is_listening, next_free_port
from ..snapshots import Problem

logger = logging.getLogger(__name__)

Forget: TypeAlias = Callable[[socket.socket], None]
Serve: TypeAlias = Callable[[socket.socket], Awaitable[None]]

LOOK_SECONDS = 1.0
IPV4_LOOPBACK = ("127.0.0.1", "localhost")


class KeepListening:
    """Watch the socket of a port, `listener`. `problem` tells why no socket is open."""

    def __init__(self, host: str, listener: socket.socket, on_change: Callable[[], None]) -> None:
        self.listener = listener
        self.port = int(listener.getsockname()[1])
        self.problem: Problem | None = None
        self._host = host
        self._on_change = on_change

    async def watch(self, forget: Forget, serve: Serve) -> None:
        """Look once a second whether the socket takes connections; if not, open another as soon as that is possible.

        `forget` is called with the old one before it is closed, `serve` with the new one.
        """
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not is_listening(self.listener):
                if self.listener.fileno() >= 0:
                    forget(self.listener)
                    self.listener.close()
                await self._open(serve)

    async def _open(self, serve: Serve) -> None:
        try:
            listener = bind(self._host, self.port)
        except OSError as error:
            if self.problem is None:
                self.problem = await asyncio.to_thread(port_problem, self._host, self.port, error)
                logger.warning("The listening socket was lost. %s", self.problem.message)
                self._on_change()
            return
        self.listener, self.problem = listener, None
        await serve(listener)
        logger.warning("The listening socket was lost; port %d is open again", self.port)
        self._on_change()


def keep_port(listener: socket.socket | None, host: str, port: int) -> socket.socket | None:
    """Return a second socket of the same port, so that no other program can take the port during a restart.

    None where the port changes, or where the system cannot do it: on Windows a socket belongs to one event loop.
    """
    address = ("127.0.0.1" if host == "localhost" else host, port)
    if listener is None or sys.platform == "win32" or not is_listening(listener):
        return None
    try:
        return listener.dup() if listener.getsockname()[:2] == address else None
    except OSError:  # no more descriptors
        return None


def open_ipv6(host: str, port: int) -> socket.socket | None:
    """Listen on `[::1]` too, where `localhost` leads first on many systems. None where that is not possible.

    Another program may have the port there: `tray-bridge doctor` tells.
    """
    if host not in IPV4_LOOPBACK:
        return None
    try:
        return bind("::1", port)
    except OSError as error:
        logger.info("Not on [::1]:%d: %s", port, error.strerror or error)
        return None


def port_problem(host: str, port: int, error: OSError) -> Problem:
    """Tell why a port cannot be opened, and which program has it. May take a second."""
    if not isinstance(error, PermissionError) and error.errno is not None:
        holder, is_us = describe_holder(host, port)
        if holder is not None or is_us or "in use" in str(error).lower():
            taken = PortTakenError(port, holder=holder, next_free=next_free_port(host, port), is_us=is_us)
            return Problem.of(taken, time.time())
    problem = SettingsError(
        f"The server cannot listen on {host}:{port}: {error.strerror or error}.",
        hint="Choose another port or host in the settings.",
    )
    return Problem.of(problem, time.time())
