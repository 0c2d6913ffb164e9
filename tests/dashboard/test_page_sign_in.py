"""The page of a server that has API keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from browsing import Open
from log_filler import question, write_exchange
from playwright.sync_api import expect
from scene import Scene, busy_scene, serve

pytest_plugins = ["browsing"]


@pytest.fixture
def locked(log: Path) -> Iterator[str]:
    write_exchange(log, "req_secret", client="curl", request=question("My secret"))
    with serve(Scene(busy_scene()), log, keys=("right-key",)) as origin:
        yield origin


def test_once_keys_exist_the_data_need_one_and_the_page_asks_for_it(locked: str, open_page: Open) -> None:
    for name in ("snapshot", "events", "exchanges", "exchanges/req_secret", "connect", "doctor"):
        assert httpx.get(f"{locked}/dashboard/api/{name}").status_code == 401
    page = open_page(f"{locked}/dashboard#/log/req_secret")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("API key").fill("wrong-key")
    dialog.get_by_role("button", name="Open").click()
    expect(dialog).to_contain_text("not one of this server's")
    assert "My secret" not in page.content()

    dialog.get_by_label("API key").fill("right-key")
    dialog.get_by_role("button", name="Open").click()
    expect(page.locator(".turn.user")).to_contain_text("My secret")
    expect(page.locator("#state")).to_have_text("Busy · 3")
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert "right-key" not in str(cookie)
