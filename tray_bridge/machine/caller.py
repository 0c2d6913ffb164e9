"""The user of this machine at the other end of a connection over loopback, as far as the system tells.

Linux lists every socket with its owner in `/proc/net/tcp`; Windows tells which process has a socket, and whose that is.
macOS tells about the sockets of one's own processes only: a socket that is not among them is of an unknown user.
A leaf.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Container, Iterable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, TypeAlias

Caller: TypeAlias = Literal["same", "other", "unknown"]
FIRST_PERSON = 501 if sys.platform == "darwin" else 1000  # the user ids below are the system's own
LAST_PERSON = 60_000
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
NO_SHELLS = ("nologin", "false")


def who_calls(peer: tuple[str, int], own: tuple[str, int]) -> Caller:
    """Return whether the socket at `peer`, connected to ours at `own`, is this user's. Root counts as this user."""
    if sys.platform == "linux":
        return _by_table(peer, own)
    return by_process(peer, own) if sys.platform == "win32" else by_own_processes(peer, own)


def has_several_people() -> bool:
    """Return whether more than one person can sign in to this machine; True if that cannot be told."""
    if sys.platform == "win32":
        folder = Path(os.environ.get("SYSTEMDRIVE", "C:") + "\\Users")
        shared = {"public", "default", "default user", "all users"}
        try:
            return sum(one.is_dir() and one.name.lower() not in shared for one in folder.iterdir()) > 1
        except OSError:
            return True
    import pwd

    people = {
        one.pw_uid
        for one in pwd.getpwall()
        if FIRST_PERSON <= one.pw_uid < LAST_PERSON and not one.pw_shell.endswith(NO_SHELLS)
    }
    return len(people | {os.getuid()}) > 1


def _by_table(peer: tuple[str, int], own: tuple[str, int]) -> Caller:
    """Look a socket up in the kernel's tables, which have addresses as 32-bit words in the machine's byte order."""
    wanted = {f"{local} {remote}" for local, remote in zip(as_written(peer), as_written(own), strict=True)}
    for table in TABLES:
        with suppress(OSError), Path(table).open(encoding="ascii") as lines:
            if (uid := owner_in(lines, wanted)) is not None:
                return "same" if uid in (0, os.getuid()) else "other"
    return "unknown"


def owner_in(lines: Iterable[str], wanted: Container[str]) -> int | None:
    """Find the user id of the first socket in a kernel's table whose two ends are among `wanted`."""
    for line in lines:
        fields = line.split(None, 8)
        if len(fields) > 7 and f"{fields[1]} {fields[2]}" in wanted:
            return int(fields[7])
    return None


def as_written(place: tuple[str, int]) -> Iterable[str]:
    """Write an address as `/proc/net/tcp` and `/proc/net/tcp6` do; the second has IPv4 addresses mapped to IPv6."""
    host, port = place
    ip = ip_address(host)
    packed = [socket.inet_pton(socket.AF_INET6 if ip.version == 6 else socket.AF_INET, host)]
    if ip.version == 4:
        packed.append(b"\0" * 10 + b"\xff\xff" + packed[0])
    else:
        packed.append(packed[0])
    for address in packed:
        words = struct.unpack(f"={len(address) // 4}I", address)
        yield "".join(f"{word:08X}" for word in words) + f":{port:04X}"


def by_own_processes(peer: tuple[str, int], own: tuple[str, int]) -> Caller:
    """Look for the socket among those of this user's processes: on macOS the system shows no others."""
    import psutil

    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.uids().real == os.getuid() and any(
                tuple(one.laddr) == peer and tuple(one.raddr) == own for one in process.net_connections("tcp")
            ):
                return "same"
    return "unknown"


def by_process(peer: tuple[str, int], own: tuple[str, int]) -> Caller:
    """Ask which process has the socket, and whose that is. An elevated process of this user counts as another's."""
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            if tuple(connection.laddr) == peer and tuple(connection.raddr) == own and connection.pid:
                return "same" if psutil.Process(connection.pid).username() == psutil.Process().username() else "other"
    except psutil.AccessDenied:
        return "other"  # a process of one's own may be looked at
    except (psutil.Error, OSError):
        return "unknown"
    return "unknown"
