"""The sockets of a running process, as a system may take them away from it (Linux)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sys
from pathlib import Path

PIDFD_GETFD = 438  # https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html
CAN_TAKE_SOCKETS = sys.platform == "linux" and hasattr(os, "pidfd_open")


def listening_socket(pid: int, port: int) -> socket.socket:
    """The very socket on which this process listens at a port of 127.0.0.1; of the own process, or of a child."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    process = os.pidfd_open(pid)
    try:
        for path in Path("/proc", str(pid), "fd").iterdir():
            descriptor = call(PIDFD_GETFD, process, int(path.name), 0)
            if descriptor >= 0 and (found := _listening(descriptor, port)) is not None:
                return found
    finally:
        os.close(process)
    raise LookupError(f"process {pid} does not listen at port {port}")


def _listening(descriptor: int, port: int) -> socket.socket | None:
    try:
        found = socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        return None
    with contextlib.suppress(OSError):
        if found.getsockname()[:2] == ("127.0.0.1", port) and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return found
    found.close()
    return None
