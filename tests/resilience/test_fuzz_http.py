"""Whatever is sent to any endpoint: an answer or a refusal, never a 500, never a hang.

Whether answers are as the description has them is held in tests/e2e/test_fidelity_description.py; here are also the
page's endpoints, and bytes that no description would lead to.
"""

from __future__ import annotations

import os
import random
import socket
import time
from collections import Counter
from typing import Any

import httpx
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bridge import test_bridge_properties as properties
from tests.bridge.chat_bodies import USER
from tests.resilience.fault_report import FaultReport
from tests.resilience.faults import ask, bound
from tests.resilience.routes import describe_page
from tests.running_bridge import RunningBridge
from tray_bridge.machine.api_keys import ApiKeys

PROPERTY = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
LEFT_OUT = (
    "/dashboard/api/events",  # a stream for as long as one listens
    "/dashboard/api/account/sign-in",  # opens a browser
    "/dashboard/api/account/settings",  # starts the server anew
)


def described(bridge: RunningBridge, endpoints: str) -> Any:
    import schemathesis  # here, as each process of a run imports this file

    if endpoints == "public":
        return schemathesis.openapi.from_url(f"{bridge.url}/openapi.json")
    return schemathesis.openapi.from_dict(describe_page(bridge, without=LEFT_OUT))


def send_made_up(bridge: RunningBridge, endpoints: str, examples: int) -> Counter[int]:
    operations = [result.ok() for result in described(bridge, endpoints).get_all_operations()]
    assert len(operations) >= 10
    seen: Counter[int] = Counter()

    @settings(PROPERTY, max_examples=examples)
    @given(st.data())
    def send(data: st.DataObject) -> None:
        made = data.draw(data.draw(st.sampled_from(operations)).as_strategy())
        answer = made.call(
            base_url=bridge.url, headers={"x-tray-bridge": "1"}, timeout=bound(30), allow_redirects=False
        )
        assert answer.status_code < 500, f"{made.method} {made.path}: {answer.text[:300]}"
        seen[answer.status_code] += 1

    try:
        send()
    finally:  # a made-up request may well have paused the bridge, or made a key
        bridge.server.pause(False)
        keys = ApiKeys()
        for key in keys.list():
            keys.revoke(key.name)
    return seen


def test_made_up_requests_to_the_page_are_answered_or_refused(bridge: RunningBridge) -> None:
    assert send_made_up(bridge, "page", 60)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("endpoints", "examples"), [("page", 5000), ("public", 500)])
def test_many_made_up_requests(bridge: RunningBridge, report: FaultReport, endpoints: str, examples: int) -> None:
    seen = send_made_up(bridge, endpoints, examples)
    told = ", ".join(f"{count:,} × {status}" for status, count in sorted(seen.items()))
    whose = "the page’s" if endpoints == "page" else "the public"
    report.add("fuzz", f"requests to {whose} endpoints (schemathesis)", told, figure=f"{seen.total():,}")


METHODS = [b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"BREW"]
PATHS = [
    b"/v1/chat/completions",
    b"/v1/models",
    b"/v1/models/%ff",
    b"/health",
    b"/status",
    b"/dashboard",
    b"/../etc",
    b"*",
]
HEADERS = [
    b"Content-Type: text/plain",
    b"Content-Length: 5",
    b"Content-Length: -1",
    b"Transfer-Encoding: chunked",
    b"Authorization: Bearer \xff\xfe",
    b"X-Api-Key: " + b"k" * 2000,
    b"Origin: http://127.0.0.1",
    b"Cookie: " + b"a=b;" * 500,
    b"Expect: 100-continue",
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Range: bytes=0-",
    b"bad header",
]
BODIES = [
    b"",
    b"{}",
    b"hello",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"\x00" * 50,
    b'{"messages": [{"role": "user"}]}',
    b"[" * 500,
]


def raw_request(chance: random.Random, port: int) -> bytes:
    if chance.random() < 0.1:
        return chance.randbytes(chance.randrange(1, 400))
    lines = [b"%b %b HTTP/1.%d" % (chance.choice(METHODS), chance.choice(PATHS), chance.randrange(2))]
    if chance.random() < 0.9:
        lines.append(b"Host: 127.0.0.1:%d" % port)
    lines += chance.sample(HEADERS, chance.randrange(4))
    return b"\r\n".join(lines) + b"\r\n\r\n" + chance.choice(BODIES)


def send_raw(bridge: RunningBridge, requests: int, seed: int) -> Counter[str]:
    """Send bytes, half close, and count the first status that comes."""
    chance, port = random.Random(seed), bridge.snapshot().port
    seen: Counter[str] = Counter()
    for _ in range(requests):
        sent = raw_request(chance, port)
        with socket.create_connection(("127.0.0.1", port), timeout=bound(20)) as connection:
            try:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(4096)
            except ConnectionError:
                answer = b""
        status = answer[9:12].decode("ascii", "replace") if answer.startswith(b"HTTP/1.") else "closed"
        assert not status.startswith("5"), (sent, answer)
        seen[status] += 1
    return seen


def test_bytes_that_are_hardly_http_are_refused(bridge: RunningBridge) -> None:
    seen = send_raw(bridge, 150, seed=5)
    assert len(seen) > 3
    assert ask(bridge) == "well"


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_100_000_requests_that_are_hardly_http(bridge: RunningBridge, report: FaultReport) -> None:
    send_raw(bridge, 2000, seed=1)
    before = (psutil.Process().memory_info().rss, psutil.Process().num_fds() if os.name == "posix" else 0)
    began = time.monotonic()
    seen = send_raw(bridge, 100_000, seed=2)
    seconds = time.monotonic() - began
    assert psutil.Process().memory_info().rss - before[0] < 60 * 2**20
    if os.name == "posix":
        assert psutil.Process().num_fds() <= before[1] + 4
    assert httpx.get(f"{bridge.url}/health").status_code == 200
    told = ", ".join(f"{count:,} × {status}" for status, count in sorted(seen.items()))
    report.add("fuzz", f"requests that are hardly HTTP ({seconds:.0f} s)", f"{told}; no growth", figure="100,000")


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_100_000_bodies_are_understood_or_refused(report: FaultReport) -> None:
    """The properties of tests/bridge, with many more examples."""
    checked = 0

    def understand(body: object) -> None:
        nonlocal checked
        properties.check(body)
        checked += 1

    bodies: list[st.SearchStrategy[Any]] = [
        properties.JSON,
        properties.FIELDS.map(lambda fields: {"messages": [USER], **fields}),
        properties.MESSAGES.map(lambda messages: {"messages": messages}),
        properties.MESSAGES.map(lambda messages: {"messages": [*messages, USER]}),
    ]
    for some in bodies * 25:  # each time from the beginning: hypothesis keeps all that it has tried
        settings(PROPERTY, derandomize=False, database=None, max_examples=1_000)(given(some)(understand))()
    assert checked >= 100_000
    report.add("fuzz", "request bodies (hypothesis)", "understood, or refused by name", figure=f"{checked:,}")
