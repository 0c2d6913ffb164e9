"""Chromium for the page's tests: every test's page is watched for errors and for requests that leave this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.dashboard.chromium import FLAGS, Open, find_chromium
from tests.dashboard.profile import BETWEEN, Profile
from tests.dashboard.scene import Scene, Stage
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


@pytest.fixture(scope="package")
def profiles(browser: Browser) -> list[Profile]:
    """The browser's profiles that no test uses now: to make one takes a third as long as to load a page."""
    return []


@pytest.fixture
def open_page(browser: Browser, profiles: list[Profile]) -> Iterator[Open]:
    """Open a page in a browser profile that holds nothing; at the end it was quiet and asked only its server."""
    used: list[Profile] = []

    def open_(url: str, *, width: int = 1280, height: int = 900, theme: Literal["light", "dark"] = "light") -> Page:
        profile = profiles.pop() if profiles else Profile(browser)
        used.append(profile)
        profile.page.set_viewport_size({"width": width, "height": height})
        profile.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        profile.load(url)
        return profile.page

    yield open_
    complaints = [complaint for profile in used for complaint in profile.complaints]
    profiles += [profile for profile in used if profile.empty()]
    assert complaints == []


@pytest.fixture(scope="package")
def left_open() -> dict[str, Profile]:
    """At most one profile, by its server: its page is open there, and `open_view` goes on in it."""
    return {}


@pytest.fixture
def open_view(browser: Browser, profiles: list[Profile], left_open: dict[str, Profile]) -> Iterator[Open]:
    """Show a view in a page that stays open from test to test, as a person's does: to load it takes five times as long.

    A view is made anew whenever it is gone to, and storage is empty. Not for Try it, which keeps its conversation.
    """
    used: list[Profile] = []

    def open_(url: str, *, width: int = 1280, height: int = 900) -> Page:
        profile = left_open.pop(urlsplit(url).netloc, None)
        is_new = profile is None
        if profile is None:
            profile = profiles.pop() if profiles else Profile(browser)
        used.append(profile)
        profile.page.set_viewport_size({"width": width, "height": height})
        profile.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        if is_new:
            profile.load(f"{url.partition('#')[0]}{BETWEEN}")
        profile.go(url)
        return profile.page

    yield open_
    complaints = [complaint for profile in used for complaint in profile.complaints]
    for profile in used:
        before = [*left_open.values()]
        left_open.clear()
        if profile.leave():
            left_open[profile.origin] = profile
        else:
            before.append(profile)
        profiles += [one for one in before if one.empty()]
    assert complaints == []


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def last_hour() -> LastHour:
    return LastHour()


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage().open(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
def scene(stage: Stage) -> Scene:
    return stage.scene


@pytest.fixture
def origin(stage: Stage, log: Path, last_hour: LastHour) -> Iterator[str]:
    """The page over a scene, with the log and the last hour that the test fills."""
    with stage.of(log, last_hour) as origin:
        yield origin
