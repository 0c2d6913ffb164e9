"""Every route of every dialect under the same attacks: no foreign page is let in, and bad bodies get words, no 500."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.resilience.routes import routes_of
from tests.running_bridge import RunningBridge
from tray_bridge.bridge.all_dialects import DIALECTS

# Answered without looking at the body: what is not done here, or needs none.
WITHOUT_BODY = re.compile(
    r"/responses/(compact|x/cancel)$|/api/(embed|embeddings|push|create|copy|delete|blobs/x)$|/owner/"
)
FIRST = {dialect.paths[0] for dialect in DIALECTS}
FOREIGN: dict[str, dict[str, str]] = {
    "a foreign Host": {"host": "evil.test"},
    "a Host like ours": {"host": "localhost.evil.test:8000"},
    "a foreign Origin": {"origin": "https://evil.test"},
    "a sandbox": {"origin": "null"},
    "an Origin like ours": {"origin": "http://127.0.0.1.evil.test"},
    "an extension": {"origin": "chrome-extension://abcdefghijklmnopabcdefghijklmnop"},
    "a page that hides its Origin": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
}
BODIES: dict[str, tuple[dict[str, Any], set[int]]] = {
    "nothing": ({}, {400}),
    "no JSON": ({"content": b"{not json"}, {400}),
    "half a string": ({"content": b'{"model": "son'}, {400}),
    "bytes of no encoding": ({"content": b"\xff\xfe\x00{"}, {400}),
    "an array": ({"json": []}, {400}),
    "a string": ({"json": "x"}, {400}),
    "null": ({"json": None, "headers": {"content-length": "4"}, "content": b"null"}, {400}),
    "deep JSON": ({"content": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"}, {400}),
    "a million values": ({"content": b'{"a": [' + b"0," * 1_000_000 + b"0]}"}, {413}),
    "a compressed body": ({"content": b"\x1f\x8b", "headers": {"content-encoding": "gzip"}}, {415}),
    "40 MB": ({"content": b'{"messages": "' + b"x" * 40 * 2**20 + b'"}'}, {413}),
    "wrong types": (
        {"json": dict.fromkeys(("model", "messages", "input", "prompt", "tools", "stream", "system", "options"), 7)},
        {400},
    ),
}
ALIKE = {
    "a Host like ours",
    "an Origin like ours",
    "an extension",
    "half a string",
    "bytes of no encoding",
    "a string",
    "null",
}


@pytest.fixture(scope="module")
def public_routes(shared_bridge: RunningBridge) -> list[tuple[str, str]]:
    """Method and path of each route that is not the page's."""
    found = {
        (method, re.sub(r"\{[^}]*\}", "x", str(route.path)))
        for route in routes_of(shared_bridge)
        if not str(route.path).startswith("/dashboard")
        for method in route.methods or ()
    }
    assert {("POST", "/v1/responses"), ("DELETE", "/v1/responses/x"), ("POST", "/api/show")} <= found
    return sorted(found)


def check_words(path: str, answer: httpx.Response) -> None:
    """The error is in the words of the dialect that owns the path."""
    body = answer.json()
    if path.startswith("/api/") and not path.startswith("/api/v1/"):
        assert isinstance(body["error"], str) and body["error"]
    elif "/messages" in path:
        assert body["type"] == "error" and body["error"]["message"] and body["request_id"]
        assert answer.headers["request-id"] == body["request_id"]
    else:
        assert body["error"]["message"] and body["error"]["type"]


def params(cases: Mapping[str, Any]) -> list[Any]:
    """What differs from another case in its words alone is in the full run: `tests/api` has it at one route."""
    return [pytest.param(case, id=what, marks=[pytest.mark.full] * (what in ALIKE)) for what, case in cases.items()]


@pytest.mark.parametrize("headers", params(FOREIGN))
def test_who_may_not_ask_is_refused_at_every_route(
    bridge: RunningBridge, public_routes: list[tuple[str, str]], headers: dict[str, str]
) -> None:
    with httpx.Client(base_url=bridge.url, timeout=30) as client:
        for method, path in public_routes:
            body = b'{"model": "sonnet", "input": "x"}' if method == "POST" else None
            answer = client.request(method, path, headers=headers, content=body)
            assert answer.status_code == 403, (method, path, answer.text[:200])
            assert answer.headers.get("access-control-allow-origin", "") not in ("*", "null", headers.get("origin"))
            if method != "HEAD":
                check_words(path, answer)
    assert not bridge.standin.requests


@pytest.mark.parametrize("body", params(BODIES))
def test_a_bad_body_gets_words_at_every_route(
    bridge: RunningBridge, public_routes: list[tuple[str, str]], body: tuple[dict[str, Any], set[int]]
) -> None:
    sent, statuses = body
    tried = 0
    with httpx.Client(base_url=bridge.url, timeout=60) as client:
        for method, path in public_routes:
            if method != "POST" or WITHOUT_BODY.search(path):
                continue
            if len(sent.get("content", b"")) > 10**6 and path not in FIRST:
                continue  # it takes its time, and all routes read their bodies alike
            answer = client.post(path, **sent)
            assert answer.status_code in statuses, (path, answer.status_code, answer.text[:200])
            check_words(path, answer)
            tried += 1
    assert tried >= len(FIRST) > 4
    assert not bridge.standin.requests
