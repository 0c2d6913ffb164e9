"""The page's routes for keys: wrong names and limits are refused with what would be right, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.running_bridge import RunningBridge, directive, wait_for
from tray_bridge.machine.api_keys import ApiKeys, KeyLimits


@pytest.fixture
def page(bridge: RunningBridge) -> Iterator[httpx.Client]:
    """The page of a browser that has made the key `laptop`; the bridge knows the account's models."""
    wait_for(lambda: bridge.snapshot().models)
    with httpx.Client(base_url=f"{bridge.url}/dashboard/api", headers={"x-tray-bridge": "1"}, timeout=30) as page:
        page.headers["x-made-key"] = page.post("/keys", json={"name": "laptop"}).json()["key"]
        yield page
    for key in ApiKeys().list():
        ApiKeys().revoke(key.name)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "told"),
    [
        ("POST", "/keys", {"name": "laptop"}, 409, "There is a key named laptop already."),
        ("POST", "/keys", {"name": ""}, 400, "'' is not a valid key name."),
        ("POST", "/keys", {"name": "x/y"}, 400, "`x-y` is one"),
        ("POST", "/keys", {"name": "<b>"}, 400, "`b` is one"),
        ("POST", "/keys", {"name": "a\nb"}, 400, "`a b` is one"),
        ("POST", "/keys", {"name": "laptop "}, 400, "'laptop ' has a blank too many."),
        ("POST", "/keys", {"name": "my  key"}, 400, "`my key` is one"),
        ("POST", "/keys", {"name": ".."}, 400, "a letter or digit comes first"),
        ("POST", "/keys", {"name": "the owner"}, 400, "Choose another name."),
        ("POST", "/keys", {"name": 5}, 400, "`name` must be a string, not a number."),
        ("POST", "/keys", {}, 400, "`name` is missing."),
        ("POST", "/keys", "laptop", 400, "The body must be a JSON object, not a string."),
        ("PUT", "/keys/nope", {}, 404, "There is no key named nope."),
        ("DELETE", "/keys/nope", None, 404, "There is no key named nope."),
        ("PUT", "/keys/laptop", {"models": ["sonet"]}, 400, "Offered are: "),
        ("PUT", "/keys/laptop", {"models": [" "]}, 400, "`models[0]` is empty."),
        ("PUT", "/keys/laptop", {"dialects": ["openai"]}, 400, "must be one of openai_chat, openai_responses, "),
        ("PUT", "/keys/laptop", {"requests_per_day": 0}, 400, "pause it"),
        ("PUT", "/keys/laptop", {"tokens_per_day": -1}, 400, "must be from 1 to 1000000000000, not -1."),
        ("PUT", "/keys/laptop", {"tokens_per_day": 10**4298}, 400, "must be from 1 to 1000000000000, not a number of"),
        ("PUT", "/keys/laptop", {"requests_per_day": 1.5}, 400, "must be a whole number, not 1.5."),
        ("PUT", "/keys/laptop", {"requests": 5}, 400, "There is no field `requests` here."),
    ],
)
def test_what_is_wrong_is_refused_with_what_would_be_right(
    page: httpx.Client, method: str, path: str, body: Any, status: int, told: str
) -> None:
    answer = page.request(method, path, json=body)
    error = answer.json()["error"]
    assert answer.status_code == status
    assert told in f"{error['message']} {error['hint']}"
    assert error["title"] in ("API keys", "Invalid request")
    assert [(key.name, key.limits) for key in ApiKeys().list()] == [("laptop", KeyLimits())]


def test_a_body_of_no_end_is_refused(page: httpx.Client) -> None:
    assert page.post("/keys", content=b'{"name": "%s"}' % (b"x" * 2_000_000)).status_code == 413


def test_limits_take_every_name_that_a_request_may_have(bridge: RunningBridge, page: httpx.Client) -> None:
    names = ["Sonnet", "gpt-4o", "claude-haiku-4-5", "anthropic/claude-opus:latest"]
    answer = page.put("/keys/laptop", json={"models": [" Sonnet ", *names, "gpt-4o"], "dialects": ["ollama"]})
    assert answer.json()["limits"]["models"] == names
    assert page.put("/keys/laptop", json={"models": ["claude-sonnet"], "dialects": []}).status_code == 200

    def ask(model: str) -> int:
        body = {"model": model, "messages": [{"role": "user", "content": directive(text="Yes.")}]}
        key = {"authorization": f"Bearer {page.headers['x-made-key']}"}
        return httpx.post(f"{bridge.base_url}/chat/completions", json=body, headers=key, timeout=60).status_code

    assert [ask("sonnet"), ask("haiku")] == [200, 403]


def test_a_key_is_paused_whatever_its_old_limits_have(page: httpx.Client) -> None:
    old = KeyLimits(0, 10**15, ("claude-2",), ("telex",))
    ApiKeys().limit("laptop", old)
    assert page.put("/keys/laptop", json={**old._asdict(), "paused": True}).status_code == 200
    assert ApiKeys().limits_of("laptop") == old._replace(paused=True)
    assert page.put("/keys/laptop", json={"paused": False}).json()["limits"]["models"] == ["claude-2"]


def test_keys_that_are_made_at_once_are_all_kept(page: httpx.Client) -> None:
    names = [f"key {number}" for number in range(16)]
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda name: page.post("/keys", json={"name": name}).status_code, names))
    assert made == [200] * 16
    assert {key.name for key in ApiKeys().list()} == {"laptop", *names}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"name": 1e999}'])
def test_only_who_may_make_a_key_is_told_what_is_wrong_with_the_body(
    bridge: RunningBridge, page: httpx.Client, content: bytes
) -> None:
    told = page.post("/keys", content=content)
    assert (told.status_code, told.json()["error"]["message"][:3]) == (400, "The")
    stranger = httpx.post(f"{bridge.url}/dashboard/api/keys", content=content, headers={"x-tray-bridge": "1"})
    assert stranger.status_code == 401
