"""Every view, in both themes and all widths: fits, can be read by everyone, and makes no noise."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import httpx
import pytest
from axe_playwright_python.base import AxeResults  # type: ignore[import-untyped]
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.dashboard.chromium import Open
from tests.dashboard.log_filler import answer, chart_png, fill, question, write_exchange
from tests.dashboard.profile import Profile
from tests.dashboard.scene import FINDINGS, Scene, busy_scene, keys_of, serve
from tests.running_bridge import wait_for
from tray_bridge.api.page.last_hour import LastHour
from tray_bridge.errors import UpstreamError
from tray_bridge.machine.api_keys import KeyLimits
from tray_bridge.snapshots import PoolSnapshot, Problem, RefusedPage

VIEWS = {
    "now": (".window", "#/now"),
    "log": (".rows a", "#/log"),
    "exchange": (".turn.answer", "#/log/req_picture"),
    "compare": (".difference", "#/log/req_picture?with=req_0000000000000042"),
    "choosing another to compare": (".picker button", "#/log?pick=req_picture"),
    "conversation": (".talked", "#/log?thread=THREAD"),
    "keys": (".keys progress", "#/keys"),
    "usage": ("h2:has-text('Tokens by day')", "#/usage?by=day"),
    "usage by client between two days": (
        ".bar-list li",
        f"#/usage?by=client&days=between&from={date.today() - timedelta(1)}&to={date.today()}",
    ),
    "usage by hour": ("h2:has-text('Tokens by hour')", "#/usage?by=hour"),
    "try": (".snippet code", "#/try"),
    "connect": (".detail pre", "#/connect/zed"),
    "doctor": (".check h2", "#/doctor"),
    "start": (".setup-clients li", "#/start"),
}
# Their parts are those of other views: the log that an exchange to compare with is chosen in, and a chart of days.
NOTHING_OF_THEIR_OWN = ("log", "usage by hour")
# Beside these stands the list of the log, which axe sees where an exchange to compare with is chosen in it.
BESIDE_THE_LOG = ("exchange", "compare")


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with something in every view."""
    log = tmp_path_factory.mktemp("log")
    fill(log, 70)
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": chart_png()}}]
    request = question(parts, tools=[{"type": "function", "function": {"name": "look"}}])
    write_exchange(log, "req_picture", client="Zed", request=request, events=answer("Bars.", thinking="Hm."))
    keys_of(log).make("laptop")
    keys_of(log).limit("laptop", KeyLimits(20, 50_000, ("claude-sonnet-4-5-20250929",), ("ollama",)))
    hour = LastHour()
    for wait in (0.4, 0.6, 2.2):
        hour.answered("Zed", first_token=wait, output_tokens=220)
    hour.failed("req_picture", "Zed", UpstreamError("Overloaded.", status=529))
    with serve(Scene(busy_scene()), log, hour, findings=FINDINGS) as origin:
        yield origin


Show = Callable[..., Page]


@pytest.fixture(scope="module")
def shown(lively: str, browser: Browser) -> Iterator[Profile]:
    """A page that goes from view to view: it loads once, as axe does, of half a megabyte."""
    profile = Profile(browser)
    profile.load(f"{lively}/dashboard#/doctor")
    yield profile
    profile.close()


@pytest.fixture
def show(lively: str, shown: Profile) -> Iterator[Show]:
    """Show a view of the lively server in that page."""

    def show_(view: str, width: int = 1280) -> Page:
        shown.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        shown.page.set_viewport_size({"width": width, "height": 900})
        shown.load(place_of(lively, view))
        expect(shown.page.locator(VIEWS[view][0]).first).to_be_visible()
        return shown.page

    yield show_
    assert shown.complaints == []


def place_of(origin: str, view: str) -> str:
    place = VIEWS[view][1]
    if "THREAD" in place:
        document = httpx.get(f"{origin}/dashboard/api/exchanges/req_picture").json()
        place = place.replace("THREAD", document["conversation"]["thread"])
    return f"{origin}/dashboard{place}"


def load_view(open_page: Open, origin: str, view: str, **options: object) -> Page:
    page = open_page(place_of(origin, view), **options)
    expect(page.locator(VIEWS[view][0]).first).to_be_visible()
    return page


WIDTHS = (360, 768, 1024, 1280, 1920, 2560)
LOOKS = [("dark", 1280), ("light", 360), ("light", 1280), ("dark", 360)]


def look_of(view: str) -> tuple[str, int]:
    """Give each second view the one look, and the others the other: both have both layouts and both themes."""
    return LOOKS[[*VIEWS].index(view) % 2]


RUN_AXE = """async out => {
  const exclude = [[out], [".rows li:nth-child(n + 9)"]];
  const { violations, passes } = await axe.run({ exclude }, { resultTypes: ["violations"] });
  return { violations, passed: passes.length };
}"""


