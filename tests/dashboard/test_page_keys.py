"""Keys on the page: made, limited, paused, revoked; the plan's windows at their pace."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import httpx
from playwright.sync_api import expect

from tests.dashboard.chromium import Open
from tests.dashboard.scene import Scene
from tests.running_bridge import RunningBridge, directive, wait_for
from tray_bridge.machine.api_keys import ApiKeys, KeyLimits
from tray_bridge.snapshots import AccountSnapshot, PlanWindow


def test_a_key_is_made_limited_paused_and_revoked(make_bridge: Callable[..., RunningBridge], open_page: Open) -> None:
    bridge = make_bridge(max_sessions=1)
    page = open_page(f"{bridge.url}/dashboard#/keys")
    expect(page.locator(".keys")).to_contain_text("There are no keys")
    page.get_by_label("Name of a new key").fill("laptop")
    page.get_by_role("button", name="Make a key").click()
    key = page.locator(".copyable code").text_content() or ""
    assert key.startswith("tb-")
    page.get_by_label("Name of a new key").fill("laptop")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_role("alert")).to_contain_text("There is a key named laptop already.")
    expect(page.locator(".copyable code")).to_have_text(key)
    card = page.get_by_role("region", name="Key laptop")
    card.get_by_text("Limits").click()
    wait_for(lambda: bridge.snapshot().models)
    card.get_by_label("Models").fill("sonet")
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_role("alert")).to_contain_text("The model sonet does not exist")
    card.get_by_label("Models").fill("")
    card.get_by_label("Requests a day").fill("2")
    card.get_by_label("Messages", exact=True).check()
    card.get_by_label("Chat Completions").check()
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_label("Requests a day")).to_be_hidden()
    made = ApiKeys().limits_of("laptop")
    assert made == KeyLimits(2, None, (), ("openai_chat", "anthropic_messages"))

    def ask() -> int:
        body = {"model": "sonnet", "messages": [{"role": "user", "content": directive(text="Yes.")}]}
        headers = {"authorization": f"Bearer {key}"}
        return httpx.post(f"{bridge.base_url}/chat/completions", json=body, headers=headers, timeout=60).status_code

    assert [ask() for _ in range(3)] == [200, 200, 429]
    card.get_by_role("button", name="Pause").click()
    expect(card).to_contain_text("paused")
    expect(card).to_contain_text("Today 2 of 2 answers")
    assert ApiKeys().limits_of("laptop").paused
    card.get_by_role("button", name="Go on").click()
    expect(card.get_by_role("button", name="Pause")).to_be_visible()
    card.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.locator(".keys")).to_contain_text("There are no keys")
    assert ApiKeys().list() == ()


def test_windows_say_when_they_will_be_full_and_how_old_that_is(origin: str, scene: Scene, open_view: Open) -> None:
    now = time.time()
    windows = (
        PlanWindow("five_hour", 0.5, now + 2 * 3600, told_at=now),  # three hours for a half
        PlanWindow("seven_day", 0.9, now + 3 * 86400, told_at=now - 3600),
        PlanWindow("seven_day_opus", 0.1, now + 3600, told_at=now),
    )
    scene.show(account=AccountSnapshot(signed_in=True, plan="Max", windows=windows))
    page = open_view(f"{origin}/dashboard#/now")
    first, second, third = (page.locator(".window").nth(number) for number in range(3))
    expect(first).to_contain_text("At this pace not full before it resets")
    expect(second).to_contain_text(re.compile(r"At this pace full .*at \d\d:\d\d · as of 1 h ago"))
    expect(third).to_contain_text("At this pace not full before it resets")
