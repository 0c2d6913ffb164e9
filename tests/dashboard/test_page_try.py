"""The playground with a real server: asked again, edited, beside each other, kept over a reload, tried again."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from tests.dashboard.chromium import Open
from tests.dashboard.log_filler import chart_png
from tests.running_bridge import RunningBridge, directive, wait_for
from tray_bridge.machine.paths import log_folder
from tray_bridge.session_log import LogReader


def send(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.get_by_role("button", name="Send").click()


def test_a_conversation_survives_a_reload_and_a_question_can_be_edited(bridge: RunningBridge, open_page: Open) -> None:
    page = open_page(f"{bridge.url}/dashboard#/try")
    send(page, directive(text="The first answer."))
    expect(page.locator(".turn.assistant .note").first).to_contain_text("all in")
    page.reload()
    expect(page.locator(".turn.assistant")).to_contain_text("The first answer.")
    expect(page.locator(".turn.assistant .note")).to_contain_text("all in")
    expect(page.locator(".turn.assistant")).to_contain_text("Ended by the end of the answer · its exchange")
    send(page, directive(text="The second answer."))
    expect(page.locator(".turn.assistant").nth(1)).to_contain_text("The second answer.")
    page.get_by_role("button", name="Edit").first.click()
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.get_by_label("Your message")).to_have_value(directive(text="The first answer."))
    send(page, directive(text="Another answer."))
    expect(page.locator(".turn.assistant")).to_contain_text("Another answer.")
    # An answer, too, can be another one: what is asked next goes on from it.
    page.locator(".turn.assistant").get_by_role("button", name="Change").click()
    page.get_by_label("Text of Claude").fill("Put in its place.")
    page.get_by_role("button", name="Take it").click()
    expect(page.locator(".turn.assistant")).to_contain_text("Put in its place.")
    expect(page.locator(".turn.assistant .ending")).to_have_text("")  # no longer that exchange's answer
    # A question, too: what follows stays.
    page.locator(".turn.user").get_by_role("button", name="Change").click()
    page.get_by_label("Text of You").fill("Asked otherwise.")
    page.get_by_role("button", name="Take it").click()
    bridge.standin.clear()
    send(page, directive(text="Well."))
    expect(page.locator(".turn.assistant").nth(1)).to_contain_text("Well.")
    said = str(bridge.standin.requests[-1].body["messages"])
    assert "Asked otherwise." in said
    assert "Put in its place." in said
    assert "Another answer." not in said


def test_an_answer_goes_on_while_another_view_is_looked_at_and_a_question_that_was_left_is_offered_again(
    bridge: RunningBridge, open_page: Open
) -> None:
    page = open_page(f"{bridge.url}/dashboard#/try")
    send(page, directive(words=30))
    answer = page.locator(".turn.assistant")
    expect(answer.locator(".note")).to_contain_text("First token")
    page.get_by_role("link", name="Log", exact=True).click()
    expect(page.locator("main")).to_have_attribute("data-view", "log")
    page.get_by_role("link", name="Try it").click()
    expect(answer.locator(".note")).to_contain_text("all in")
    send(page, directive(words=30, hang_after=20))  # it does not end by itself
    expect(answer.last.locator(".note")).to_contain_text("First token")
    page.reload()
    expect(page.get_by_text("This question has no answer yet.")).to_be_visible()
    expect(page.locator(".turn.user")).to_have_count(2)
    page.get_by_role("button", name="Ask it again").click()
    expect(page.get_by_text("This question has no answer yet.")).to_be_hidden()
    expect(answer.last.locator(".note")).to_contain_text("First token")
    page.get_by_role("button", name="Stop").click()


def test_the_default_is_named_and_an_answer_says_how_it_ended_leads_to_its_exchange_and_lights_no_lamp(
    bridge: RunningBridge, open_page: Open
) -> None:
    page = open_page(f"{bridge.url}/dashboard#/try")
    models = page.get_by_label("Model", exact=True)
    expect(models.locator("option").first).to_have_text(re.compile("^Default: .*[Ss]onnet"))
    expect(models).to_have_value("")
    assert "default" not in models.locator("option").evaluate_all("all => all.map((one) => one.value)")
    send(page, directive(text="Hello there."))
    expect(page.locator(".turn.assistant")).to_contain_text("Hello there.")
    expect(page.locator(".turn.assistant")).to_contain_text("Ended by the end of the answer")
    page.get_by_role("link", name="its exchange").click()
    expect(page.locator(".exchange dl")).to_contain_text("sonnet")
    expect(page.locator(".exchange dl")).to_contain_text("Tray Bridge")
    expect(page.locator(".exchange .turn.answer")).to_contain_text("Hello there.")


def test_a_failed_question_can_be_tried_again(bridge: RunningBridge, open_page: Open) -> None:
    page = open_page(f"{bridge.url}/dashboard#/try")
    page.get_by_text("Other parameters").click()
    page.get_by_label("Parameters as JSON").fill('{"n": 0}')
    send(page, directive(text="At last."))
    expect(page.locator(".turn .problem")).to_be_visible()
    page.get_by_label("Parameters as JSON").fill("")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".turn.assistant")).to_have_count(1)
    expect(page.locator(".turn.assistant")).to_contain_text("At last.")


def test_two_models_answer_side_by_side_and_it_fits(bridge: RunningBridge, open_page: Open) -> None:
    page = open_page(f"{bridge.url}/dashboard#/try")
    page.get_by_label("Beside it").select_option(
        label=page.get_by_label("Beside it").locator("option").nth(2).inner_text()
    )
    send(page, directive(text=f"Said twice. {'word ' * 60}"))
    expect(page.locator(".beside .turn.assistant")).to_have_count(2)
    for number in (0, 1):
        expect(page.locator(".beside .turn").nth(number)).to_contain_text("Said twice.")
        expect(page.locator(".beside .turn").nth(number)).to_contain_text("all in")
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_text("What differs").click()
    expect(page.locator("details.part")).to_contain_text("The same.")
    page.get_by_role("button", name="Go on with this one").click()
    expect(page.locator(".beside .turn.chosen")).to_have_count(1)
    page.reload()  # both are kept, and which of them was chosen
    expect(page.locator(".beside .turn.assistant")).to_have_count(2)
    expect(page.locator(".beside .turn").nth(1)).to_contain_text("The conversation goes on from this answer.")
    expect(page.get_by_role("link", name="its exchange")).to_have_count(2)
    page.get_by_text("What differs").click()
    expect(page.locator("details.part")).to_contain_text("The same.")
    send(page, directive(text="Further."))
    expect(page.locator(".beside .turn").nth(3)).to_contain_text("Further.")
    expect(page.get_by_role("link", name="its exchange")).to_have_count(4)
    page.reload()
    expect(page.locator(".beside .turn.assistant")).to_have_count(2)
    expect(page.locator(".turn.assistant")).to_have_count(3)


def test_markdown_is_shown_on_request_and_runs_nothing(bridge: RunningBridge, open_page: Open) -> None:
    page = open_page(f"{bridge.url}/dashboard#/try")
    text = (
        "# Title\n\nA **bold** word, `code`.\n\n- one\n- two\n\n```\n<b>kept</b>\n```\n"
        "[safe](https://example.org/) [unsafe](javascript:alert(1)) <img src=x onerror=alert(2)>"
    )
    send(page, directive(text=text))
    answer = page.locator(".turn.assistant .text").nth(1)
    expect(answer).to_contain_text("**bold**")
    page.get_by_label("Show Markdown").check()
    expect(answer.locator("h4")).to_have_text("Title")
    expect(answer.locator("strong")).to_have_text("bold")
    expect(answer.locator("li")).to_have_count(2)
    expect(answer.locator("pre")).to_have_text("<b>kept</b>")
    expect(answer.locator("a")).to_have_count(1)
    expect(answer.locator("img")).to_have_count(0)
    page.get_by_label("Show Markdown").uncheck()
    expect(answer).to_contain_text("**bold**")


def test_an_exchange_with_tools_and_a_picture_is_asked_again_as_it_was(bridge: RunningBridge, open_page: Open) -> None:
    tool = {"name": "look", "description": "Look.", "parameters": {"type": "object", "properties": {}}}
    question = directive(text="I see bars.")
    body = {
        "model": "haiku",
        "max_tokens": 321,
        "temperature": 0.3,
        "metadata": {"run": "7"},
        "tools": [{"type": "function", "function": tool}],
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Earlier"},
            {"role": "assistant", "content": "Yes."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": question},
                    {"type": "image_url", "image_url": {"url": chart_png()}},
                ],
            },
        ],
    }
    answer = httpx.post(f"{bridge.base_url}/chat/completions", json=body, timeout=60)
    first = answer.headers["x-request-id"]
    log = LogReader(log_folder())
    wait_for(lambda: (log.get(first) or {}).get("outcome") == "completed")
    page = open_page(f"{bridge.url}/dashboard#/log/{first}")
    page.get_by_role("link", name="Ask again").click()
    expect(page.get_by_label("Your message")).to_have_value(question)
    expect(page.get_by_label("System prompt")).to_have_value("Be brief.")
    expect(page.locator(".pictures img")).to_have_count(1)
    expect(page.get_by_label("Model", exact=True)).to_have_value("haiku")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn.assistant").last).to_contain_text("I see bars.")
    href = page.get_by_role("link", name="its exchange").get_attribute("href")
    assert href
    second = href.rpartition("/")[2]
    wait_for(lambda: (log.get(second) or {}).get("outcome") == "completed")
    one, two = log.get(first), log.get(second)
    assert one
    assert two
    assert two["turn"] == one["turn"]
    assert {name: two["request"][name] for name in ("temperature", "metadata")} == {
        "temperature": 0.3,
        "metadata": {"run": "7"},
    }
    assert two["client"] == "Tray Bridge"
    assert two["conversation"] == one["conversation"]


def test_a_picture_can_be_added_and_taken_away(bridge: RunningBridge, open_page: Open, tmp_path: Path) -> None:
    import base64

    picture = tmp_path / "bars.png"
    picture.write_bytes(base64.b64decode(chart_png().partition(",")[2]))
    page = open_page(f"{bridge.url}/dashboard#/try")
    page.locator("#file").set_input_files([picture, picture])
    expect(page.locator(".pictures img")).to_have_count(2)
    page.get_by_role("button", name="Remove picture 1").click()
    expect(page.locator(".pictures img")).to_have_count(1)
    send(page, directive(text="Bars."))
    expect(page.locator(".turn.user img")).to_have_count(1)
    expect(page.locator(".turn.assistant")).to_contain_text("Bars.")
