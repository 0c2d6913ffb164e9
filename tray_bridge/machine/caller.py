"""The user of this machine at the other end of a connection over loopback, as far as the system tells.

Linux lists every socket with its owner in `/proc/net/tcp`; Windows tells which process has a socket, and whose that is.
macOS tells only root, so the answer there is unknown. A leaf.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterable
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
    return _by_process(peer, own) if sys.platform == "win32" else "unknown"


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
    wanted = {f"{local} {remote}" for local, remote in zip(_written(peer), _written(own), strict=True)}
    for table in TABLES:
        with suppress(OSError), Path(table).open(encoding="ascii") as lines:
            for line in lines:
                fields = line.split(None, 8)
                if len(fields) > 7 and f"{fields[1]} {fields[2]}" in wanted:
                    uid = fields[7]
                    return "same" if uid in ("0", str(os.getuid())) else "other"
    return "unknown"


def _written(place: tuple[str, int]) -> Iterable[str]:
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


def _by_process(peer: tuple[str, int], own: tuple[str, int]) -> Caller:
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
