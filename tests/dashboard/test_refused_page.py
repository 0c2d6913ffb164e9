"""A page that is not let in: the browser's own console says why, and which line lets it in."""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.running_bridge import RunningBridge

pytest_plugins = ["tests.dashboard.browsing"]

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
