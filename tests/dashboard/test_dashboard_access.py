"""Who may see the page and its data, and what a browser may do with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.dashboard.scene import Scene, busy_scene, dashboard_app, serve
from tests.running_bridge import RunningBridge
from tray_bridge.api.page.access import DashboardAccess
from tray_bridge.machine.api_keys import ApiKeys

DATA = ("snapshot", "events", "exchanges", "filters", "last-hour", "connect", "doctor", "exchanges/x", "blobs/x")
OWN = {"x-tray-bridge": "1"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return dashboard_app(Scene(busy_scene()), tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page that no test of this file changes."""
    with serve(Scene(busy_scene()), tmp_path_factory.mktemp("log")) as origin:
        yield origin


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/static/dashboard.js", "/dashboard/api/snapshot"])
def test_every_answer_forbids_scripts_frames_and_readers_from_elsewhere(origin: str, path: str) -> None:
    headers = httpx.get(origin + path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    for part in ("script-src 'self';", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] in ("no-store", "no-cache")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "tauri://localhost"},
        {"origin": "http://localhost:3000"},
        {"host": "evil.test"},
        {"host": "host.docker.internal:8000"},
        {"host": "127.0.0.1.evil.test"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
    ],
)
def test_no_other_page_and_no_container_reads_anything(bridge: RunningBridge, headers: dict[str, str]) -> None:
    with httpx.Client(base_url=f"{bridge.url}/dashboard/api", headers=headers) as page:
        for name in DATA:
            answer = page.get(f"/{name}")
            assert answer.status_code == 403, name
            assert set(answer.json()) == {"error"}, name


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "exchanges?all=true", 200),
        ("DELETE", "exchanges/x", 404),
        ("POST", "requests/x/cancel", 404),
        ("POST", "sign-in", 401),
    ],
)
def test_a_change_needs_the_header_that_no_foreign_form_can_send(
    origin: str, method: str, path: str, status: int
) -> None:
    address = f"{origin}/dashboard/api/{path}"
    assert httpx.request(method, address, json={"key": "k"}).status_code == 403
    assert httpx.request(method, address, json={"key": "k"}, headers=OWN).status_code == status


