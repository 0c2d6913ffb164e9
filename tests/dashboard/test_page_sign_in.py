"""The page of a server that has API keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.dashboard.chromium import Open
from tests.dashboard.log_filler import question, write_exchange
from tests.dashboard.scene import Scene, busy_scene, serve
from tests.running_bridge import RunningBridge, directive
from tray_bridge.machine.api_keys import ApiKeys


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


def test_who_has_opened_the_page_asks_in_it_without_a_key_and_gets_one_for_a_client(
    make_bridge: Callable[..., RunningBridge], open_page: Open
) -> None:
    bridge = make_bridge(pool_size=0)
    keys = ApiKeys()
    key = keys.make("for the page")
    keys.make("curl")
    try:
        page = open_page(f"{bridge.url}/dashboard#/try")
        page.get_by_role("dialog").get_by_label("API key").fill(key)
        page.get_by_role("dialog").get_by_role("button", name="Open").click()
        expect(page.locator("#state")).to_have_text("Ready")
        page.get_by_label("Your message").fill(directive(text="Now said."))
        page.keyboard.press("Enter")
        expect(page.locator(".turn.assistant > .text").last).to_have_text("Now said.", timeout=20_000)
        expect(page.locator(".snippet pre")).to_contain_text("Bearer YOUR-KEY")

        page.goto(f"{bridge.url}/dashboard#/connect/curl")
        expect(page.locator(".detail pre")).to_contain_text("YOUR-KEY")
        page.get_by_role("button", name="Make a key for it").click()
        expect(page.locator(".detail")).to_contain_text("A new key is in it")
        shown = re.search(r"Bearer (tb-[\w-]+)", page.locator(".detail pre").inner_text())
        assert shown
        assert keys.verify(shown[1]) == "curl 2"
        assert key not in page.content()
    finally:
        for made in keys.list():
            keys.revoke(made.name)
