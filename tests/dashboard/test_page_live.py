"""The page in front of the real server, the real CLI and the stand-in."""

from __future__ import annotations

import logging
import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from openai import NotFoundError, OpenAI
from playwright.sync_api import Page, expect

from tests.dashboard.chromium import Open
from tests.resilience.faults import bound
from tests.running_bridge import RunningBridge, directive, wait_for
from tray_bridge.machine import bridge_log
from tray_bridge.machine.paths import log_folder
from tray_bridge.session_log import LogReader

SLOW = directive(words=400, rate=20)


def ask_in_background(bridge: RunningBridge, text: str, user_agent: str) -> threading.Thread:
    def ask() -> None:
        headers = {"user-agent": user_agent}
        body = {"model": "sonnet", "stream": True, "messages": [{"role": "user", "content": text}]}
        with httpx.stream(
            "POST", f"{bridge.base_url}/chat/completions", json=body, headers=headers, timeout=60
        ) as answer:
            for _ in answer.iter_bytes():
                pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread


def count_in(text: str | None) -> int:
    found = re.search(r"(\d+) token", text or "")
    return int(found[1]) if found else 0


def test_now_shows_the_pool_as_the_snapshot_has_it(bridge: RunningBridge, open_view: Open) -> None:
    bridge.wait_until_warm(2)
    page = open_view(f"{bridge.url}/dashboard")

    expect(page.locator("#state")).to_have_text("Ready")
    expect(page.locator(".hero code")).to_have_text(bridge.base_url)
    snapshot = bridge.snapshot().pool
    rings = page.locator(".session:not([data-state=free])")
    expect(rings).to_have_count(len(snapshot.sessions))
    expect(page.locator(".session[data-state=warm]")).to_have_count(snapshot.warm)


def test_a_request_in_flight_appears_counts_its_tokens_and_can_be_cancelled(
    bridge: RunningBridge, open_view: Open
) -> None:
    page = open_view(f"{bridge.url}/dashboard")
    expect(page.locator("#state")).to_have_text("Ready")
    asked = time.monotonic()
    asking = ask_in_background(bridge, SLOW, "Zed/1.0")

    row = page.locator(".request")
    expect(row).to_contain_text("Zed")
    expect(page.locator("#state")).to_have_text("Busy · 1")
    expect(page.locator(".session[data-state=busy]")).to_have_count(1)
    wait_for(lambda: count_in(row.text_content()) > 3)
    before = count_in(row.text_content())
    page.wait_for_timeout(1000)
    wait_for(lambda: count_in(row.text_content()) >= before + 8)
    assert count_in(row.text_content()) <= 40 * (time.monotonic() - asked)  # there are 20 in a second

    request_id = bridge.snapshot().requests[0].id
    row.get_by_role("button", name="Cancel the request of Zed").click()
    expect(row).to_have_count(0, timeout=3000)
    asking.join(30)
    reader = LogReader(log_folder())
    wait_for(lambda: (reader.get(request_id) or {}).get("outcome") == "cancelled")


def test_the_exchange_of_a_request_under_way_shows_its_answer_as_it_is_written(
    bridge: RunningBridge, open_view: Open
) -> None:
    page = open_view(f"{bridge.url}/dashboard")
    asking = ask_in_background(bridge, directive(words=120, rate=20), "watched/1.0")
    page.locator(".request", has_text="watched").get_by_role("link").click()
    answer = page.locator(".turn.answer")
    expect(answer).to_contain_text("Answer, as it is written")
    seen: dict[int, float] = {}  # each length, and when it was seen first

    def grows() -> bool:
        seen.setdefault(len(answer.inner_text()), time.monotonic())
        times = list(seen.values())[-6:]
        return len(times) == 6 and times[-1] - times[0] < 2.5

    wait_for(grows)  # a page that reads the file each 1.5 s shows two in that time
    expect(page.locator("h1", has_text="Completed")).to_be_visible()
    expect(answer).not_to_contain_text("as it is written")
    asking.join(30)
    exchange = page.url.rpartition("/")[2]
    assert httpx.get(f"{bridge.url}/dashboard/api/exchanges/{exchange}/live").status_code == 404


