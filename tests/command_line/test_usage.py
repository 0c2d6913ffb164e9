"""`tray-bridge usage`: what the page's view Usage says, in the terminal."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.dashboard.log_filler import answer, question, write_exchange
from tray_bridge.command_line.arguments import make_parser
from tray_bridge.command_line.usage import cell, show_usage
from tray_bridge.session_log import LogReader, index
from tray_bridge.session_log.index_tables import Indexed
from tray_bridge.session_log.prices import Price


@pytest.fixture
def log(tmp_path: Path) -> Path:
    asked = question("Hm")
    for number, (client, days) in enumerate([("Zed", 0), ("Zed", 0), ("aider", 0), ("aider", 9)]):
        received = datetime.now() - timedelta(days=days, minutes=5)
        used = answer("Ja", cached=100)
        write_exchange(tmp_path, f"req_{number}", client=client, request=asked, events=used, received=received)
    LogReader(tmp_path).usage.learn_prices({"claude-sonnet-4-5-20250929": Price(3, 15)}, 1_795_000_000)
    return tmp_path


def run(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert show_usage(make_parser().parse_args(["usage", *arguments]), folder) == 0
    return capsys.readouterr().out


def test_it_says_the_same_in_a_table_as_csv_and_as_json(
    log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    report = json.loads(run(log, capsys, "--by", "client", "--json"))
    assert report == json.loads(json.dumps(LogReader(log).usage.report("client")))
    assert [(row["name"], row["output_tokens"]) for row in report["rows"]] == [("Zed", 360), ("aider", 360)]
    rows = list(csv.DictReader(io.StringIO(run(log, capsys, "--by", "client", "--csv"))))
    assert [(row["name"], float(row["cost"])) for row in rows] == [(row["name"], row["cost"]) for row in report["rows"]]
    table = run(log, capsys, "--by", "client")
    cost = 4 * (640 * 3 + 100 * 0.3 + 180 * 15) / 1e6
    for words in ("Client", "Zed", "aider", "2,560", "720", f"${cost:.2f}", "estimates at the API's prices", "2026;"):
        assert words in table
    monkeypatch.setenv("COLUMNS", "80")
    narrow = run(log, capsys)
    assert max(map(len, narrow.splitlines()[:3])) <= 80
    assert "A terminal of 120 columns shows more" in narrow


def test_a_terminal_is_told_how_far_a_missing_index_is(
    log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in log.glob("*.db*"):
        path.unlink()
    read_entry = index.read_entry

    def slowly(folder: Path, file: str) -> Indexed | None:
        time.sleep(0.06)
        return read_entry(folder, file)

    monkeypatch.setattr(index, "read_entry", slowly)
    monkeypatch.setattr(index, "BATCH", 1)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert show_usage(make_parser().parse_args(["usage", "--json"]), log) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["total"]["requests"] == 4
    assert re.search(r"The log's index is being made: [0-3] of 4", said.err)


def test_any_period_can_be_asked_for(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def requests(*period: str) -> int:
        return int(json.loads(run(log, capsys, "--json", *period))["total"]["requests"])

    assert [requests(), requests("--since", "2d"), requests("--until", "2d")] == [4, 3, 1]
    day = datetime.now() - timedelta(days=9, minutes=5)
    assert requests("--since", f"{day:%Y-%m-%d}", "--until", f"{day + timedelta(days=1):%Y-%m-%d}") == 1
    assert "No request in that time" in run(log, capsys, "--until", "300d")


def test_costs_below_a_cent_are_told() -> None:
    assert [cell("cost", cost) for cost in (0.0, 0.00042, -0.002, 0.01, 1234.5)] == [
        "$0.00",
        "$0.0004",
        "$-0.0020",
        "$0.01",
        "$1,234.50",
    ]
