"""Takes the pictures in docs/images: every view in both themes. Run: `python -m tests.dashboard.take_pictures`."""

from __future__ import annotations

import argparse
import io
import random
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.dashboard.chromium import FLAGS, find_chromium
from tests.dashboard.log_filler import CLIENTS, answer, chart_png, fill, question, write_exchange
from tests.dashboard.scene import FINDINGS, Scene, busy_scene, keys_of, serve
from tray_bridge.api.page.last_hour import LastHour
from tray_bridge.errors import ModelNotFoundError, TrayBridgeError, UpstreamError
from tray_bridge.machine.api_keys import KeyLimits

FOLDER = Path(__file__).parents[2] / "docs" / "images"
VIEWS = {
    "now": "#/now",
    "log": "#/log/req_5f02aa91c7",
    "usage": "#/usage",
    "keys": "#/keys",
    "try": "#/try",
    "connect": "#/connect/continue",
    "doctor": "#/doctor",
    "start": "#/start",
}
THINKING = (
    "The person asks about the second half of the year. The tool gave the values by month, and the picture agrees."
)
ANSWER = (
    "Sales more than doubled between July and November, from 60 to 155, and eased to 120 in December. "
    "September dipped to 80; October made up for it at once."
)


def an_hour() -> LastHour:
    """An hour of work with a pause in it."""
    rng = random.Random(3)
    end = time.time()
    moment = [end]
    hour = LastHour(lambda: moment[0])
    for i in range(170):
        moment[0] = end - 3600 * (1 - i / 170) + rng.uniform(0, 15)
        if not 60 < i < 78:
            wait = rng.lognormvariate(-0.35, 0.35)
            hour.answered(rng.choice(CLIENTS[:4]), first_token=wait, output_tokens=int(rng.lognormvariate(5.2, 0.7)))
    failures: tuple[tuple[float, str, str, TrayBridgeError], ...] = (
        (
            800,
            "req_0000000000000082",
            "aider",
            UpstreamError("The servers are overloaded; the answer was 529.", status=529),
        ),
        (
            120,
            "req_unknown",
            "curl",
            ModelNotFoundError("There is no model named gpt-9; there are sonnet, opus and haiku."),
        ),
    )
    for ago, exchange_id, client, error in failures:
        moment[0] = end - ago
        hour.failed(exchange_id, client, error)
    moment[0] = end
    return hour


def a_log(folder: Path) -> None:
    now = datetime.now()
    fill(folder, 240, days=2.2)
    write_exchange(
        folder,
        "req_unknown",
        client="curl",
        request=question("Hello, who are you?", "gpt-9"),
        outcome="error",
        status=404,
        error=ModelNotFoundError("There is no model named gpt-9; there are sonnet, opus and haiku."),
        received=now - timedelta(minutes=2),
    )
    sales = {"type": "function", "function": {"name": "read_sales", "parameters": {"type": "object"}}}
    call = {"id": "toolu_01Wb7", "type": "function", "function": {"name": "read_sales", "arguments": '{"year": 2026}'}}
    request = {
        "model": "sonnet",
        "stream": True,
        "tools": [sales],
        "messages": [
            {"role": "system", "content": "You are a careful analyst. Answer in a few words."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What does this chart say about the second half of the year?"},
                    {"type": "image_url", "image_url": {"url": chart_png()}},
                ],
            },
            {"role": "assistant", "content": "Let me look at the figures behind it.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "toolu_01Wb7", "content": '{"jul": 60, "aug": 95, "sep": 80}'},
        ],
    }
    write_exchange(
        folder,
        "req_5f02aa91c7",
        client="Continue",
        request=request,
        kind="suspended",
        received=now - timedelta(seconds=50),
        events=answer(ANSWER, thinking=THINKING, cached=18_400),
    )


def some_keys(folder: Path) -> None:
    keys = keys_of(folder)
    for name, limits in {"laptop": KeyLimits(200, 400_000), "editor": KeyLimits()}.items():
        keys.make(name)
        keys.limit(name, limits)


def ask_in_playground(page: Page) -> None:
    page.get_by_label("System prompt").fill("Answer briefly and plainly.")
    page.get_by_label("Your message").fill("Why is the second answer so quick?")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".note").last).to_contain_text("tokens in")


def save(page: Page, name: str) -> None:
    image = Image.open(io.BytesIO(page.screenshot(full_page=name.startswith("dashboard-now"))))
    image.convert("RGB").save(FOLDER / f"{name}.png", optimize=True)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        log = Path(folder) / "log"
        a_log(log)
        some_keys(log)
        scene = Scene(busy_scene())
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        with serve(scene, log, an_hour(), findings=FINDINGS) as origin:
            for theme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": 1280, "height": 860},
                    color_scheme="dark" if theme == "dark" else "light",
                    reduced_motion="reduce",
                )
                page = context.new_page()
                for view, place in VIEWS.items():
                    page.goto("about:blank")
                    page.goto(f"{origin}/dashboard{place}")
                    if view == "try":
                        ask_in_playground(page)
                    page.wait_for_timeout(1500)
                    save(page, f"dashboard-{view}-{theme}")
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
