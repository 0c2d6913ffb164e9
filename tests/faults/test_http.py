"""HTTP as the world speaks it (faults B1 to B3, B7, H10, H11): raw exchanges with the real server, and a real JDK."""

from __future__ import annotations

import json
import logging
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.running_bridge import RunningBridge, directive

BODY: dict[str, Any] = {"model": "sonnet", "messages": [{"role": "user", "content": directive(text="Hello there")}]}
H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAA\r\n"


def address(bridge: RunningBridge) -> tuple[str, int]:
    host, _, port = bridge.url.removeprefix("http://").partition(":")
    return host, int(port)


def head(method: str, path: str, *lines: str, version: str = "1.1") -> bytes:
    return "".join([f"{method} {path} HTTP/{version}\r\n", "Host: localhost\r\n", *lines, "\r\n"]).encode()


def exchange(bridge: RunningBridge, *parts: bytes) -> bytes:
    """Send the parts, each in a packet of its own, and read until the server closes or has nothing more to say."""
    with socket.create_connection(address(bridge), timeout=30) as connection:
        for part in parts:
            connection.sendall(part)
        received = b""
        while data := connection.recv(65536):
            received += data
    return received


def post(body: dict[str, Any], *lines: str, version: str = "1.1", close: bool = True) -> list[bytes]:
    data = json.dumps(body).encode()
    ending = ("Connection: close\r\n",) if close else ()
    length = (f"Content-Length: {len(data)}\r\n", "Content-Type: application/json\r\n")
    return [head("POST", "/v1/chat/completions", *lines, *length, *ending, version=version), data]


UPGRADES = {
    "h2c": H2C,
    "h2c of Go": "Upgrade: h2c\r\nConnection: Upgrade\r\n",
    "TLS": "Upgrade: TLS/1.0\r\nConnection: Upgrade\r\n",
    "websocket": "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\n",
}


@pytest.mark.parametrize("offer", UPGRADES)
@pytest.mark.parametrize("chunked", [False, True])
def test_b1_b2_an_offer_to_upgrade_is_ignored_and_the_body_read(
    bridge: RunningBridge, offer: str, chunked: bool
) -> None:
    data = json.dumps(BODY).encode()
    if chunked:
        lines = (UPGRADES[offer], "Transfer-Encoding: chunked\r\n", "Content-Type: application/json\r\n")
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)
    else:
        lines = (UPGRADES[offer], f"Content-Length: {len(data)}\r\n", "Content-Type: application/json\r\n")
        body = data
    after = head("GET", "/v1/models", "Connection: close\r\n")
    received = exchange(bridge, head("POST", "/v1/chat/completions", *lines), body, after)
    assert received.startswith(b"HTTP/1.1 200 ") and b"Hello there" in received
    assert received.count(b"HTTP/1.1 200 ") == 2 and b'"object":"list"' in received.replace(b" ", b"")


def test_b2_a_get_with_an_offer_leaves_the_connection_in_use(bridge: RunningBridge) -> None:
    first = head("GET", "/v1/models", H2C)
    received = exchange(bridge, first, head("GET", "/health", "Connection: close\r\n"))
    assert received.count(b"HTTP/1.1 200 ") == 2


JAVA = """
import java.net.URI;
import java.net.http.*;
public class Ask {
    public static void main(String[] a) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (int i = 0; i < 2; i++) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(a[0])).header("Content-Type", "application/json")
                .POST(i == 0 ? HttpRequest.BodyPublishers.ofString(a[1])
                    : HttpRequest.BodyPublishers.fromPublisher(HttpRequest.BodyPublishers.ofString(a[1]))).build();
            HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(answer.statusCode() + " " + answer.body());
        }
    }
}
"""


@pytest.mark.skipif(shutil.which("java") is None or shutil.which("javac") is None, reason="no JDK")
def test_b1_the_jdks_own_client_is_answered(bridge: RunningBridge, tmp_path: Path) -> None:
    (tmp_path / "Ask.java").write_text(JAVA)
    program = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "Ask.java"]  # compiled in the same process
    asked = [*program, f"{bridge.base_url}/chat/completions", json.dumps(BODY)]
    done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    lines = done.stdout.splitlines()
    assert [line[:4] for line in lines] == ["200 ", "200 "], done.stdout + done.stderr
    assert all("Hello there" in line for line in lines)


@pytest.mark.parametrize("keep_alive", [False, True])
@pytest.mark.parametrize("streamed", [False, True])
def test_b3_http_1_0_gets_no_chunks(bridge: RunningBridge, streamed: bool, keep_alive: bool) -> None:
    lines = ("Connection: keep-alive\r\n",) if keep_alive else ()
    received = exchange(bridge, *post({**BODY, "stream": streamed}, *lines, version="1.0", close=False))
    top, _, rest = received.partition(b"\r\n\r\n")
    assert top.split(b" ")[1] == b"200" and b"transfer-encoding" not in top.lower()
    if streamed:
        assert rest.startswith(b"data: ") and rest.rstrip().endswith(b"data: [DONE]")
    else:
        assert json.loads(rest)["choices"][0]["message"]["content"] == "Hello there"


