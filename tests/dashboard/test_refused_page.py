"""A page that is not let in: the browser's own console says why, and which line lets it in."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.dashboard.chromium import Open
from tests.dashboard.scene import Scene
from tests.running_bridge import RunningBridge
from tray_bridge.snapshots import RefusedPage

ORIGIN = "http://app.localhost:9"
ASK = """async url => fetch(url, {
    method: "POST", headers: {"content-type": "application/json"}, body: "{}"
}).then(answer => String(answer.status), error => String(error))"""


def test_the_console_of_a_refused_page_names_the_setting(bridge: RunningBridge, browser: Browser) -> None:
    context = browser.new_context(permissions=["local-network-access"])
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.route(f"{ORIGIN}/*", lambda route: route.fulfill(body="<html></html>", content_type="text/html"))
    page.goto(f"{ORIGIN}/")
    assert "Failed to fetch" in page.evaluate(ASK, f"{bridge.url}/v1/chat/completions")
    page.wait_for_timeout(200)
    assert f"add {ORIGIN} to allowed_origins" in " ".join(told)
    context.close()


def test_a_refused_page_is_let_in_with_a_click_and_a_second_thought(origin: str, scene: Scene, open_view: Open) -> None:
    page = open_view(f"{origin}/dashboard")
    card = page.get_by_role("region", name="Refused web pages")
    expect(card).to_be_hidden()
    scene.show(refused_pages=(RefusedPage("null", 5.0, 3), RefusedPage(ORIGIN, 6.0)))
    expect(card.get_by_role("listitem")).to_have_count(2)
    expect(card).to_contain_text("a page without an origin cannot be let in")
    card.get_by_role("button", name=f"Let {ORIGIN} in").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(card).to_contain_text(ORIGIN)
    card.get_by_role("button", name=f"Let {ORIGIN} in").click()
    page.get_by_role("dialog").get_by_role("button", name="Let it in").click()
    expect(card).not_to_contain_text(ORIGIN)
