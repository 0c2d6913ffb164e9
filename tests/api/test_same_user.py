"""Another user of this machine: neither the log nor the plan is theirs, unless they have a key (fault B12)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.running_bridge import RunningBridge, directive
from tray_bridge.api.same_user import SameUser
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
    # The one who runs it needs no key meanwhile.
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


@pytest.mark.parametrize("several", [True, False])
def test_where_the_system_does_not_tell_a_key_is_needed_on_a_machine_of_several_people(several: bool) -> None:
    same = SameUser(lambda peer, own: "unknown", lambda: several)
    assert same({"client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8000)}) is not several