def test_b3_http_1_0_needs_no_host_header(bridge: RunningBridge) -> None:
    top, data = post(BODY, version="1.0", close=False)
    received = exchange(bridge, top.replace(b"Host: localhost\r\n", b""), data)
    assert received.split(b" ")[1] == b"200" and b"Hello there" in received
    for bad in (b"Host: evil.example\r\n", b"Origin: http://evil.example\r\n"):
        # In one packet: a body that comes after the refusal resets the connection, and with it what was not read.
        assert exchange(bridge, top.replace(b"Host: localhost\r\n", bad) + data).split(b" ")[1] == b"403"
    later = top.replace(b"Host: localhost\r\n", b"").replace(b"HTTP/1.0", b"HTTP/1.1")
    assert exchange(bridge, later + data).split(b" ")[1] == b"400"


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_b3_curl_with_http_1_0_reads_a_stream(bridge: RunningBridge) -> None:
    url = f"{bridge.base_url}/chat/completions"
    body = json.dumps({**BODY, "stream": True})
    asked = ["curl", "--http1.0", "-sSN", "--fail", "-H", "Content-Type: application/json", "-d", body, url]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "[DONE]" in done.stdout, done.stderr


PATHS = [
    ("GET", "/v1/models/", 200),
    ("GET", "/v1/models?", 200),
    ("GET", "//v1/models", 200),
    ("GET", "/v1//models", 200),
    ("GET", "/v1/models/sonnet/", 200),
    ("GET", "http://localhost:8000/v1/models", 200),
    ("GET", "/health/", 200),
    ("HEAD", "/v1/models", 200),
    ("HEAD", "/v1/models/sonnet", 200),
    ("HEAD", "/health", 200),
    ("HEAD", "/api/ps", 200),
    ("GET", "/v1/model", 404),
    ("POST", "/v1/chat/completions/", 200),
    ("POST", "//v1/chat//completions", 200),
    ("POST", "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", 200),
    ("POST", "/openai/v1/chat/completions", 200),
    ("POST", "/v1/chat/completion", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), PATHS)
def test_b7_odd_paths(bridge: RunningBridge, method: str, path: str, status: int) -> None:
    data = json.dumps(BODY).encode() if method == "POST" else b""
    lines = (f"Content-Length: {len(data)}\r\n", "Content-Type: application/json\r\n") if data else ()
    received = exchange(bridge, head(method, path, *lines, "Connection: close\r\n"), data)
    assert received.startswith(b"HTTP/1.1 %d " % status), received[:300]
    if path in ("/v1/models/", "/v1/models?", "//v1/models"):
        assert b'"object":"list"' in received.replace(b" ", b"") and b'"id":""' not in received
    if status == 404:
        assert b"/v1/chat/completions" in received


def test_b7_a_doubled_slash_is_no_way_past_the_page_rules(bridge: RunningBridge) -> None:
    lines = ("Origin: https://evil.example\r\n", "Connection: close\r\n")
    for path in ("/dashboard/api/exchanges", "//dashboard//api/exchanges"):
        assert exchange(bridge, head("GET", path, *lines)).startswith(b"HTTP/1.1 403 ")


POWERSHELL = (
    "User-Agent: Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1\r\n",
    "Expect: 100-continue\r\n",
)


def test_b3_powershell_waits_for_100_continue(bridge: RunningBridge) -> None:
    top, data = post(BODY, *POWERSHELL)
    with socket.create_connection(address(bridge), timeout=30) as connection:
        connection.sendall(top)
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(data)
        received = b""
        while more := connection.recv(65536):
            received += more
    assert received.startswith(b"HTTP/1.1 200 ") and b"Hello there" in received


def test_b3_a_body_of_go_in_many_small_chunks(bridge: RunningBridge) -> None:
    data = json.dumps(BODY).encode()
    lines = ("User-Agent: Go-http-client/1.1\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n")
    pieces = [b"1\r\n%c\r\n" % byte for byte in data]
    received = exchange(bridge, head("POST", "/v1/chat/completions", *lines), b"".join(pieces), b"0\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 ") and b"Hello there" in received