def test_an_answer_appears_in_the_charts(bridge: RunningBridge, open_view: Open) -> None:
    page = open_view(f"{bridge.url}/dashboard")
    before = page.locator(".spot").count()
    bridge.client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": directive(words=30)}])
    wait_for(lambda: page.locator(".spot").count() > before, 6)
    expect(page.get_by_role("img", name=re.compile("First token in the last hour"))).to_be_visible()
    assert page.locator(".bar").count() > 0


def test_a_failed_request_is_told_with_its_reason_and_leads_to_the_log(bridge: RunningBridge, open_view: Open) -> None:
    page = open_view(f"{bridge.url}/dashboard")
    with pytest.raises(Exception, match="overloaded"):
        bridge.client.chat.completions.create(
            model="sonnet",
            messages=[
                {
                    "role": "user",
                    "content": directive(
                        error={"status": 400, "type": "invalid_request_error", "message": "overloaded today"}
                    ),
                }
            ],
        )
    error = page.locator(".errors li").first
    expect(error).to_contain_text("overloaded today", timeout=6000)
    error.get_by_role("link").click()
    expect(page.locator(".exchange h1")).to_contain_text("Error")
    expect(page.locator(".exchange .problem")).to_contain_text("overloaded today")


def test_a_refused_request_is_told_too(bridge: RunningBridge, open_view: Open) -> None:
    page = open_view(f"{bridge.url}/dashboard")
    with pytest.raises(NotFoundError):
        bridge.client.chat.completions.create(model="gpt-99", messages=[{"role": "user", "content": "Hi"}])
    error = page.locator(".errors li").first
    expect(error).to_contain_text("gpt-99", timeout=6000)
    # It was not understood, and can be asked again all the same: with another model, say.
    error.get_by_role("link").click()
    page.get_by_role("link", name="Ask again").click()
    expect(page.get_by_label("Your message")).to_have_value("Hi")
    expect(page.get_by_label("Model", exact=True)).to_have_value("gpt-99")


def test_the_playground_streams_keeps_the_conversation_and_gives_code_that_runs(
    bridge: RunningBridge, open_page: Open
) -> None:
    page = open_page(f"{bridge.url}/dashboard#/try")
    page.get_by_label("System prompt").fill("Be 'brief' and “kind”.")
    page.get_by_label("Your message").fill(directive(words=40, rate=20, thinking="I wonder."))
    page.keyboard.press("Enter")

    answer = page.locator(".turn.assistant > .text").last
    expect(answer).to_contain_text("word2 ")
    assert "word40" not in (answer.text_content() or "")  # it is still being written
    expect(answer).to_contain_text("word40", timeout=15_000)
    expect(page.locator(".note").last).to_contain_text("tokens in")
    expect(page.locator(".reasoning summary").last).to_be_visible()
    assert not page.locator(".reasoning .text").last.is_visible()

    parked = dict(bridge.snapshot().pool.taken).get("parked", 0)
    page.get_by_label("Your message").fill(directive(text="Second answer."))
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn.assistant > .text").last).to_have_text("Second answer.")
    bridge.wait_for(lambda s: dict(s.pool.taken).get("parked", 0) == parked + 1)

    page.get_by_label("Your message").fill("What's left?")
    page.get_by_label("Stream the answer").uncheck()
    command = page.locator(".snippet code").text_content()
    result = subprocess.run(["bash", "-c", command or ""], capture_output=True, text=True, timeout=30, check=True)
    assert '"object":"chat.completion"' in result.stdout.replace(" ", "")


def test_stop_in_the_playground_ends_the_request_at_the_server(bridge: RunningBridge, open_page: Open) -> None:
    page = open_page(f"{bridge.url}/dashboard#/try")
    page.get_by_label("Your message").fill(SLOW)
    page.keyboard.press("Enter")
    expect(page.locator(".turn.assistant > .text")).to_contain_text("word2 ")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".note").last).to_contain_text("Stopped")
    bridge.wait_for(lambda s: not s.requests)


