"""The port: binding it, and finding out which program holds it. Never touches another program's process."""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import sys

from .bridge_address import reachable

BACKLOG = 2048
PROBE_SECONDS = 0.5


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket that no other program can share. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def is_listening(listener: socket.socket) -> bool:
    """Return whether a socket takes connections: a system may end it under a program."""
    try:
        return bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False


def is_taken_on_ipv6(port: int) -> bool:
    """Return whether another program has the port on `[::1]`, where `localhost` may lead."""
    if is_tray_bridge("::1", port):
        return False
    try:
        bind("::1", port).close()
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def next_free_port(host: str, port: int) -> int:
    """Return the first free port after `port`; any free one if there is none."""
    for candidate in (*range(port + 1, min(port + 200, 65536)), 0):
        with contextlib.suppress(OSError), bind(host, candidate) as free:
            return int(free.getsockname()[1])
    return port


def describe_holder(host: str, port: int) -> tuple[str | None, bool]:
    """Return which program listens there, as far as the system tells, and whether it is a Tray Bridge."""
    if is_tray_bridge(host, port):
        return "another Tray Bridge", True
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            listens_here = connection.status == psutil.CONN_LISTEN and tuple(connection.laddr)[1:] == (port,)
            if listens_here and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})", False
    return None, False


def is_tray_bridge(host: str, port: int) -> bool:
    """Return whether a Tray Bridge answers at `/health`, within half a second."""
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(reachable(host), port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", "/health")
        answer = json.loads(connection.getresponse().read(10_000))
        return isinstance(answer, dict) and answer.get("service") == "tray-bridge"
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()