@pytest.mark.parametrize("peer", ["192.168.1.7", "10.0.0.2", "2001:db8::1", "::ffff:192.168.1.7", "testclient"])
async def test_other_machines_see_nothing_even_under_our_name(peer: str, app: FastAPI) -> None:
    transport = httpx.ASGITransport(app, client=(peer, 4000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        for path in ("/dashboard", "/dashboard/static/dashboard.js", "/dashboard/api/snapshot"):
            assert (await client.get(path)).status_code == 403


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_sees_the_page_by_every_loopback_address(peer: str, app: FastAPI) -> None:
    transport = httpx.ASGITransport(app, client=(peer, 4000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        assert (await client.get("/dashboard")).status_code == 200


@pytest.mark.parametrize("name", ["../app.py", "..%2fapp.py", "%2e%2e/errors.py", "nothing.js", "index.html%00.js", ""])
def test_only_the_pages_own_files_are_served(origin: str, name: str) -> None:
    assert httpx.get(f"{origin}/dashboard/static/{name}").status_code == 404


def test_files_have_their_types_and_are_not_sent_twice(origin: str) -> None:
    for name, media_type in {
        "dashboard.js": "text/javascript",
        "dashboard.css": "text/css",
        "icon.svg": "image/svg+xml",
    }.items():
        answer = httpx.get(f"{origin}/dashboard/static/{name}")
        assert answer.headers["content-type"].split(";")[0] == media_type
        again = httpx.get(f"{origin}/dashboard/static/{name}", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_a_stored_file_can_never_act_as_a_page(log: Path) -> None:
    (log / "blobs").mkdir(parents=True)
    with serve(Scene(busy_scene()), log) as origin:
        for extension, inline in (("png", True), ("svg", False), ("html", False), ("pdf", False)):
            name = f"{'a' * 64}.{extension}"
            (log / "blobs" / name).write_bytes(b"<script>alert(1)</script>")
            answer = httpx.get(f"{origin}/dashboard/api/blobs/{name}")
            assert answer.status_code == 200, name
            assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox", name
            assert answer.headers["x-content-type-options"] == "nosniff", name
            assert answer.headers["content-type"] == ("image/png" if inline else "application/octet-stream"), name
            assert ("attachment" in answer.headers.get("content-disposition", "")) is not inline, name


def test_a_pass_opens_the_page_once(log: Path) -> None:
    access = DashboardAccess(lambda _key: None, lambda: True)
    with serve(Scene(busy_scene()), log, access=access) as origin:
        given = access.issue_pass()
        with httpx.Client(base_url=origin, follow_redirects=True) as first, httpx.Client(base_url=origin) as second:
            assert str(first.get(f"/dashboard?pass={given}").url) == f"{origin}/dashboard"
            assert first.get("/dashboard/api/snapshot").status_code == 200
            second.get(f"/dashboard?pass={given}")
            second.get("/dashboard?pass=")
            assert second.get("/dashboard/api/snapshot").status_code == 401


def test_the_real_server_lets_the_page_in_without_a_header_but_not_its_data_without_a_key(
    make_bridge: Callable[..., RunningBridge],
) -> None:
    bridge = make_bridge(pool_size=0)
    keys = ApiKeys()
    key = keys.make("for the page")
    try:
        assert httpx.get(f"{bridge.url}/dashboard").status_code == 200
        assert httpx.get(f"{bridge.url}/dashboard/static/dashboard.js").status_code == 200
        assert httpx.get(f"{bridge.url}/dashboard/api/snapshot").status_code == 401
        assert httpx.get(f"{bridge.base_url}/models").status_code == 401
        with httpx.Client(base_url=f"{bridge.url}/dashboard/api", headers=OWN) as client:
            assert client.post("/sign-in", json={"key": "tb-wrong"}).status_code == 401
            assert client.post("/sign-in", json={"key": key}).status_code == 200
            assert client.get("/snapshot").status_code == 200
    finally:
        keys.revoke("for the page")


@pytest.mark.parametrize("path", ["exchanges", "usage"])
@pytest.mark.parametrize("moment", ["nan", "inf", "1e308"])
def test_a_time_outside_the_calendar_is_refused_by_its_name(origin: str, path: str, moment: str) -> None:
    answer = httpx.get(f"{origin}/dashboard/api/{path}?since={moment}")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "since"


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        (
            "GET",
            "exchanges/x/export?form=xml",
            "`form` must be 'jsonl', 'har', 'md', 'sh', 'py' or 'report', not ",
        ),
        ("GET", "export?form=report", "`form` must be 'jsonl', 'har', 'md', 'sh' or 'py', not \"report\"."),
        (
            "GET",
            "exchanges/x/export?form=report&without=text",
            "`without[0]` must be 'texts' or 'names', not ",
        ),
        ("GET", "export", "`form` is missing."),
        ("GET", "usage?by=week", "`by` must be 'day', 'hour', 'client', 'model', 'key' or 'dialect', not \"week\"."),
        ("GET", "exchanges?limit=0", '`limit` must be at least 1, not "0".'),
        ("GET", "exchanges?limit=501", '`limit` must be at most 500, not "501".'),
        ("GET", "exchanges?offset=1.5", '`offset` must be a whole number, not "1.5".'),
        ("GET", f"exchanges?offset={'9' * 5000}", "`offset` must be a smaller number, not "),
        ("GET", f"exchanges?text={'x' * 1001}", "`text` may have 1000 characters, not 1001."),
        ("DELETE", "exchanges", "`day` must be a day such as 2025-01-31, not null."),
        ("DELETE", "exchanges?day=..", '`day` must be a day such as 2025-01-31, not "..".'),
        ("DELETE", "exchanges?all=perhaps", '`all` must be true or false, not "perhaps".'),
    ],
)
def test_a_wrong_field_of_an_address_is_named_with_what_it_may_be(
    origin: str, method: str, path: str, told: str
) -> None:
    answer = httpx.request(method, f"{origin}/dashboard/api/{path}", headers=OWN)
    error = answer.json()["error"]
    assert (answer.status_code, error["title"]) == (400, "Invalid request")
    assert error["message"].startswith(told)
    assert told.startswith(f"`{error['param']}")
