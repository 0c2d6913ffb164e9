"""What is looked for and what is open has an address: reload, Back and a colleague's browser show the same."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.dashboard.chromium import Open
from tests.dashboard.log_filler import answer, fill, question, write_exchange
from tests.running_bridge import RunningBridge, directive, wait_for
from tray_bridge.errors import UpstreamError
from tray_bridge.session_log import LogReader
from tray_bridge.session_log.index import Progress
from tray_bridge.turns import Message, Text, Turn


def test_a_search_keeps_its_address_over_reload_and_back(origin: str, log: Path, open_view: Open) -> None:
    fill(log, 60)
    page = open_view(f"{origin}/dashboard#/log")
    rows = page.locator(".rows a")
    page.get_by_label("Search").fill("number 17")
    expect(rows).to_have_count(1)
    page.get_by_label("Outcome").select_option("completed")
    expect(page).to_have_url(re.compile(r"#/log\?text=number\+17&outcome=completed$"))
    expect(page).to_have_title("“number 17”, Completed · Log · Tray Bridge")
    page.reload()
    expect(page.get_by_label("Search")).to_have_value("number 17")
    expect(rows).to_have_count(1)
    rows.first.click()
    expect(page.locator(".exchange .turn.user")).to_contain_text("number 17")
    expect(page).to_have_title(re.compile(r"number 17 · Log · Tray Bridge$"))
    page.reload()
    expect(rows).to_have_count(1)
    expect(page.locator(".exchange .turn.user")).to_contain_text("number 17")
    page.go_back()
    page.go_back()
    expect(page.get_by_label("Outcome")).to_have_value("")
    expect(page.get_by_label("Search")).to_have_value("number 17")


def test_an_address_with_a_filter_that_the_log_no_longer_has_finds_nothing(
    origin: str, log: Path, open_view: Open
) -> None:
    fill(log, 5)
    page = open_view(f"{origin}/dashboard#/log?model=gone")
    expect(page.locator(".results [role=status]")).to_have_text("Nothing fits.")
    expect(page.get_by_label("Model")).to_have_value("gone")


def test_an_odd_address_breaks_no_view(origin: str, log: Path, open_view: Open) -> None:
    fill(log, 5)
    page = open_view(f"{origin}/dashboard#/constructor")
    expect(page).to_have_title("Now · Tray Bridge")
    for address, told in (
        ("#/log/%E0%A4%A", "The log has no such exchange."),
        ("#/log?outcome=constructor&dialect=toString", "Nothing fits."),
        (f"#/log?text={'x' * 1001}", "text may have 1000 characters, not 1001."),
        ("#/log?time=soon", "5 exchanges"),
        ("#/usage?by=constructor&days=valueOf", "All together"),
        ("#/usage?days=between&from=2026-02-31&to=2000-01-01", "Its first day is after its last."),
        ("#/usage?days=between&from=0001-01-01&to=9999-12-31", "All together"),
        ("#/try?from=none", "The log has no such exchange."),
        ("#/try", "Ask something, and the answer appears here"),
    ):
        page.evaluate("address => { location.hash = address; }", address)
        expect(page.locator("main")).to_contain_text(told)


def test_spoilt_storage_breaks_no_view(origin: str, log: Path, open_view: Open) -> None:
    page = open_view(f"{origin}/dashboard#/log?outcome=error")
    kept = {
        "messages": [None, {"role": "user", "content": "Still here"}],
        "pictures": 5,
        "told": [],
        "pair": {"at": "x"},
    }
    page.evaluate("kept => { sessionStorage.try = JSON.stringify(kept); localStorage.searches = '{}'; }", kept)
    page.reload()
    expect(page.get_by_role("button", name="Save this search")).to_be_visible()
    page.evaluate("""localStorage.searches = '[null, {"name": "x", "address": "javascript:alert(1)"}]'""")
    page.reload()
    expect(page.get_by_role("button", name="Save this search")).to_be_visible()
    assert page.locator(".saved-list li").count() == 0
    page.evaluate("location.hash = '#/try'")
    expect(page.locator(".talk")).to_contain_text("Still here")


def test_a_refused_request_with_odd_content_is_shown_compared_and_asked_again(
    origin: str, log: Path, open_view: Open
) -> None:
    calls = [{"role": "assistant", "tool_calls": [None, {"function": None}]}, {"role": "user", "content": [None]}]
    pictures = [{"type": "image_url"}, {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]
    odd: list[dict[str, Any]] = [
        {"messages": 5, "tools": 5},
        {"messages": calls, "tools": [None], "system": 5},
        {"messages": [{"role": "user", "content": pictures}]},
    ]
    for number, request in enumerate(odd):
        error = UpstreamError("Odd.", status=400)
        write_exchange(
            log, f"req_{number}", client="curl", request=request, error=error, outcome="error", understood=False
        )
    page = open_view(f"{origin}/dashboard#/log")
    for number in range(3):
        page.evaluate("address => { location.hash = address; }", f"#/log/req_{number}")
        expect(page.locator(".exchange header code")).to_have_text(f"req_{number}")
        page.evaluate("address => { location.hash = address; }", f"#/log/req_{number}?with=req_{(number + 1) % 3}")
        expect(page.locator(".exchange h1")).to_have_text("Two exchanges")
        page.evaluate("address => { location.hash = address; }", f"#/try?from=req_{number}")
        expect(page.locator(".try a[href^='#/log/']")).to_have_attribute("href", f"#/log/req_{number}")
    expect(page.locator(".pictures")).to_contain_text("https://example.org/a.png")


def test_a_search_can_be_kept_and_forgotten(origin: str, log: Path, open_view: Open) -> None:
    fill(log, 20)
    page = open_view(f"{origin}/dashboard#/log?outcome=error")
    page.get_by_role("button", name="Save this search").click()
    page.goto(f"{origin}/dashboard#/now")
    page.goto(f"{origin}/dashboard#/log")
    page.get_by_role("link", name="Error", exact=True).click()
    expect(page.get_by_label("Outcome")).to_have_value("error")
    page.get_by_role("button", name="Forget the search Error").click()
    expect(page.locator(".saved-list li")).to_have_count(0)


def test_the_oldest_of_many_kept_searches_gives_way_to_a_new_one(origin: str, log: Path, open_view: Open) -> None:
    page = open_view(f"{origin}/dashboard#/log")
    kept = [{"name": f"Search {number}", "address": f"#/log?text={number}"} for number in range(20)]
    page.evaluate("kept => { localStorage.searches = JSON.stringify(kept); }", kept)
    page.evaluate("location.hash = '#/log?outcome=error'")
    page.get_by_role("button", name="Save this search").click()
    names = [f"Search {number}" for number in range(1, 20)]
    expect(page.locator(".saved-list a")).to_have_text([*names, "Error"])


def test_the_cause_of_an_error_stands_before_all_else(origin: str, log: Path, open_view: Open) -> None:
    many = [{"role": "user", "content": f"line {number}\n" * 20} for number in range(40)]
    error = UpstreamError("The servers are overloaded.", status=529)
    request = {"model": "sonnet", "messages": many}
    write_exchange(log, "req_bad", client="Zed", request=request, outcome="error", status=529, error=error)
    page = open_view(f"{origin}/dashboard#/log/req_bad")
    cause = page.locator(".exchange header .problem")
    expect(cause).to_contain_text("The servers are overloaded.")
    expect(page.locator(".exchange .problem")).to_have_count(1)
    box = cause.bounding_box()
    assert box
    assert box["y"] < 400


def test_the_exchanges_of_a_conversation_are_a_thread_and_can_be_compared(
    origin: str, log: Path, open_view: Open
) -> None:
    now = datetime.now()
    messages: list[dict[str, Any]] = []
    for number, (asked, said) in enumerate(
        [("Why is it so?", "Because."), ("And then?", "Nothing."), ("Sure?", "Yes.")]
    ):
        messages.append({"role": "user", "content": asked})
        request = {"model": "sonnet", "messages": list(messages), "temperature": number}
        received = now - timedelta(minutes=10 - number)
        write_exchange(
            log, f"req_{number}", client="Zed", request=request, events=answer(said, cached=9), received=received
        )
        messages.append({"role": "assistant", "content": said})
    write_exchange(log, "req_other", client="Zed", request=question("Something else"), events=answer("Fine."))
    page = open_view(f"{origin}/dashboard#/log/req_2")
    page.get_by_role("link", name="Conversation of 3 exchanges").click()
    expect(page.locator(".rows a")).to_have_count(3)
    expect(page.locator(".talked")).to_have_text(
        "Conversation of 3 exchanges · 1,947 tokens in (27 from the cache) · 540 out"
    )
    page.locator(".rows a").first.click()
    page.get_by_role("link", name="Compare with the one before").click()
    pane = page.locator(".exchange")
    expect(pane).to_contain_text("begins with the whole first one")
    expect(pane).to_contain_text("Added: Message 4, assistant · Message 5, user")
    expect(pane.locator("section", has_text="Parameters").locator("del")).to_contain_text('"temperature": 1')
    expect(pane.locator("section", has_text="Answers").locator("ins")).to_contain_text("Yes.")
    page.reload()
    expect(page.locator(".exchange h1")).to_have_text("Two exchanges")


def test_any_two_exchanges_can_be_compared(origin: str, log: Path, open_view: Open) -> None:
    fill(log, 70)
    for name, minutes, temperature in (("req_old", 50, 0.1), ("req_new", 5, 0.9)):
        request = question("How?", temperature=temperature)
        received = datetime.now() - timedelta(minutes=minutes)
        write_exchange(log, name, client="Zed", request=request, events=answer(name), received=received)
    page = open_view(f"{origin}/dashboard#/log/req_new?client=Zed")
    page.get_by_role("link", name="Compare with another").click()
    expect(page.get_by_text("Choose the exchange to compare with")).to_be_visible()
    page.get_by_label("Search").fill("req_old")
    expect(page.locator(".rows a")).to_have_count(1)
    page.reload()
    expect(page.locator(".picker")).to_be_visible()
    page.locator(".rows a").click()
    pane = page.locator(".exchange")
    expect(pane).to_contain_text("Two exchanges")
    expect(page.locator(".picker")).to_be_hidden()
    expect(pane.locator("section", has_text="Parameters").locator("del")).to_contain_text("0.1")
    expect(pane.locator("section", has_text="Answers").locator("ins")).to_contain_text("req_new")
    expect(pane).to_contain_text("45 min lie between them: a cache that nothing reads is kept for five minutes.")
    page.go_back()
    page.get_by_role("button", name="Cancel").click()
    expect(page).to_have_url(re.compile("#/log/req_new"))
    expect(pane.locator("h1")).to_have_text("Completed")


def test_a_conversation_that_was_edited_shows_its_branches(origin: str, log: Path, open_view: Open) -> None:
    now = datetime.now()

    def ask(number: int, *said: str) -> None:
        messages = [{"role": "assistant" if i % 2 else "user", "content": text} for i, text in enumerate(said)]
        request = {"model": "sonnet", "messages": messages}
        received = now - timedelta(minutes=10 - number)
        write_exchange(log, f"req_{number}", client="Zed", request=request, events=answer("So."), received=received)

    ask(0, "Why?")
    ask(1, "Why?", "So.", "And then?")
    ask(2, "Why?", "So.", "Rather this?")  # edited
    ask(3, "Why?", "So.", "Rather this?", "So.", "Sure?")
    page = open_view(f"{origin}/dashboard#/log/req_0")
    page.get_by_role("link", name="Conversation of 4 exchanges").click()
    rows = page.locator(".rows a")
    expect(rows.first).to_have_attribute("data-lane", "1")  # the whole log has these four rows, too, without lanes
    expect(rows).to_have_count(4)
    told = [(row.get_attribute("data-id"), row.get_attribute("data-lane")) for row in rows.all()]
    assert told == [("req_3", "1"), ("req_2", "1"), ("req_1", None), ("req_0", None)]
    expect(page.locator('[data-id="req_1"]')).to_contain_text("branch 1 of 2")
    expect(page.locator('[data-id="req_2"]')).to_contain_text("branch 2 of 2")
    expect(page.locator('[data-id="req_3"]')).not_to_contain_text("branch")


def test_a_broken_prefix_is_named(origin: str, log: Path, open_view: Open) -> None:
    for name, system in (("req_a", "It is 10:00.\nBe brief."), ("req_b", "It is 10:01.\nBe brief.")):
        turn = Turn("sonnet", (Message("user", (Text("Hm"),)),), (system,))
        write_exchange(log, name, client="Zed", request=question("Hm"), events=answer("Ja"), turn=turn)
    page = open_view(f"{origin}/dashboard#/log/req_b?with=req_a")
    pane = page.locator(".exchange")
    expect(pane).to_contain_text("First difference: System prompt 1")
    expect(pane.locator(".changes li")).to_have_text(["System prompt: changed.", "Messages: the same."])
    expect(pane.locator("section", has_text="Prompt").locator("del").first).to_contain_text("It is 10:00.")
    expect(pane.locator("section", has_text="Prompt").locator("ins").first).to_contain_text("It is 10:01.")


DIALECTS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "openai_responses": (
        "/v1/responses",
        {
            "model": "sonnet",
            "instructions": "Be brief.",
            "input": [
                {"type": "function_call", "call_id": "call_7", "name": "look", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_7", "output": "seen"},
                {"role": "user", "content": "Asked thus"},
            ],
        },
        "client.responses.create",
        "print(answer.output_text)",
    ),
    "openai_completions": (
        "/v1/completions",
        {"model": "sonnet", "prompt": "Asked thus", "max_tokens": 5},
        "client.completions.create",
        "choices[0].text",
    ),
    "anthropic_messages": (
        "/v1/messages",
        {"model": "sonnet", "max_tokens": 9, "system": "Hm", "messages": [{"role": "user", "content": "Asked thus"}]},
        "client.messages.create",
        "from anthropic import Anthropic",
    ),
    "ollama": (
        "/api/generate",
        {"model": "sonnet", "prompt": "Asked thus"},
        'httpx.stream("POST", ',
        "answer.iter_lines()",
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_request_of_any_dialect_is_read_and_copied_in_its_own(
    origin: str, log: Path, open_view: Open, dialect: str
) -> None:
    endpoint, request, call, read = DIALECTS[dialect]
    turn = Turn("sonnet", (Message("user", (Text("Asked thus"),)),))
    write_exchange(
        log, "req_d", client="Zed", request=request, events=answer("So"), dialect=dialect, endpoint=endpoint, turn=turn
    )
    page = open_view(f"{origin}/dashboard#/log/req_d?text=asked+thus")
    expect(page.locator(".rows a")).to_have_count(1)
    expect(page.locator(".exchange .turn.user")).to_contain_text("Asked thus")
    if dialect == "openai_responses":
        expect(page.locator(".turn.function_call h3")).to_have_text("Tool call")
        expect(page.locator(".turn.tool h3")).to_have_text("Tool resultcall_7")
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    curl = page.evaluate("navigator.clipboard.readText()")
    assert curl.startswith(f"curl -N {origin}{endpoint} ")
    assert json.loads(curl.partition("<<'JSON'\n")[2].rpartition("\nJSON")[0]) == request
    page.get_by_role("button", name="Copy as Python").click()
    expect(page.get_by_role("button", name="Copied")).to_have_count(2)
    source = page.evaluate("navigator.clipboard.readText()")
    ast.parse(source)
    assert call in source
    assert read in source


def test_an_exchange_can_be_taken_out(origin: str, log: Path, open_view: Open) -> None:
    write_exchange(log, "req_x", client="Zed", request=question("My secret"), events=answer("Hush, tb-abcdefgh1234."))
    page = open_view(f"{origin}/dashboard#/log/req_x")
    page.get_by_text("Take out").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Markdown").click()
    assert "My secret" in Path(download.value.path()).read_text("utf-8")
    with page.expect_download() as download:
        page.get_by_role("link", name="HAR").click()
    (entry,) = json.loads(Path(download.value.path()).read_text("utf-8"))["log"]["entries"]
    assert entry["request"]["url"] == f"{origin}/v1/chat/completions"
    page.get_by_label("Strike out names").check()
    page.get_by_role("button", name="Copy the report").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    report = page.evaluate("navigator.clipboard.readText()")
    assert "Tray Bridge" in report
    assert not [secret for secret in ("My secret", "Hush", "Zed", "tb-") if secret in report]
    page.get_by_label("Strike out texts").uncheck()
    page.get_by_role("button", name="Copied").wait_for(state="hidden")
    page.get_by_role("button", name="Copy the report").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    report = page.evaluate("navigator.clipboard.readText()")
    assert "My secret" in report
    assert "tb-abcdefgh1234" not in report


def test_a_search_can_be_taken_out(origin: str, log: Path, open_view: Open) -> None:
    fill(log, 30)
    write_exchange(log, "req_other", client="Nobody", request=question("Unlike"), events=answer("Alike"))
    page = open_view(f"{origin}/dashboard#/log?client=Nobody")
    expect(page.locator(".rows a")).to_have_count(1)
    with page.expect_download() as download:
        page.locator(".exports").get_by_role("link", name="JSONL").click()
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["req_other"]


@pytest.mark.skipif(shutil.which("curl") is None or os.name != "posix", reason="needs a shell with curl")
def test_what_is_taken_out_as_curl_or_python_asks_the_same_again(bridge: RunningBridge) -> None:
    name = f"twice-{time.time_ns()}"
    for number in range(2):
        body = question(directive(text=f"It's \\{number}\n'said'"), "haiku")
        httpx.post(f"{bridge.base_url}/chat/completions", json=body, headers={"user-agent": name}, timeout=60)
    address = f"{bridge.url}/dashboard/api/export"
    wait_for(lambda: httpx.get(address, params={"client": name, "form": "jsonl"}).text.count("\n") == 2)
    for form, program in (("sh", "sh"), ("py", sys.executable)):
        script = httpx.get(address, params={"client": name, "form": form}).text
        said = subprocess.run([program], input=script, capture_output=True, encoding="utf-8", timeout=60)
        assert said.returncode == 0, said.stderr
        frames = [json.loads(line[6:]) for line in said.stdout.splitlines() if line.startswith("data: {")]
        texts = "".join(frame["choices"][0]["delta"].get("content") or "" for frame in frames)
        assert texts == "It's \\0\n'said'It's \\1\n'said'"


def test_a_log_whose_index_is_being_made_says_how_far_it_is(
    origin: str, log: Path, open_view: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(log, 5)
    monkeypatch.setattr(LogReader, "progress", Progress(1200, 100_000))
    page = open_view(f"{origin}/dashboard#/log")
    expect(page.locator(".results [role=status]")).to_contain_text("The index is being made: 1,200 of 100,000")
    monkeypatch.undo()
    expect(page.locator(".results [role=status]")).to_have_text("5 exchanges")
