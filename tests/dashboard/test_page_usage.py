"""Usage as the page shows it: figures, charts that can be read without eyes, and files to take along."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from playwright.sync_api import expect

from tests.dashboard.chromium import Open
from tests.dashboard.log_filler import answer, fill, question, write_exchange


def test_figures_table_and_files_say_the_same(origin: str, log: Path, open_view: Open) -> None:
    for number in range(3):
        write_exchange(log, f"req_{number}", client="Zed", request=question("Hm"), events=answer("Ja", cached=360))
    write_exchange(log, "req_x", client="=evil()", request=question("Hm"), events=answer("Ja", tokens=20))
    page = open_view(f"{origin}/dashboard#/usage?by=client&days=7")
    figures = page.locator(".figures")
    expect(figures).to_contain_text("Requests4no errors")
    expect(figures).to_contain_text("Tokens in3,64030 % from the cache")
    expect(figures).to_contain_text("Tokens out560")
    cost = (4 * 640 * 3 + 560 * 15 + 3 * 360 * 0.3) / 1e6
    expect(figures).to_contain_text(f"${cost:.2f}")
    row = page.get_by_role("row", name="Zed")
    expect(row).to_contain_text("540")
    expect(page.get_by_role("row", name="All together")).to_contain_text("560")
    expect(page.locator(".usage")).to_contain_text("estimates at the API's prices")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"))))
    assert [(row["name"], row["output_tokens"]) for row in rows] == [("Zed", "540"), ("'=evil()", "20")]
    report = httpx.get(f"{origin}/dashboard/api/usage?by=client").json()
    assert report["total"]["output_tokens"] == 560


def test_the_choice_has_an_address_and_back_returns_to_the_one_before(origin: str, log: Path, open_view: Open) -> None:
    fill(log, 40)
    page = open_view(f"{origin}/dashboard#/usage")
    chart = page.get_by_role("img", name="days; most tokens")
    expect(chart.locator("rect").first).to_be_attached()
    page.get_by_label("By", exact=True).select_option("model")
    expect(page).to_have_title("Usage by model · Tray Bridge")
    expect(page.locator(".bar-list li")).not_to_have_count(0)
    page.reload()
    expect(page.get_by_label("By", exact=True)).to_have_value("model")
    page.go_back()
    expect(page.get_by_label("By", exact=True)).to_have_value("day")


def test_any_period_can_be_chosen_by_its_days(origin: str, log: Path, open_view: Open) -> None:
    today = datetime.now().replace(hour=12)
    for days in (0, 9, 10, 12):
        received = today - timedelta(days=days)
        write_exchange(log, f"req_{days}", client="Zed", request=question("Hm"), events=answer("Ja"), received=received)
    page = open_view(f"{origin}/dashboard#/usage")
    expect(page.locator(".figures")).to_contain_text("Requests4")
    page.get_by_label("Over").select_option("between")
    expect(page.locator(".figures")).to_contain_text("Requests1")
    page.get_by_label("From").fill(f"{today - timedelta(days=10):%Y-%m-%d}")
    expect(page.locator(".figures")).to_contain_text("Requests3")
    page.get_by_label("to", exact=True).fill(f"{today - timedelta(days=9):%Y-%m-%d}")
    expect(page.locator(".figures")).to_contain_text("Requests2")
    page.reload()
    expect(page.locator(".figures")).to_contain_text("Requests2")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert len(Path(download.value.path()).read_text("utf-8").splitlines()) == 3


def test_without_usage_it_says_so(origin: str, open_view: Open) -> None:
    page = open_view(f"{origin}/dashboard#/usage")
    expect(page.locator(".usage")).to_contain_text("Nothing was used")
