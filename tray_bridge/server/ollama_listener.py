"""The second port, for programs that look for Ollama at 11434 and nowhere else.

It leads to the same server, with the same checks. Where the port is taken, the server runs without it, and names the
program that has it.
"""

from __future__ import annotations

import json
import logging
import socket
import time

from ..errors import SettingsError
from ..machine.bridge_address import reachable
from ..machine.port import PROBE_SECONDS, bind, describe_holder
from ..snapshots import Problem

logger = logging.getLogger(__name__)


def open_second(host: str, port: int) -> tuple[socket.socket | None, Problem | None]:
    """Return the listening socket, or the problem that prevents it. (None, None) if `port` is 0. May take a second."""
    if not port:
        return None, None
    try:
        return bind(host, port), None
    except OSError as error:
        holder = ollama_at(host, port) or describe_holder(host, port)[0]
        reason = f"{holder} listens there" if holder else error.strerror or str(error)
    problem = SettingsError(
        f"The port for Ollama's clients, {port}, cannot be opened: {reason}.",
        title="Ollama's port is not open",
        hint="End that program, or set ollama_port to another port, or to 0. All dialects are on the other port, too.",
    )
    logger.warning("%s", problem.message)
    return None, Problem.of(problem, time.time())


def ollama_at(host: str, port: int) -> str | None:
    """Return `Ollama` with its version if that is what answers there, else None."""
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(reachable(host), port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", "/")
        if connection.getresponse().read(100) != b"Ollama is running":
            return None
        connection.request("GET", "/health")
        answer = connection.getresponse()
        if answer.status == 200 and b"tray-bridge" in answer.read(10_000):
            return "another Tray Bridge"
        connection.close()
        connection.request("GET", "/api/version")
        version = json.loads(connection.getresponse().read(1000)).get("version")
        return f"Ollama {version}" if isinstance(version, str) else "Ollama"
    except (OSError, HTTPException, ValueError, AttributeError):
        return None
    finally:
        connection.close()
