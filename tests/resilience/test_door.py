"""The door as an attacker meets it: the real server, its real routes and its real keys."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import socket
import struct
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.commands import run_command
from tests.resilience.fault_report import FaultReport
from tests.resilience.faults import bound, question
from tests.resilience.routes import routes_of
from tests.resilience.running_app import RunningApp, running_app
from tests.running_bridge import RunningBridge, wait_for
from tray_bridge.api.landing import LANDING
from tray_bridge.machine.api_keys import ApiKeys
from tray_bridge.server.thread import ServerThread
from tray_bridge.session_log import LogReader
from tray_bridge.settings.schema import load_settings
from tray_bridge.standin import StandIn

Make = Callable[..., RunningBridge]
OWN = {"x-tray-bridge": "1"}
# What may be had without a key although keys exist: what says that a bridge runs, the page that asks for the key.
OPEN = {"/health", "/dashboard", "/dashboard/", "/dashboard/static/{name}", "/dashboard/api/sign-in", *LANDING}


def key_command(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return run_command(["key", *arguments], {**os.environ, "TRAY_BRIDGE_HOME": str(home)})


@pytest.fixture
def a_key() -> Iterator[str]:
    keys = ApiKeys()
    key = keys.make("resilience")
    yield key
    keys.revoke("resilience")


def test_each_route_but_the_open_ones_demands_the_key_once_there_is_one(
    make_bridge: Make, a_key: str, report: FaultReport
) -> None:
    bridge = make_bridge(pool_size=0)
    named = [(method, str(route.path)) for route in routes_of(bridge) for method in sorted(route.methods or ())]
    named += [("POST", "/no/such/route"), ("PUT", "/v1/models"), ("GET", "//v1/models")]
    attempts: list[dict[str, str]] = [
        {},
        {"authorization": "Bearer tb-wrong", "cookie": f"tray_bridge_{bridge.snapshot().port}=x"},
        {"x-api-key": a_key[:-1]},
    ]
    guarded = {(method, path) for method, path in named if path not in OPEN}
    with httpx.Client(headers=OWN, timeout=bound(20)) as client:
        for (method, path), headers in itertools.product(named, attempts):
            answer = client.request(method, bridge.url + re.sub(r"\{.*?\}", "x", path), headers=headers)
            assert (answer.status_code == 401) == ((method, path) in guarded), (method, path, answer.status_code)
            if answer.status_code == 401 and method != "HEAD":
                error = answer.json()["error"]  # a string in Ollama's dialect
                assert "API key" in (error if isinstance(error, str) else error["message"])
        right = client.get(f"{bridge.base_url}/models", headers={"authorization": f"Bearer {a_key}"})
        assert right.status_code == 200
    seen = "401 each, in the words of the route’s API"
    report.add("attacks", f"each of {len(guarded)} routes without a key, with a wrong one, with a made-up cookie", seen)


@pytest.fixture(scope="module")
def app(running_standin: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """A process of its own, whose memory holds nothing of the sender's."""
    with running_app(tmp_path_factory.mktemp("door"), POOL_SIZE="1") as app:
        app.wait_until_warm(1)
        assert app.ask(question(text="well")) == "well"
        yield app


def test_the_keys_that_the_command_makes_work_and_are_revoked_at_once(app: RunningApp, report: FaultReport) -> None:
    home = app.home
    try:
        models = f"{app.url}/v1/models"
        assert httpx.get(models).status_code == 200
        made = key_command("make", "my laptop", home=home)
        key = made.stdout.strip()
        assert made.returncode == 0
        assert len(key) > 40
        assert httpx.get(models).status_code == 401
        assert httpx.get(models, headers={"authorization": f"Bearer {key}"}).status_code == 200
        assert httpx.get(models, headers={"x-api-key": key}).status_code == 200
        listed = key_command("list", home=home).stdout
        assert "my laptop" in listed
        assert key not in listed

        asked = {"model": "sonnet", "messages": question(text="kept")}
        headers = {"authorization": f"Bearer {key}"}
        answer = httpx.post(f"{app.url}/v1/chat/completions", json=asked, headers=headers, timeout=bound(30))
        assert answer.json()["choices"][0]["message"]["content"] == "kept"
        wrong = httpx.post(f"{app.url}/v1/chat/completions", json=asked, headers={"x-api-key": key[:-1]})
        assert wrong.status_code == 401

        def names_of_keys() -> list[object]:
            return [each["key_name"] for each in LogReader(app.log_folder).search(outcome="completed").exchanges]

        wait_for(lambda: "my laptop" in names_of_keys(), bound(10))

        commands = [" ".join(p.cmdline()) for p in (psutil.Process(app.process.pid), *app.children())]
        status = httpx.get(f"{app.url}/status", headers=headers).text
        files = [path.read_text(errors="replace") for path in home.rglob("*") if path.is_file()]
        for text in (*commands, *files, status, wrong.text, listed, app.errors.read_text()):
            assert key not in text
            assert key[:-1] not in text
        assert httpx.get(models, headers=headers).status_code == 200
        assert key_command("revoke", "my laptop", home=home).returncode == 0
        assert httpx.get(models, headers=headers).status_code == 200, "no key is left, so none is needed"
        key_command("make", "another", home=home)
        assert httpx.get(models, headers=headers).status_code == 401
    finally:  # the tests that follow come without a key
        for name in ("my laptop", "another"):
            key_command("revoke", name, home=home)
    assert httpx.get(models).status_code == 200
    report.add("attacks", "a look for the key in log, status, errors, `ps` and every file", "it is nowhere")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_without_a_key_no_other_interface_is_opened(host: str, report: FaultReport) -> None:
    server = ServerThread(load_settings({"host": host, "port": 0, "pool_size": 0}))
    server.start()
    snapshot = server.wait_until_settled(30)
    assert snapshot.state == "error"
    assert snapshot.problem is not None
    assert "no API key" in snapshot.problem.message
    assert "tray-bridge key make" in snapshot.problem.hint
    report.add("attacks", f"a start on `{host}` without a key", "refused, with the reason")


