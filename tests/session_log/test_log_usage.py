"""The book of usage: exact counts that outlive texts, programs and the index."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.session_log.log_fixtures import answer, begin, files, wait_until
from tray_bridge.errors import TrayBridgeError, UpstreamError
from tray_bridge.session_log import GROUPS, LogReader, SessionLog, UsageBook, as_csv, index, prices_of
from tray_bridge.session_log.prices import Price, cost_of
from tray_bridge.snapshots import ModelSnapshot
from tray_bridge.turns import TextDelta, TurnEnded, TurnStarted, Usage

USED = Usage(1000, 200, 5000, 400, 50)


def log_some(folder: Path, mode: str = "full") -> None:
    log = SessionLog(folder, mode)  # type: ignore[arg-type]
    log.open()
    for number in range(3):
        exchange = begin(log, f"{mode}-{number}")
        exchange.record(TurnStarted("claude-sonnet-5"))
        exchange.record(TextDelta("Yes"))
        exchange.record(TurnEnded("end_turn", USED))
        exchange.end("completed", status=200)
    begin(log, f"{mode}-failed").end("error", status=529, error=UpstreamError("Overloaded", status=529))
    log.close(10)


@pytest.mark.parametrize("mode", ["full", "metadata"])
def test_the_sums_are_those_of_the_answers_to_the_token(tmp_path: Path, mode: str) -> None:
    log_some(tmp_path, mode)
    total = LogReader(tmp_path).usage.report("day")["total"]
    assert (total["requests"], total["errors"]) == (4, 1)
    assert (total["input_tokens"], total["output_tokens"], total["thinking_tokens"]) == (3000, 600, 150)
    assert (total["cache_read_tokens"], total["cache_creation_tokens"]) == (15000, 1200)
    assert total["first_token_median"] is not None


def test_counts_outlive_the_texts_and_the_index(tmp_path: Path) -> None:
    log_some(tmp_path)
    reader = LogReader(tmp_path)
    reader.delete_all()
    assert files(tmp_path) == []
    for path in tmp_path.glob("index.db*"):
        path.unlink()
    assert LogReader(tmp_path).usage.report("model")["total"]["requests"] == 4


def test_each_exchange_counts_once_however_often_the_index_is_made(tmp_path: Path) -> None:
    for name in ("index.db*", "usage.db*", "*.db*"):
        if not files(tmp_path):
            log_some(tmp_path)
        for path in tmp_path.glob(name):
            path.unlink()
        assert LogReader(tmp_path).usage.report("day")["total"]["requests"] == 4


@pytest.mark.parametrize("harm", ["garbage", "cut", "no table"])
def test_a_broken_book_is_mended_from_itself_and_from_the_files(tmp_path: Path, harm: str) -> None:
    log_some(tmp_path)
    path = tmp_path / "usage.db"
    reader = LogReader(tmp_path)
    assert reader.usage.report("day")["total"]["requests"] == 4
    reader.usage.close()
    if harm == "garbage":
        path.write_bytes(b"no database " * 1000)
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:3000])
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("DROP TABLE answers")
        connection.close()
    total = LogReader(tmp_path).usage.report("day")["total"]
    assert (total["requests"], total["input_tokens"]) == (4, 3000)
    assert (tmp_path / "usage-broken.db").exists()
    # One that breaks while it is open, too.
    reader.usage.close()
    path.write_bytes(b"no database " * 1000)
    assert reader.usage.report("day")["total"]["requests"] in (0, 4)
    assert reader.usage.report("day")["total"]["requests"] == 4


def test_a_broken_book_keeps_the_counts_whose_texts_are_gone(tmp_path: Path) -> None:
    log_some(tmp_path)
    reader = LogReader(tmp_path)
    reader.delete_all()
    with sqlite3.connect(tmp_path / "usage.db") as connection:
        connection.execute("DROP TABLE prices")
    connection.close()
    assert reader.usage.prices() == {}
    assert LogReader(tmp_path).usage.report("day")["total"]["requests"] == 4


def test_groups(tmp_path: Path) -> None:
    log_some(tmp_path)
    book = LogReader(tmp_path).usage
    names = {by: [row["name"] for row in book.report(by)["rows"]] for by in ("day", "client", "key", "dialect")}
    today = f"{datetime.now():%Y-%m-%d}"
    assert names == {"day": [today], "client": ["curl"], "key": ["no key"], "dialect": ["openai_chat"]}
    by_model = {row["name"]: row["requests"] for row in book.report("model")["rows"]}
    assert by_model == {"claude-sonnet-5": 3, "sonnet": 1}
    assert book.report("day", since=time.time() + 60)["rows"] == []


def test_costs_are_worked_out_from_what_claude_code_tells(tmp_path: Path) -> None:
    log_some(tmp_path)
    models = (
        ModelSnapshot(
            "sonnet", "claude-sonnet-5", "Sonnet", "Efficient · $3/$15 per Mtok ($6/$22.50 for long prompts)"
        ),
        ModelSnapshot("odd", "claude-odd", "Odd", "Nobody knows"),
    )
    prices = prices_of(models)
    assert prices == {"claude-sonnet-5": Price(3, 15)}
    book = LogReader(tmp_path).usage
    assert book.report("day")["total"]["unpriced"] == 3
    book.learn_prices(prices, told_at=1000.0)
    report = LogReader(tmp_path).usage.report("day")
    one = 1000 * 3e-6 + 200 * 15e-6 + 5000 * 0.3e-6 + 400 * 3.75e-6
    assert report["total"]["cost"] == pytest.approx(3 * one)
    assert report["total"]["saved_by_cache"] == pytest.approx(3 * (5000 * 2.7e-6 - 400 * 0.75e-6))
    assert (report["total"]["unpriced"], report["prices_told_at"]) == (0, 1000.0)
    book.learn_prices(prices, told_at=1000.0 + 3600)
    assert book.report("day")["prices_told_at"] == 1000.0
    book.learn_prices(prices, told_at=1000.0 + 86400)
    assert book.report("day")["prices_told_at"] == 87400.0, "the same prices, told anew"
    assert cost_of(Price(3, 15), 0, 0, 0, 1_000_000) == pytest.approx((3.75, -0.75))


def test_prices_are_learnt_when_answers_are_counted_whether_or_not_somebody_looks(tmp_path: Path) -> None:
    log = SessionLog(tmp_path, prices=lambda: {"claude-sonnet-5": Price(3, 15)})
    log.open()
    answer(begin(log))
    log.close(10)
    report = LogReader(tmp_path).usage.report("day")
    assert report["total"]["cost"] == pytest.approx((3 * 3 + 2 * 15) * 1e-6, abs=1e-6)
    assert report["prices_told_at"] == pytest.approx(time.time(), abs=60)


def test_a_table_that_a_spreadsheet_opens_runs_no_formula(tmp_path: Path) -> None:
    log_some(tmp_path)
    report = LogReader(tmp_path).usage.report("client")
    report["rows"][0]["name"] = '=cmd|"/c calc"!A1'
    (row,) = csv.DictReader(io.StringIO(as_csv(report)))
    assert row["name"].startswith("'=")
    assert row["output_tokens"] == "600"


def test_what_is_older_than_a_year_is_forgotten(tmp_path: Path) -> None:
    log_some(tmp_path)
    path = files(tmp_path)[0]
    document = json.loads(path.read_bytes())
    old = tmp_path / "2020-01-01" / "100000.000-old.json"
    old.parent.mkdir()
    old.write_text(json.dumps(document | {"id": "old", "received": "2020-01-01T10:00:00.000+00:00"}))
    book = LogReader(tmp_path).usage
    assert book.report("day")["total"]["requests"] == 5
    book.forget_old()
    assert book.report("day")["total"]["requests"] == 4


OLD_TABLES = """
CREATE TABLE answers (
    file TEXT PRIMARY KEY, at REAL NOT NULL, client TEXT, key_name TEXT, model TEXT, dialect TEXT, outcome TEXT,
    input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER, cache_creation_tokens INTEGER,
    thinking_tokens INTEGER, first_token REAL
) WITHOUT ROWID;
CREATE TABLE prices (model TEXT PRIMARY KEY, input REAL, output REAL, told_at REAL);
"""


def test_odd_values_in_an_older_book_are_left_out_and_none_gets_in_again(tmp_path: Path) -> None:
    row = ["2026-01-01/a.json", 1.7e9, "curl", None, "m", "ollama", "completed", 1, 2, 3, 4, 5, 0.5]
    odd = {7: 10**18, 8: "x", 9: 5.5, 10: -1, 12: "x", 2: b"\xff"}
    with sqlite3.connect(tmp_path / "usage.db") as connection:
        connection.executescript(OLD_TABLES)
        put = f"INSERT INTO answers VALUES (?{', ?' * 12})"
        for place, value in odd.items():
            line = [f"2026-01-01/{place}.json", *row[1:]]
            line[place] = value
            connection.execute(put, line)
        connection.execute(put, row)
        connection.execute(put, ["2026-01-01/none.json", 1e300, *row[2:]])
        connection.execute("INSERT INTO prices VALUES ('m', 3, 15, 1), ('odd', 'x', NULL, 2)")
    connection.close()
    book = LogReader(tmp_path).usage
    for by in GROUPS:
        total = book.report(by)["total"]
        assert (total["requests"], total["input_tokens"], total["output_tokens"]) == (7, 6, 12)
        assert (total["first_token_median"], total["unpriced"]) == (0.5, 0)
    assert len(book.recent(0, 2e9)) == 6
    assert json.loads(json.dumps(book.report("client"), allow_nan=False))
    book.close()
    with sqlite3.connect(tmp_path / "usage.db") as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("UPDATE answers SET first_token = 'x'")
    connection.close()
    assert not (tmp_path / "usage-broken.db").exists()


@pytest.mark.parametrize("names", [["usage.db*"], ["usage.db*", "index.db*"]])
def test_a_book_that_is_deleted_while_two_programs_use_it_counts_all_again(tmp_path: Path, names: list[str]) -> None:
    log_some(tmp_path)
    log = SessionLog(tmp_path)
    log.open()
    readers = [LogReader(tmp_path), LogReader(tmp_path)]
    for number in range(2):
        assert [reader.usage.report("day")["total"]["requests"] for reader in readers] == [4 + number] * 2
        for name in names:
            for path in tmp_path.glob(name):
                path.unlink()
        for reader in readers if number else readers[:1]:
            assert reader.usage.report("day")["total"]["requests"] == 4 + number
        exchange = begin(log, f"later-{number}")
        answer(exchange)
        wait_until(lambda: log.under_way(exchange.id) is None)  # noqa: B023
        for reader in reversed(readers):
            assert reader.usage.report("day")["total"]["requests"] == 5 + number
    log.close(10)
    assert LogReader(tmp_path).usage.report("day")["total"]["requests"] == 6


def test_lines_that_somebody_took_out_of_the_book_are_counted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(index, "RECOUNT_SECONDS", 0.0)
    log_some(tmp_path)
    reader = LogReader(tmp_path)
    assert reader.usage.report("day")["total"]["requests"] == 4
    for _ in range(2):
        with sqlite3.connect(tmp_path / "usage.db") as connection:  # or an older copy was put there
            connection.execute("DELETE FROM answers WHERE file LIKE '%failed%'")
        connection.close()
        assert reader.usage.report("day")["total"]["requests"] == 4


def test_a_book_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "usage.db").mkdir()
    reader = LogReader(tmp_path)
    assert reader.search().total == 0
    with pytest.raises(TrayBridgeError, match=r"usage\.db cannot be read: unable to open") as told:
        reader.usage.report("day")
    assert "Make room" in told.value.hint


def test_a_book_that_was_made_anew_by_a_program_that_was_killed_is_filled(tmp_path: Path) -> None:
    log_some(tmp_path)
    assert LogReader(tmp_path).usage.report("day")["total"]["requests"] == 4
    for path in tmp_path.glob("usage.db*"):
        path.unlink()
    UsageBook(tmp_path).number()  # alone, as if the program had been killed now
    assert LogReader(tmp_path).usage.report("day")["total"]["requests"] == 4
