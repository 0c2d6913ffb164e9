"""Another user of this machine: neither the log nor the plan is theirs, unless they have a key (fault B12)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.running_bridge import RunningBridge, directive
from tray_bridge.api.same_user import SameUser
from tray_bridge.machine import caller
from tray_bridge.machine.api_keys import ApiKeys
from tray_bridge.machine.caller import Caller, who_calls

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/net/tcp")
two_users = pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0, reason="needs Linux, and root to become another user"
)
NOBODY = 65534
ASK = """
import encodings.idna, http.client, json, os, sys
os.setgid({uid}); os.setuid({uid})
connection = http.client.HTTPConnection("127.0.0.1", {port}, timeout=60)
for method, path, headers, body in json.loads(sys.stdin.read()):
    connection.request(method, path, body and json.dumps(body), {{"content-type": "application/json", **headers}})
    answer = connection.getresponse()
    print(json.dumps([answer.status, answer.read().decode()]))
"""
Asked = tuple[str, str, dict[str, str], object]


def as_nobody(port: int, *requests: Asked) -> list[tuple[int, str]]:
    """Ask as a real other user, all on one connection."""
    import json

    program = ASK.format(uid=NOBODY, port=port)
    # A folder of the interpreter may be closed to the other user: everything is imported before.
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(requests), capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.fixture(params=["127.0.0.1", "::1"])
def connection(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    try:
        listener = socket.create_server((request.param, 0), family=family)
    except OSError:
        pytest.skip("no IPv6 here")
    with listener, socket.create_connection(listener.getsockname()[:2]) as client:
        server, _ = listener.accept()
        with server:
            yield client, server


@linux_only
def test_the_system_tells_whose_a_connection_is(connection: tuple[socket.socket, socket.socket]) -> None:
    client, server = connection
    ends = client.getsockname()[:2], server.getsockname()[:2]
    assert who_calls(*ends) == "same"
    assert who_calls(("127.0.0.1", 1), ends[1]) == "unknown"


@two_users
def test_another_user_is_refused_and_a_key_lets_them_in(bridge: RunningBridge) -> None:
    port = bridge.snapshot().port
    body = {"model": "haiku", "messages": [{"role": "user", "content": directive(text="Mine")}]}
    asked: list[Asked] = [
        ("POST", "/v1/chat/completions", {}, body),
        ("GET", "/status", {}, None),
        ("GET", "/dashboard/api/exchanges", {}, None),
        ("GET", "/health", {}, None),
    ]
    served = bridge.snapshot().served
    chat, status, log, health = as_nobody(port, *asked)
    assert (chat[0], status[0], log[0], health[0]) == (401, 401, 401, 200)
    assert "another user" in chat[1]
    assert bridge.snapshot().served == served
    # Its own user needs no key meanwhile.
    assert httpx.get(f"{bridge.url}/status").status_code == 200

    key = ApiKeys().make("nobody")
    try:
        (answered,) = as_nobody(port, ("POST", "/v1/chat/completions", {"authorization": f"Bearer {key}"}, body))
        assert answered[0] == 200
        assert "Mine" in answered[1]
    finally:
        ApiKeys().revoke("nobody")


def test_the_system_is_asked_once_for_each_connection() -> None:
    asked: list[object] = []

    def who(peer: tuple[str, int], own: tuple[str, int]) -> Caller:
        asked.append(peer)
        return "other" if len(asked) == 1 else "same"

    same = SameUser(who)
    first = {"client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8000)}
    assert [same(first), same(first)] == [False, False]
    # Another connection may come from the same port.
    again = {"client": (*first["client"],), "server": ("127.0.0.1", 8000)}
    assert [same(again), same(again)] == [True, True]
    assert len(asked) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has folders of its users instead")
@pytest.mark.parametrize(
    ("users", "several"),
    [
        ({1000: "/bin/bash"}, False),
        ({1000: "/bin/bash", 1001: "/bin/zsh"}, True),
        ({1000: "/bin/bash", 33: "/bin/sh", 1001: "/usr/sbin/nologin", 65534: "/bin/sh"}, False),
        ({1001: "/bin/bash"}, True),
    ],
)
def test_a_machine_is_of_several_people_if_another_can_sign_in(
    monkeypatch: pytest.MonkeyPatch, users: dict[int, str], several: bool
) -> None:
    import pwd

    found = [pwd.struct_passwd(("", "", uid, uid, "", "/", shell)) for uid, shell in users.items()]
    monkeypatch.setattr(pwd, "getpwall", lambda: found)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert caller.has_several_people() is several


@pytest.mark.parametrize("several", [True, False])
def test_where_the_system_does_not_tell_a_key_is_needed_on_a_machine_of_several_people(several: bool) -> None:
    same = SameUser(lambda peer, own: "unknown", lambda: several)
    assert same({"client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8000)}) is not several


TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31415 1 0000000000000000 9 0
   1: 0100007F:C350 0100007F:1F40 01 00000000:00000000 00:00000000 00000000  1001        0 27182 1 0000000000000000 20 4
   2: 0100007F:1F40 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 16180 1 0000000000000000 20 4
   3: broken
"""


@pytest.mark.parametrize(
    ("peer", "own", "uid"),
    [
        (("127.0.0.1", 50_000), ("127.0.0.1", 8000), 1001),
        (("127.0.0.1", 8000), ("127.0.0.1", 50_000), 1000),
        (("127.0.0.1", 50_001), ("127.0.0.1", 8000), None),
        (("127.0.0.2", 50_000), ("127.0.0.1", 8000), None),
    ],
)
@pytest.mark.skipif(sys.byteorder != "little", reason="the table is of a little-endian machine")
def test_a_socket_s_owner_is_read_from_the_kernel_s_table(
    peer: tuple[str, int], own: tuple[str, int], uid: int | None
) -> None:
    wanted = {f"{one} {other}" for one, other in zip(caller.as_written(peer), caller.as_written(own), strict=True)}
    assert caller.owner_in(TABLE.splitlines(), wanted) == uid


@pytest.mark.skipif(sys.byteorder != "little", reason="the words are in the machine's byte order")
@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("127.0.0.1", ["0100007F:1F40", "0000000000000000FFFF00000100007F:1F40"]),
        ("::1", ["00000000000000000000000001000000:1F40"] * 2),
    ],
)
def test_an_address_is_written_as_both_tables_do(host: str, words: list[str]) -> None:
    assert list(caller.as_written((host, 8000))) == words


@linux_only
def test_where_the_system_tells_only_of_one_s_own_processes_their_sockets_are_found(
    connection: tuple[socket.socket, socket.socket],
) -> None:
    """The way of macOS, tried where it works too."""
    client, server = connection
    ends = client.getsockname()[:2], server.getsockname()[:2]
    assert caller.by_own_processes(*ends) == "same"
    client.close()
    assert caller.by_own_processes(*ends) == "unknown"


@linux_only
def test_the_way_of_windows_asks_whose_process_has_the_socket(
    connection: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = connection
    ends = client.getsockname()[:2], server.getsockname()[:2]
    assert caller.by_process(*ends) == "same"
    names = iter(["MACHINE\\another", "MACHINE\\me"])
    monkeypatch.setattr(psutil.Process, "username", lambda self: next(names))
    assert caller.by_process(*ends) == "other"

    def denied(self: psutil.Process) -> str:
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "username", denied)
    assert caller.by_process(*ends) == "other"
