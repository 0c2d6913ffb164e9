"""What users, models and clients wrote is shown, and never runs."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page, expect

from tests.dashboard.chromium import Open
from tests.dashboard.log_filler import answer, call, question, write_exchange
from tests.dashboard.scene import Scene
from tray_bridge.api.page.last_hour import LastHour
from tray_bridge.errors import TrayBridgeError
from tray_bridge.snapshots import ModelSnapshot, Problem, RequestSnapshot

SCRIPT = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'><svg onload='window.pwned = 3'>"
LINK = "javascript:window.pwned=4"
RTL = "\u202egnp.exe\u202c \u2066isolated\u2069 עברית"
NUL = "before\x00after\x1b[31m\x7f"


def is_unharmed(page: Page) -> bool:
    return bool(page.evaluate("window.pwned === undefined && !document.querySelector('main script, main svg[onload]')"))


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_markup_in_every_part_of_an_exchange_is_shown_as_text(origin: str, log: Path, open_view: Open) -> None:
    request = {
        "model": SCRIPT,
        "user": SCRIPT,
        "tools": [{"type": "function", "function": {"name": SCRIPT, "description": SCRIPT, "parameters": {}}}],
        "messages": [
            {"role": SCRIPT, "name": SCRIPT, "content": SCRIPT},
            {"role": "system", "content": [{"type": "text", "text": SCRIPT}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": LINK}}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://evil.test/a.png"}}]},
            {"role": "user", "content": [{"type": "file", "file": {"filename": SCRIPT, "file_data": LINK}}]},
            {"role": "user", "content": [{"type": SCRIPT, SCRIPT: [SCRIPT]}, 7, None, [SCRIPT]]},
            {"role": "tool", "tool_call_id": SCRIPT, "content": SCRIPT},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": SCRIPT, "content": SCRIPT}]},
            {"role": "user", "content": SCRIPT},
        ],
    }
    events = [*call(SCRIPT, SCRIPT, SCRIPT)[:-1], *answer(SCRIPT, thinking=SCRIPT)[1:]]
    error = TrayBridgeError(SCRIPT, title=SCRIPT, hint=SCRIPT)
    write_exchange(log, "req_x", client=SCRIPT, request=request, events=events, outcome="error", error=error)
    page = open_view(f"{origin}/dashboard#/log/req_x")
    expect(page.locator(".turn.answer")).to_contain_text("<script>window.pwned")
    for summary in page.locator("summary").all():
        summary.click()
    expect(page.locator(".rows a")).to_contain_text("<script>")
    expect(page.locator(".turn.other")).to_contain_text("onerror")
    expect(page.locator(".exchange")).to_contain_text("http://evil.test/a.png")
    assert page.locator(".exchange a[href^=javascript], .exchange img").count() == 0
    for name in ("To Claude", "Raw JSON"):
        page.get_by_role("button", name=name).click()
        expect(page.locator(".exchange .inside")).to_contain_text("<script>window.pwned")
    assert is_unharmed(page)


def test_markup_in_the_live_state_is_shown_as_text(
    scene: Scene, origin: str, last_hour: LastHour, open_view: Open
) -> None:
    page = open_view(f"{origin}/dashboard")
    last_hour.failed("req_1", SCRIPT, TrayBridgeError(SCRIPT, title=SCRIPT))
    scene.show(
        requests=(RequestSnapshot("r1", SCRIPT, SCRIPT, True, 0.0, False, 3),),
        problem=Problem(SCRIPT, SCRIPT, SCRIPT),
        models=(ModelSnapshot(SCRIPT, SCRIPT, SCRIPT),),
    )
    expect(page.locator(".request", has_text="<script>")).to_have_count(1)
    expect(page.locator(".problems")).to_contain_text("onerror")
    expect(page.locator(".errors")).to_contain_text("<script>", timeout=5000)
    page.goto(f"{origin}/dashboard#/try")
    expect(page.locator("#model option").last).to_have_text(SCRIPT)
    assert is_unharmed(page)


def test_directions_and_control_characters_become_visible(origin: str, log: Path, open_view: Open) -> None:
    write_exchange(log, "req_x", client=RTL, request=question(f"{RTL}\n{NUL}\ud800"), events=answer(NUL))
    page = open_view(f"{origin}/dashboard#/log/req_x")
    expect(page.locator(".turn.user")).to_contain_text("⟨U+202E⟩gnp.exe⟨U+202C⟩")
    expect(page.locator(".turn.user")).to_contain_text("עברית")
    expect(page.locator(".turn.answer")).to_contain_text("before␀after␛[31m␡")
    expect(page.locator(".rows .told")).to_contain_text("⟨U+202E⟩")


def test_huge_texts_stay_within_the_page_and_are_shown_whole_only_when_asked(
    origin: str, log: Path, open_view: Open
) -> None:
    line = "x" * 2_000_000
    messages = [{"role": "user", "content": f"number {i}"} for i in range(300)]
    request = {"model": "sonnet", "messages": [*messages, {"role": "user", "content": line}]}
    write_exchange(log, "req_x", client="y" * 5000, request=request, events=answer("z" * 100_000))
    page = open_view(f"{origin}/dashboard#/log/req_x", width=360)
    expect(page.locator(".turn.answer")).to_be_visible()
    assert overflow(page) == 0
    expect(page.locator(".turn.user")).to_have_count(60)
    page.get_by_role("button", name="Show the 241 messages before").click()
    expect(page.locator(".turn.user")).to_have_count(301)
    last = page.locator(".turn.user").last
    assert len(last.locator(".text").text_content() or "") < 20_000
    last.get_by_role("button", name="Show all 2,000,000 characters").click()
    assert len(last.locator(".text").text_content() or "") == 2_000_000
    assert overflow(page) == 0


def test_markup_in_a_comparison_a_conversation_usage_and_what_is_asked_again_is_shown_as_text(
    origin: str, log: Path, open_view: Open
) -> None:
    request = question(SCRIPT, model=SCRIPT, user=SCRIPT)
    again = {
        **request,
        "tools": [{"type": "function", "function": {"name": SCRIPT}}],
        "messages": [
            *request["messages"],
            {"role": "assistant", "content": SCRIPT},
            {"role": "user", "content": f"{SCRIPT}!"},
        ],
    }
    write_exchange(log, "req_1", client=SCRIPT, request=request, events=answer(SCRIPT))
    write_exchange(log, "req_2", client=f"{SCRIPT}2", request=again, events=answer(f"{SCRIPT}\nmore"))
    page = open_view(f"{origin}/dashboard#/log/req_2?with=req_1")
    expect(page.locator(".exchange")).to_contain_text("Two exchanges")
    expect(page.locator(".difference").last).to_contain_text("more")
    expect(page.locator(".changes li").first).to_contain_text("Tools: added <script>")
    assert is_unharmed(page)
    page.goto(f"{origin}/dashboard#/log/req_2")
    page.get_by_role("link", name="Conversation of 2 exchanges").click()
    expect(page.locator(".talked")).to_contain_text("Conversation of 2 exchanges")
    page.get_by_role("button", name="Save this search").click()
    page.goto(f"{origin}/dashboard#/log?client={quote(SCRIPT)}&pick=req_1")
    page.get_by_role("button", name="Save this search").click()
    expect(page.locator(".saved-list li")).to_have_count(2)
    assert is_unharmed(page)
    for by in ("client", "model"):
        page.goto(f"{origin}/dashboard#/usage?by={by}")
        expect(page.locator("table")).to_contain_text("<script>" if by == "client" else "claude")
        assert is_unharmed(page)
        assert overflow(page) == 0
    page.goto(f"{origin}/dashboard#/try?from=req_2")
    expect(page.locator(".turn.assistant")).to_contain_text("<script>")
    page.get_by_label("Show Markdown").check()
    expect(page.locator(".turn.assistant")).to_contain_text("<script>")
    assert is_unharmed(page)
    assert overflow(page) == 0
