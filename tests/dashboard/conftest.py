"""Chromium for the page's tests: every test's page is watched for errors and for requests that leave this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect, sync_playwright

from tests.dashboard.chromium import FLAGS, Open, find_chromium
from tests.dashboard.scene import Scene, busy_scene, serve
from tray_bridge.api.page.last_hour import LastHour

expect.set_options(timeout=20_000)  # a page on a busy machine takes its time; what never comes fails all the same


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all pages: its start takes two seconds.

    While it lives, Playwright's event loop runs in this thread, so no test after the first page's may be async.
    """
    program = find_chromium()
    if program is None and "CI" not in os.environ:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open a page in a browser profile of its own; at the end it must have been quiet and asked only its server."""
    with ExitStack() as stack:
        complaints: list[str] = []

        def open_(
            url: str,
            *,
            width: int = 1280,
            height: int = 900,
            theme: Literal["light", "dark"] = "light",
            **options: object,
        ) -> Page:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,
                reduced_motion="reduce",
                **options,  # type: ignore[arg-type]
            )
            stack.callback(context.close)
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            context.set_default_timeout(30_000)
            page = context.new_page()
            origin = urlsplit(url).netloc

            def watch_request(address: str) -> None:
                parts = urlsplit(address)
                if parts.netloc != origin and parts.scheme not in ("data", "blob"):
                    complaints.append(f"asked elsewhere: {address}")

            def watch_console(kind: str, text: str) -> None:
                # The browser itself writes down answers like 404 and lost connections, which tests bring about.
                if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
                    complaints.append(f"console {kind}: {text}")

            def watch_dialog(dialog: Dialog) -> None:
                complaints.append(f"dialog: {dialog.message}")
                dialog.dismiss()

            context.on("request", lambda request: watch_request(request.url))
            page.on("console", lambda message: watch_console(message.type, message.text))
            page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
            page.on("dialog", watch_dialog)
            page.goto(url)
            return page

        yield open_
        assert complaints == []


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def last_hour() -> LastHour:
    return LastHour()


@pytest.fixture
def scene() -> Scene:
    return Scene(busy_scene())


@pytest.fixture
def origin(scene: Scene, log: Path, last_hour: LastHour) -> Iterator[str]:
    """The page over a scene, with the log and the last hour that the test fills."""
    with serve(scene, log, last_hour) as origin:
        yield origin