def lengths(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n" % len(body)


def chunks(body: bytes, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n0\r\n%s\r\n" % (len(body), extension, body, trailer)


SENT = json.dumps(BODY).encode()
WIDE = SENT.decode().encode("utf-16")
LATIN = json.dumps({**BODY, "user": "Jörg"}, ensure_ascii=False).encode("latin-1")
TOP = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LEGAL = {
    "no content type": TOP + lengths(SENT) + b"\r\n" + SENT,
    "a form's content type": TOP + lengths(SENT) + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + SENT,
    "plain text": TOP + lengths(SENT) + b"Content-Type: text/plain;charset=UTF-8\r\n\r\n" + SENT,
    "a chunk's extension": TOP + CHUNKED + b"\r\n" + chunks(SENT, b";name=value"),
    "a trailer": TOP + CHUNKED + b"Trailer: X-Sum\r\n\r\n" + chunks(SENT, trailer=b"X-Sum: 1\r\n"),
    "Chunked in capitals": TOP + b"Transfer-Encoding: Chunked\r\n\r\n" + chunks(SENT),
    "TE with trailers": TOP + lengths(SENT) + b"TE: trailers, deflate\r\n\r\n" + SENT,
    "an unknown expectation": TOP + lengths(SENT) + b"Expect: something\r\n\r\n" + SENT,
    "a folded header": TOP + lengths(SENT) + b"X-A: a\r\n b\r\n\r\n" + SENT,
    "an empty header": TOP + lengths(SENT) + b"X-A:\r\n\r\n" + SENT,
    "a header in Latin-1": TOP + lengths(SENT) + b"X-A: \xfc\r\n\r\n" + SENT,
    "many headers": TOP + lengths(SENT) + b"".join(b"X-%d: a\r\n" % at for at in range(200)) + b"\r\n" + SENT,
    "a long header": TOP + lengths(SENT) + b"X-A: " + b"a" * 30_000 + b"\r\n\r\n" + SENT,
    "a byte order mark": TOP + lengths(b"\xef\xbb\xbf" + SENT) + b"\r\n\xef\xbb\xbf" + SENT,
    "an empty line before it (H10)": b"\r\n\r\n" + TOP + lengths(SENT) + b"\r\n" + SENT,
    "UTF-16 (H10)": TOP + lengths(WIDE) + b"Content-Type: application/json\r\n\r\n" + WIDE,
    "Latin-1 by name (H10)": TOP + lengths(LATIN) + b"Content-Type: text/plain; charset=ISO-8859-1\r\n\r\n" + LATIN,
    "UTF-16 without its mark (H10)": TOP + lengths(WIDE[2:]) + b"\r\n" + WIDE[2:],
    "UTF-32 (H10)": TOP + lengths(SENT.decode().encode("utf-32")) + b"\r\n" + SENT.decode().encode("utf-32"),
    "the end of a string in C (H10)": TOP + lengths(SENT + b"\0") + b"\r\n" + SENT + b"\0",
    "an empty port (H11)": TOP.replace(b"localhost", b"localhost:") + lengths(SENT) + b"\r\n" + SENT,
    "a short address (H11)": TOP.replace(b"localhost", b"127.1:8000") + lengths(SENT) + b"\r\n" + SENT,
    "a mapped address (H11)": TOP.replace(b"localhost", b"[::ffff:127.0.0.1]:8000") + lengths(SENT) + b"\r\n" + SENT,
    "no address (H11)": TOP.replace(b"localhost", b"0.0.0.0:8000") + lengths(SENT) + b"\r\n" + SENT,
    "a version to come": TOP.replace(b"1.1", b"1.2") + lengths(SENT) + b"\r\n" + SENT,
    "a proxy's header": TOP + lengths(SENT) + b"Proxy-Connection: keep-alive\r\n\r\n" + SENT,
    "letters of the path in percent": TOP.replace(b"chat", b"ch%61t") + lengths(SENT) + b"\r\n" + SENT,
}


@pytest.mark.parametrize("what", LEGAL)
def test_b1_what_is_legal_is_answered(bridge: RunningBridge, what: str) -> None:
    received = exchange(bridge, LEGAL[what])
    assert received.startswith(b"HTTP/1.1 200 ") and b"Hello there" in received, received[:300]


def test_b1_two_requests_in_one_packet_are_answered_in_turn(bridge: RunningBridge) -> None:
    first = TOP.replace(b"Connection: close\r\n", b"") + lengths(SENT) + b"\r\n" + SENT
    received = exchange(bridge, first + TOP + lengths(SENT) + b"\r\n" + SENT)
    assert received.count(b"HTTP/1.1 200 ") == 2 and received.count(b"Hello there") == 2


def test_h10_empty_lines_between_requests_are_skipped(bridge: RunningBridge) -> None:
    first = TOP.replace(b"Connection: close\r\n", b"") + lengths(SENT) + b"\r\n" + SENT
    received = exchange(bridge, first + b"\r\n", b"\r\n" + TOP + lengths(SENT) + b"\r\n" + SENT)
    assert received.count(b"HTTP/1.1 200 ") == 2


def test_h10_a_body_in_latin_1_without_its_name_is_refused_with_the_remedy(bridge: RunningBridge) -> None:
    received = exchange(bridge, TOP + lengths(LATIN) + b"\r\n" + LATIN)
    assert received.split(b" ")[1] == b"400" and b"PowerShell" in received


def test_h12_tls_and_http_2_are_told_in_the_log(bridge: RunningBridge, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "tray_bridge"):
        assert exchange(bridge, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(99)).split(b" ")[1] == b"400"
        assert b"HTTP/1.1" in exchange(bridge, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").partition(b"\r\n\r\n")[2]
    assert "https://" in caplog.text and "HTTP/2" in caplog.text


def test_h13_a_client_that_closes_its_side_has_left(bridge: RunningBridge) -> None:
    with socket.create_connection(address(bridge), timeout=30) as connection:
        connection.sendall(TOP + lengths(SENT) + b"\r\n" + SENT)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536) == b""
