"""The addresses that people type lead to the page."""

from __future__ import annotations

import httpx
import pytest

from tests.running_bridge import RunningBridge
from tray_bridge.machine.api_keys import ApiKeys

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/api/v1"])
def test_a_browser_is_led_to_the_page_and_a_program_is_told(bridge: RunningBridge, path: str) -> None:
    led = httpx.get(f"{bridge.url}{path}", headers=BROWSER)
    assert (led.status_code, led.headers["location"]) == (302, "/dashboard")
    told = httpx.get(f"{bridge.url}{path}")
    assert told.status_code == 200
    assert (told.text == "Ollama is running") if path == "/" else (f"{bridge.url}/v1" in told.text)
    ApiKeys().make("someone")
    try:
        assert httpx.get(f"{bridge.url}{path}", headers=BROWSER).status_code == 302
    finally:
        ApiKeys().revoke("someone")