def assert_axe_finds_nothing(page: Page, leave_out: str = "none") -> None:
    """Run axe in the page, where it is read once. Of a long list's rows, which look alike, it sees the first eight."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate(RUN_AXE, leave_out)
    results = AxeResults(found)
    assert results.violations_count == 0, results.generate_report()
    assert found["passed"] > 10, "it has looked"


# Of the page and its parts. Only code and tables, which scroll by themselves, may be wider than what holds them.
WIDER_THAN_THE_WINDOW = """async width => {
  await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)));
  const parts = [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > width + 1
    && !e.closest("pre") && !e.closest(".unseen, .scroll"));
  if (document.documentElement.scrollWidth > width) parts.push(document.documentElement);
  return parts.map((e) => e.outerHTML.slice(0, 80));
}"""


def find_no_fault(page: Page, view: str, looks: list[tuple[str, int]]) -> None:
    for theme, width in looks:
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(100)
        assert_axe_finds_nothing(page, ".rows" if view in BESIDE_THE_LOG else "none")


@pytest.mark.parametrize(
    "view", [pytest.param(view, marks=[pytest.mark.full] if view in NOTHING_OF_THEIR_OWN else []) for view in VIEWS]
)
def test_a_view_fits_every_width_and_axe_finds_nothing_in_one_look(show: Show, view: str) -> None:
    page = show(view)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 300})  # less to paint: only the width matters
        assert page.evaluate(WIDER_THAN_THE_WINDOW, width) == [], width
    find_no_fault(page, view, [look_of(view)])


@pytest.mark.full
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_in_the_other_looks(lively: str, open_page: Open, view: str) -> None:
    find_no_fault(load_view(open_page, lively, view), view, [look for look in LOOKS if look != look_of(view)])


def test_on_a_phone_the_tab_of_the_view_is_in_sight(show: Show) -> None:
    show("now", width=360)
    page = show("start", width=360)
    box = page.locator("nav a[aria-current]").bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= 360


def test_no_view_is_hidden_in_the_header_without_a_hint(show: Show) -> None:
    page = show("keys", width=900)
    last = page.locator("nav a").last
    box = last.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 900
    row = page.locator(".top nav")
    expect(row).not_to_have_attribute("data-after", "")
    page.set_viewport_size({"width": 360, "height": 900})
    row.evaluate("row => row.scrollTo(0, 0)")
    expect(row).to_have_attribute("data-after", "")
    expect(row).not_to_have_attribute("data-before", "")
    row.evaluate("row => row.scrollTo(9999, 0)")
    expect(row).to_have_attribute("data-before", "")
    expect(row).not_to_have_attribute("data-after", "")


def test_axe_finds_nothing_in_trouble(scene: Scene, origin: str, open_view: Open) -> None:
    trouble = Problem("Claude Code cannot be started", "It is missing.", "Run `tray-bridge doctor`.", time.time())
    pages = (RefusedPage("https://app.example", time.time()), RefusedPage("null", time.time(), 3))
    scene.show(
        problem=trouble, log_problem=trouble, pool=PoolSnapshot(problem=trouble), requests=(), refused_pages=pages
    )
    page = open_view(f"{origin}/dashboard")
    expect(page.locator(".problem")).to_have_count(3)
    assert_axe_finds_nothing(page)


def test_axe_finds_nothing_in_a_question(show: Show) -> None:
    page = show("log")
    page.get_by_role("button", name="Delete all", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_axe_finds_nothing(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_theme_follows_the_system_until_it_is_chosen_and_the_choice_stays(lively: str, open_page: Open) -> None:
    page = load_view(open_page, lively, "doctor", theme="dark")

    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    dark = paper()
    page.emulate_media(color_scheme="light")
    light = paper()
    assert light != dark
    button = page.locator("#theme")
    button.click()
    assert paper() == light
    button.click()
    assert paper() == dark
    page.reload()
    expect(page.locator(".check h2").first).to_be_visible()
    assert paper() == dark
    button.click()
    assert paper() == light


def test_every_view_can_be_reached_with_the_keyboard_and_focus_is_seen(lively: str, open_page: Open) -> None:
    page = load_view(open_page, lively, "now")
    page.bring_to_front()
    wait_for(lambda: page.evaluate("document.hasFocus()"))  # else the key goes nowhere
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    expect(skip).to_be_focused()
    assert skip.bounding_box()["y"] >= 0  # type: ignore[index]
    for name in ("Tray Bridge", "Now", "Log", "Usage", "Try it", "Connect", "Keys", "Doctor", "Start"):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.textContent.trim()")
        assert focused == name
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        if name not in ("Tray Bridge", "Now"):
            page.keyboard.press("Enter")
            expect(page).to_have_title(re.compile(f"^{name}.* · Tray Bridge$"))


def test_nothing_moves_for_who_wants_it_still(show: Show) -> None:
    page = show("now")
    assert page.evaluate("document.getAnimations().length") == 0


def test_focus_stays_on_a_button_while_the_picture_changes(scene: Scene, origin: str, open_view: Open) -> None:
    page = open_view(f"{origin}/dashboard")
    button = page.get_by_role("button", name="Cancel the request of aider")
    button.focus()
    for tokens in (60, 90):
        requests = scene.snapshot().requests
        scene.show(requests=(*requests[:1], *(r for r in requests[1:2]), *requests[2:]), served=tokens)
        expect(page.locator(".facts")).to_contain_text(f"{tokens} served")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(button).to_have_count(0)
    assert scene.cancelled == ["req_7b20"]
