"""Who is let in and who is not, over a real server (faults B8, B9, B10)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI, Request
from starlette.middleware import Middleware

from tests.api.live_server import exchange, serve
from tray_bridge.api.access import AccessMiddleware, check_exposure
from tray_bridge.api.errors import CatchUnexpected, add_error_handlers
from tray_bridge.api.origins import MOST_REMEMBERED, RefusedPages
from tray_bridge.api.stamp import StampMiddleware
from tray_bridge.errors import SettingsError
from tray_bridge.machine.bridge_address import is_loopback
from tray_bridge.snapshots import RefusedPage

JAN = "tauri://localhost"


@dataclass
class Door:
    """Settings and keys as the middleware wants them, and what reached the app behind it."""

    host: str = "127.0.0.1"
    allowed_origins: tuple[str, ...] = (JAN, "http://localhost:3000")
    allowed_hosts: tuple[str, ...] = ("host.docker.internal",)
    keys: dict[str, str] = field(default_factory=dict)
    reached: list[tuple[str, str | None]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI(
            middleware=[
                Middleware(StampMiddleware),
                Middleware(
                    AccessMiddleware,
                    settings=self,
                    verify_key=self.keys.get,
                    has_keys=lambda: bool(self.keys),
                    refused=self.refused.append,
                ),
                Middleware(CatchUnexpected),
            ]
        )
        add_error_handlers(app)

        @app.api_route("/{path:path}", methods=["GET", "POST"])
        async def echo(path: str, request: Request) -> dict[str, Any]:
            if path == "broken":
                raise RuntimeError("a secret detail")
            self.reached.append((path, request.state.key_name))
            return {"path": path}

        return app

    @asynccontextmanager
    async def client(self, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        async with (
            serve(self.app(), "127.0.0.1") as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client,
        ):
            yield client


def assert_refused(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status
    error = answer.json()["error"]
    assert set(error) - {"title", "hint"} == {"message", "type", "param", "code"}  # the page has both as well
    assert error["code"] == code
    assert error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:9999",
        "localhost",
        "LOCALHOST:80",
        "[::1]",
        "[::1]:8000",
        "host.docker.internal:8000",
        "host.containers.internal:8000",
        "host.orb.internal",
        "host.lima.internal:8000",
        "localhost.",
        "app.localhost:8000",
        "ip6-localhost",
        "127.0.1.1:8000",
    ],
)
async def test_a_host_that_names_this_machine_is_let_in(host: str) -> None:
    async with Door().client(host=host) as client:
        assert (await client.get("/v1/models")).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost@evil.example",
        "127.0.0.1:8000:8000",
        "192.168.1.5",
        "evil.internal",
        "localhost..",
        ".localhost",
        "evil.localhost.example",
        "[::2]",
        "",
    ],
)
async def test_a_host_of_another_name_is_refused(host: str) -> None:
    door = Door()
    async with door.client(host=host) as client:
        assert_refused(await client.post("/v1/chat/completions", json={}), 403, "access_denied")
    assert door.reached == []


async def test_http_1_0_which_has_no_host_and_which_no_browser_speaks_is_let_in_without_one() -> None:
    door = Door()
    async with serve(door.app()) as port:
        assert (await exchange(port, b"GET /health HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200")
        for lines in (b"Host: evil.example\r\n", b"Origin: http://evil.example\r\n", b"Sec-Fetch-Site: cross-site\r\n"):
            assert (await exchange(port, b"GET /other HTTP/1.0\r\n" + lines + b"\r\n")).startswith(b"HTTP/1.1 403")
    assert [path for path, _ in door.reached] == ["health"]


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: evil.example\r\n"])
async def test_no_host_or_two_hosts_are_refused(hosts: bytes) -> None:
    door = Door()
    async with serve(door.app()) as port:
        answer = await exchange(port, b"GET / HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 403", b"HTTP/1.1 400"))
    assert door.reached == []


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost:3000.evil.example",
        "http://localhost@evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://app.localhost:3000",
        "ftp://localhost",
        "app://evil.md",
        "vscode-webview://",
        "chrome-extension://abcdefghijklmnop",
        "file://",
        "",
    ],
)
async def test_a_foreign_page_cannot_post_even_without_preflight(origin: str) -> None:
    door = Door()
    async with door.client(origin=origin) as client:
        answer = await client.post("/v1/chat/completions", content="{}", headers={"content-type": "text/plain"})
        assert_refused(answer, 403, "access_denied")
        assert answer.headers["access-control-allow-origin"].startswith("Tray Bridge")
    assert door.reached == []
    assert door.refused == [origin]


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3001",
        "https://localhost",
        "http://127.0.0.1",
        "http://[::1]:5173",
        "app://obsidian.md",
        "vscode-webview://1f2e3d4c",
        "vscode-file://vscode-app",
        "tauri://localhost",
    ],
)
async def test_a_page_of_this_machine_may_use_the_api_and_nothing_else(origin: str) -> None:
    door = Door(allowed_origins=())
    async with door.client(origin=origin) as client:
        for path in ("/v1/chat/completions", "/v1/messages", "/api/chat", "/api/show", "/health", "/"):
            answer = await client.post(path)
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)
        reached = len(door.reached)
        for path in ("/dashboard", "/dashboard/api/exchanges", "/status", "/api/v1/status", "/openapi.json"):
            assert_refused(await client.get(path), 403, "access_denied")
    assert len(door.reached) == reached


async def test_where_other_machines_can_reach_the_server_a_local_page_is_not_ours() -> None:
    door = Door(host="0.0.0.0", keys={"right": "me"})
    async with door.client(origin="http://localhost:3001", authorization="Bearer right") as client:
        assert_refused(await client.get("/v1/models"), 403, "access_denied")


async def test_a_wildcard_in_the_settings_opens_nothing() -> None:
    async with Door(allowed_origins=("*", "null")).client() as client:
        for origin in ("https://evil.example", "null", "*"):
            assert_refused(await client.get("/", headers={"origin": origin}), 403, "access_denied")


async def test_an_allowed_origin_may_read_answers_and_errors() -> None:
    async with Door(keys={"right": "me"}).client(origin=JAN) as client:
        for key, status in (("right", 200), ("wrong", 401)):
            answer = await client.get("/v1/models", headers={"authorization": f"Bearer {key}"})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == JAN
            assert "x-request-id" in answer.headers["access-control-expose-headers"]
            assert "Origin" in answer.headers["vary"]
        answer = await client.get("/broken", headers={"x-api-key": "right"})
        assert answer.status_code == 500
        assert answer.headers["access-control-allow-origin"] == JAN
        assert "secret" not in answer.text


async def test_our_own_page_is_let_in_and_needs_no_cors() -> None:
    async with Door().client() as client:
        origin = str(client.base_url).rstrip("/")
        answer = await client.post("/anything", headers={"origin": origin, "sec-fetch-site": "same-origin"})
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("site", "mode", "dest", "status"),
    [
        ("cross-site", "no-cors", "script", 403),
        ("same-site", "no-cors", "image", 403),
        ("cross-site", "navigate", "iframe", 403),
        ("cross-site", "navigate", "document", 200),
        ("none", "navigate", "document", 200),
        ("same-origin", "cors", "empty", 200),
    ],
)
async def test_without_an_origin_the_browsers_fetch_site_decides(site: str, mode: str, dest: str, status: int) -> None:
    async with Door().client() as client:
        headers = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
        assert (await client.get("/status", headers=headers)).status_code == status


async def test_a_preflight_of_an_allowed_origin_gets_what_it_asks_for() -> None:
    asked = "authorization,x-api-key,content-type,x-stainless-os,x-stainless-retry-count"
    async with Door(keys={"k": "n"}).client(origin=JAN) as client:
        answer = await client.options(
            "/v1/chat/completions",
            headers={
                "access-control-request-method": "POST",
                "access-control-request-headers": asked,
                "access-control-request-private-network": "true",
            },
        )
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == JAN
    assert answer.headers["access-control-allow-headers"] == asked
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-private-network"] == "true"
    assert "Origin" in answer.headers["vary"]


async def test_a_preflight_of_a_foreign_origin_gets_only_words_for_the_browsers_console() -> None:
    door = Door()
    async with door.client(origin="https://evil.example") as client:
        answer = await client.options("/v1/models", headers={"access-control-request-method": "GET"})
    assert_refused(answer, 403, "access_denied")
    assert door.refused == ["https://evil.example"]
    assert [value for name, value in answer.headers.items() if name.startswith("access-control-allow")] == [
        "Tray Bridge: to allow this page, add https://evil.example to allowed_origins in its settings"
    ]


def test_refused_pages_are_counted_and_the_oldest_are_forgotten() -> None:
    pages = RefusedPages(clock=lambda: 5.0)
    for number in range(MOST_REMEMBERED + 5):
        pages.add(f"https://{number}.example")
    pages.add("https://24.example")
    pages.add("a\x00b" * 100)
    found = pages.snapshot()
    assert len(found) == MOST_REMEMBERED
    assert found[-2] == RefusedPage("https://24.example", 5.0, 2)
    assert found[-1].origin.isascii()
    assert len(found[-1].origin) <= 100


async def test_options_without_cors_tells_the_methods() -> None:
    async with Door().client() as client:
        answer = await client.options("/v1/models")
    assert answer.status_code == 204
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("key", [None, "not-needed", "sk-anything"])
async def test_on_loopback_any_key_or_none_will_do(key: str | None) -> None:
    door = Door()
    async with door.client(**({"authorization": f"Bearer {key}"} if key else {})) as client:
        assert (await client.get("/v1/models")).status_code == 200
    assert door.reached == [("v1/models", None)]


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer right"},
        {"authorization": "bearer   right"},
        {"x-api-key": "right"},
        {"api-key": "right"},
        {"authorization": "Bearer not-needed", "x-api-key": "right"},
    ],
)
async def test_a_right_key_is_taken_from_each_header_and_named(headers: dict[str, str]) -> None:
    door = Door(keys={"right": "laptop"})
    async with door.client(**headers) as client:
        assert (await client.get("/v1/models")).status_code == 200
    assert door.reached == [("v1/models", "laptop")]


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer wrong-key"}, {"authorization": "Basic right"}, {"x-api-key": "r" * 9000}],
)
async def test_a_wrong_or_missing_key_is_401_once_keys_exist(headers: dict[str, str]) -> None:
    door = Door(keys={"right": "laptop", "r" * 9000: "too long"})
    async with door.client(**headers) as client:
        answer = await client.get("/v1/models")
        assert_refused(answer, 401, "invalid_api_key")
        assert "wrong-key" not in answer.text
        assert (await client.get("/health")).status_code == 200
    assert [path for path, _ in door.reached] == ["health"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/dashboard", 200), ("/dashboard/api/x", 200), ("/dashboards", 401), ("/v1/dashboard/", 401)],
)
async def test_the_page_guards_itself_and_nothing_else_may(path: str, status: int) -> None:
    async with Door(keys={"right": "laptop"}).client() as client:
        assert (await client.get(path)).status_code == status
        assert (await client.get(path, headers={"host": "evil.example"})).status_code == 403


async def test_the_openai_client_sees_an_authentication_error() -> None:
    async with (
        serve(Door(keys={"right": "laptop"}).app()) as port,
        openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="wrong") as client,
    ):
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.models.list()
    assert caught.value.code == "invalid_api_key"
    assert str(caught.value.request_id).startswith("req_")


async def test_off_loopback_a_key_is_needed_and_the_address_reached_is_a_good_host() -> None:
    door = Door(host="0.0.0.0")
    async with door.client() as client:
        assert_refused(await client.get("/v1/models"), 401, "invalid_api_key")
        assert_refused(await client.get("/v1/models", headers={"host": "evil.example"}), 403, "access_denied")
    door.keys["right"] = "laptop"
    async with door.client(authorization="Bearer right") as client:
        assert (await client.get("/v1/models")).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.5", "localhost", "::1", "[::1]", "::ffff:127.0.0.1"])
def test_loopback_needs_no_key_to_start(host: str) -> None:
    assert is_loopback(host)
    check_exposure(Door(host=host), has_keys=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.168.1.5", "my-machine", "localhost.example"])
def test_an_open_interface_without_a_key_is_refused_with_the_reason(host: str) -> None:
    with pytest.raises(SettingsError, match="no API key") as caught:
        check_exposure(Door(host=host), has_keys=False)
    assert "tray-bridge key" in caught.value.hint
    check_exposure(Door(host=host), has_keys=True)
