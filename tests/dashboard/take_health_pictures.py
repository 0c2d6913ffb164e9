"""Draws the first lines of the page in every state of health, light and dark, for the documents.

Run: `python -m tests.dashboard.take_health_pictures`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.dashboard.chromium import FLAGS, find_chromium
from tests.dashboard.scene import Scene, busy_scene, serve
from tray_bridge.snapshots import AccountSnapshot, PlanWindow, Problem, ServerSnapshot

IMAGES = Path(__file__).parents[2] / "docs/images"
CALM = replace(busy_scene(), requests=(), problem=None, log_problem=None)
UNTIL = PlanWindow("five_hour", 1.0, None, "rejected")
STATES: dict[str, ServerSnapshot] = {
    "ready": CALM,
    "busy": replace(busy_scene(), problem=None, log_problem=None),
    "paused": replace(CALM, paused=True),
    "signed-out": replace(CALM, account=AccountSnapshot(signed_in=False)),
    "limited": replace(CALM, account=AccountSnapshot(signed_in=True, plan="Max", windows=(UNTIL,))),
    "degraded": replace(CALM, log_problem=Problem("The log cannot be written", "No space is left.", "Make room.")),
    "starting": replace(CALM, state="starting"),
    "stopping": replace(busy_scene(), problem=None, log_problem=None, paused=True, drains_since=time.time() - 12),
    "stopped": CALM,
    "failed": replace(CALM, state="error", problem=Problem("Port in use", "Port 8000 is in use.", "Choose another.")),
}


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        for name, state in STATES.items():
            with serve(Scene(state), Path(folder)) as origin:
                for theme in ("light", "dark"):
                    context = browser.new_context(
                        viewport={"width": 1080, "height": 290}, color_scheme=theme, reduced_motion="reduce"
                    )
                    page = context.new_page()
                    page.goto(f"{origin}/dashboard")
                    page.locator("#state span").last.wait_for()
                    page.wait_for_timeout(300)
                    if name == "stopped":
                        continue
                    page.screenshot(path=IMAGES / f"health-{name}-{theme}.png")
                    context.close()
            for theme, context in zip(("light", "dark"), browser.contexts, strict=False):
                page = context.pages[0]
                page.get_by_text("Not reachable").wait_for()
                page.screenshot(path=IMAGES / f"health-{name}-{theme}.png")
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