def test_a_new_exchange_comes_into_the_open_log_and_its_curl_repeats_it(bridge: RunningBridge, open_view: Open) -> None:
    page = open_view(f"{bridge.url}/dashboard#/log")
    expect(page.locator(".filters")).to_be_visible()
    page.wait_for_timeout(500)
    bridge.client.chat.completions.create(
        model="sonnet",
        messages=[{"role": "user", "content": f"Say it's “$HOME” `twice`\n{directive(text='Done.')}"}],
        user="somebody",
    )
    row = page.locator(".rows a", has_text="$HOME").first
    row.click(timeout=6000)
    expect(page.locator(".turn.answer")).to_contain_text("Done.")
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")

    reader = LogReader(log_folder())
    before = reader.all()
    subprocess.run(["bash", "-c", command], capture_output=True, timeout=30, check=True)
    wait_for(lambda: len(new := reader.all()) > len(before) and new[0]["outcome"] == "completed")
    first, second = reader.get(before[0]["id"]), reader.get(reader.all()[0]["id"])
    assert first and second and second["request"] == first["request"]


def test_a_light_turns_green_when_the_first_request_of_its_client_arrives(
    bridge: RunningBridge, open_view: Open
) -> None:
    page = open_view(f"{bridge.url}/dashboard#/connect/aider")
    light = page.locator(".clients a[data-id=aider] .light")
    expect(light).not_to_have_class(re.compile(r"\bon\b"))
    expect(page.locator(".detail pre")).to_contain_text(bridge.base_url)

    client = OpenAI(base_url=bridge.base_url, api_key="x", default_headers={"User-Agent": "litellm/1.2 aider"})
    client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": directive(text="Hi")}])
    expect(light).to_have_class(re.compile(r"\bon\b"), timeout=6000)
    expect(page.locator(".detail .lamp")).to_contain_text("answered just now")


def test_doctor_shows_every_check_of_the_command_and_the_log_s_last_lines(
    bridge: RunningBridge, open_view: Open, tmp_path: Path
) -> None:
    bridge_log.open_log(tmp_path, "info")
    logging.getLogger("tray_bridge.somewhere").info("lent worker 3")
    page = open_view(f"{bridge.url}/dashboard#/doctor")
    checks = httpx.get(f"{bridge.url}/dashboard/api/doctor", timeout=20).json()["checks"]
    expect(page.locator(".check h2")).to_have_count(len(checks), timeout=20_000)
    titles = [check["title"] for check in checks]
    shown = [text.split(":")[0] for text in page.locator(".check h2").all_text_contents()]
    assert shown == titles
    assert {"Claude Code", "Server", "Session log"} <= set(titles)
    page.get_by_text("Last lines of bridge.log").click()
    expect(page.locator(".log-lines")).to_contain_text("INFO tray_bridge.somewhere: lent worker 3")
    expect(page.locator(".doctor details")).to_contain_text(str(tmp_path / "bridge.log"))
    bridge_log.close_log()


def test_an_open_page_does_not_delay_the_stop_says_when_the_server_is_gone_and_comes_back_with_it(
    make_bridge: Callable[..., RunningBridge], open_page: Open
) -> None:
    bridge = make_bridge(pool_size=0)
    port = bridge.snapshot().port
    page: Page = open_page(f"{bridge.url}/dashboard")
    expect(page.locator("#state")).to_have_text("Ready")
    done = threading.Event()

    def stop() -> None:
        bridge.server.stop(10)
        done.set()

    threading.Thread(target=stop).start()
    assert done.wait(bound(2)), "the event stream held up the stop"
    expect(page.locator("#state")).to_have_text("Not reachable")
    expect(page.locator("h1")).to_have_text("The server does not answer")
    expect(page.locator(".problems")).to_contain_text("Start it in the tray's menu, or with tray-bridge.")
    expect(page.locator(".session").first).to_be_hidden()
    expect(page.locator(".facts")).to_have_text("")
    bridge.server.restart(bridge.server.settings.model_copy(update={"port": port}))
    expect(page.locator("#state")).to_have_text("Ready", timeout=15_000)