def test_on_all_interfaces_the_address_that_is_shown_works(make_bridge: Make, a_key: str) -> None:
    bridge = make_bridge(host="0.0.0.0", pool_size=0)
    assert httpx.get(f"{bridge.base_url}/models").status_code == 401
    answer = httpx.get(f"{bridge.base_url}/models", headers={"x-api-key": a_key})
    assert answer.status_code == 200


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_on_ipv6_loopback_it_serves_without_a_key(make_bridge: Make) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 loopback here")
    bridge = make_bridge(host="::1", pool_size=0)
    assert bridge.base_url.startswith("http://[::1]:")
    assert httpx.get(f"{bridge.base_url}/models").json()["data"]
    assert httpx.get(f"{bridge.url}/dashboard").status_code == 200
    assert httpx.get(f"{bridge.url}/health", headers={"host": "evil.test"}).status_code == 403


@pytest.mark.parametrize(
    ("what", "headers"),
    [
        ("a page whose name was re-pointed to this machine", {"host": "evil.test"}),
        ("a foreign page, without preflight", {"origin": "https://evil.test", "content-type": "text/plain"}),
        ("a page from a file or a sandbox", {"origin": "null", "content-type": "text/plain"}),
        ("a page of a name like this machine’s", {"origin": "http://localhost.evil.test:3000"}),
        ("a page that hides its origin", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}),
    ],
)
def test_no_foreign_page_asks_claude(
    bridge: RunningBridge, report: FaultReport, what: str, headers: dict[str, str]
) -> None:
    body = json.dumps({"model": "sonnet", "messages": question(text="stolen")})
    before = len(bridge.standin.requests)
    answer = httpx.post(f"{bridge.base_url}/chat/completions", content=body, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "access_denied"
    # A browser compares this header with the page's origin; what stands there instead shows in its console.
    assert answer.headers.get("access-control-allow-origin", "") not in ("*", "null", headers.get("origin"))
    assert len(bridge.standin.requests) == before
    report.add("attacks", what, "403; Claude was not asked")


FRIENDS: list[tuple[str, dict[str, str], str | None]] = [
    ("a container, as `host.docker.internal`", {"host": "host.docker.internal:8000"}, None),
    ("another program’s page on this machine", {"origin": "http://localhost:3000"}, "http://localhost:3000"),
    ("Jan’s page, as `tauri://localhost`", {"origin": "tauri://localhost"}, "tauri://localhost"),
]


@pytest.mark.parametrize(("what", "headers", "allowed"), FRIENDS, ids=["container", "neighbour", "Jan"])
def test_who_is_known_to_come_is_let_in_as_it_comes(
    bridge: RunningBridge, report: FaultReport, what: str, headers: dict[str, str], allowed: str | None
) -> None:
    preflight = {"access-control-request-method": "POST", "access-control-request-private-network": "true"}
    asked = httpx.options(f"{bridge.base_url}/chat/completions", headers={**headers, **preflight})
    assert asked.status_code == 204
    assert asked.headers.get("access-control-allow-origin") == allowed
    assert asked.headers["access-control-allow-private-network"] == "true"
    body = {"model": "sonnet", "messages": question(text="welcome")}
    answer = httpx.post(f"{bridge.base_url}/chat/completions", json=body, headers=headers, timeout=bound(30))
    assert answer.json()["choices"][0]["message"]["content"] == "welcome"
    assert answer.headers.get("access-control-allow-origin") == allowed
    report.add("attacks", f"for comparison: {what}", "let in; its preflight is answered, private networks included")


def picture_of(width: int, height: int) -> str:
    """A PNG of a few bytes that says it is so large."""
    head = struct.pack(">4sIIBBBBB", b"IHDR", width, height, 8, 2, 0, 0, 0)
    chunks = (head, b"IDAT" + zlib.compress(b""), b"IEND")
    body = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


def asking_about(url: str) -> dict[str, Any]:
    content = [{"type": "image_url", "image_url": {"url": url}}]
    return {"json": {"model": "sonnet", "messages": [{"role": "user", "content": content}]}}


MANY = [{"role": "user", "content": "x"}] * 100_000
BOMBS: list[tuple[str, dict[str, Any], int]] = [
    ("a body of 40 MB", {"content": b'{"messages": "' + b"x" * 40 * 2**20 + b'"}'}, 413),
    ("a compressed body", {"content": b"\x1f\x8b", "headers": {"content-encoding": "gzip"}}, 415),
    ("100,000 levels of JSON", {"content": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"}, 400),
    ("a million values", {"content": b'{"a": [' + b"0," * 1_000_000 + b"0]}"}, 413),
    ("100,000 messages", {"json": {"model": "sonnet", "messages": MANY}}, 413),
    ("a picture of 60,000 × 60,000 pixels in a few bytes", asking_about(picture_of(60_000, 60_000)), 400),
    ("an image URL to this machine", asking_about("http://127.0.0.1:1/x.png"), 400),
    ("an image URL to a private network", asking_about("http://192.168.0.1/x.png"), 400),
]


@contextmanager
def peak_of(app: RunningApp) -> Iterator[list[float]]:
    """Collects what the app's memory grew by, in megabytes, again and again."""
    process, grown, done = psutil.Process(app.process.pid), [0.0], threading.Event()
    before = process.memory_info().rss

    def look() -> None:
        is_over = False
        while not is_over:  # once more at the end: the answer may come sooner than the first look
            is_over = done.wait(0.005)
            grown.append((process.memory_info().rss - before) / 2**20)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield grown
    finally:
        done.set()
        looking.join()


@pytest.mark.parametrize(("what", "sent", "status"), BOMBS, ids=[what for what, *_ in BOMBS])
def test_a_bomb_is_refused_and_needs_no_memory(
    app: RunningApp, report: FaultReport, what: str, sent: dict[str, Any], status: int
) -> None:
    with peak_of(app) as grown:
        answer = httpx.post(f"{app.url}/v1/chat/completions", timeout=bound(30), **sent)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert len(grown) > 1
    assert max(grown) < 50
    assert app.ask(question(text="well")) == "well"
    report.add("attacks", what, f"{status}; {max(0, round(max(grown)))} MB at the most; the next request is answered")


def test_a_pdf_that_inflates_without_end_is_opened_by_nobody(
    app: RunningApp, running_standin: StandIn, report: FaultReport
) -> None:
    """It goes on as it came, for the Messages API to judge."""
    packed = zlib.compress(bytes(2**27))
    pdf = b"%%PDF-1.4\n1 0 obj<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream endobj\n" % (len(packed), packed)
    data = base64.b64encode(pdf + b"trailer<<>>\n%%EOF\n").decode()
    file = {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{data}"}}
    content = [file, {"type": "text", "text": "Read this."}]
    running_standin.clear()
    with peak_of(app) as grown:
        body = {"model": "sonnet", "messages": [{"role": "user", "content": content}]}
        answer = httpx.post(f"{app.url}/v1/chat/completions", timeout=bound(30), json=body)
    assert answer.status_code == 200
    (received,) = running_standin.requests
    assert received.body["messages"][0]["content"][0]["source"]["data"] == data
    assert max(grown) < 50
    report.add("attacks", "a PDF of 130 kB that would inflate to 128 MB",
               f"goes on as it came; {max(0, round(max(grown)))} MB at the most")  # fmt: skip


@pytest.mark.full
def test_a_body_that_stops_coming_is_refused_and_holds_nobody_up(app: RunningApp, report: FaultReport) -> None:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{app.port}\r\nContent-Length: 1000\r\n\r\n{{"
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", app.port))) for _ in range(50)]
        for connection in slow:
            connection.sendall(head.encode())
        assert app.ask(question(text="well")) == "well"
        for connection in slow:
            connection.settimeout(bound(45))
            assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
    report.add("attacks", "50 bodies that stop coming after the first byte", "408 each; meanwhile others are answered")
