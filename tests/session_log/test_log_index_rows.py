"""What the index keeps of the files, row by row: when a folder is listed, when all is made again, and when not."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from tests.session_log.log_fixtures import answer, begin, wait_until
from tests.session_log.test_log_index import refuse, write
from tray_bridge.session_log import LogReader, SessionLog, index, search
from tray_bridge.session_log.index import Index
from tray_bridge.session_log.index_tables import Indexed, connect, drop_all, put
from tray_bridge.session_log.usage import KEPT_SECONDS, UsageBook

LONG_AGO = 1_000_000_000
TABLES = ("exchanges", "summaries", "blobs", "texts")


def write_some(folder: Path, count: int, first: int = 0, **document: Any) -> list[Path]:
    return [write(folder, first + number, {"outcome": "completed", **document}) for number in range(count)]


def rows(log: Index, query: str) -> list[Any]:
    with log.use() as connection:
        return connection.execute(query).fetchall()


def test_a_search_by_text_counts_to_a_bound_and_pages_go_on_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_some(tmp_path, 6, answer="a word")
    reader = LogReader(tmp_path)
    found = {}
    for bound in (2, 5, 6):
        monkeypatch.setattr(search, "COUNTED", bound)
        page = reader.search("word", limit=2)
        found[bound] = [one["id"] for one in page.exchanges], page.total, page.more
    assert found == {2: (["0", "1"], 2, True), 5: (["0", "1"], 5, True), 6: (["0", "1"], 6, False)}
    monkeypatch.setattr(search, "COUNTED", 2)
    page = reader.search("word", limit=2, offset=2)
    assert ([one["id"] for one in page.exchanges], page.total, page.more) == (["2", "3"], 4, True)
    assert reader.search("word", limit=0) == ([], 2, True)
    page = reader.search("word", limit=-1, offset=4)
    assert ([one["id"] for one in page.exchanges], page.total, page.more) == (["4", "5"], 6, False)


@pytest.mark.parametrize("text", [None, "word"])
def test_no_page_is_too_far_for_the_database(tmp_path: Path, text: str | None) -> None:
    write_some(tmp_path, 1, answer="a word")
    assert LogReader(tmp_path).search(text, limit=10**30, offset=10**30).exchanges == []


@pytest.mark.parametrize(("text", "found"), [("two w", 0), ("two wo", 0), ("two wor", 1), ("wo", 0), ("two", 1)])
def test_the_last_word_of_a_search_is_a_beginning_from_three_letters_on(tmp_path: Path, text: str, found: int) -> None:
    write_some(tmp_path, 1, answer="two words")
    assert LogReader(tmp_path).search(text).total == found


def test_an_exchange_without_an_end_is_under_way_or_unfinished(tmp_path: Path) -> None:
    write(tmp_path, 1, {"outcome": None})
    log = SessionLog(tmp_path)
    log.open()
    running = begin(log, "running")
    reader = LogReader(tmp_path)
    wait_until(lambda: reader.search().total == 2)
    assert [one["outcome"] for one in reader.search().exchanges] == ["in_progress", "unfinished"]
    answer(running)
    log.close()


def test_one_look_is_enough_to_know_that_the_program_of_an_exchange_is_gone(tmp_path: Path) -> None:
    write(tmp_path, 1, {"outcome": None})
    log = Index(tmp_path)
    log.refresh()
    assert rows(log, "SELECT outcome FROM exchanges") == [("unfinished",)]
    log.close()


def test_a_time_is_a_bound_to_the_millisecond(tmp_path: Path) -> None:
    write_some(tmp_path, 1)
    reader = LogReader(tmp_path)
    at = reader.search().exchanges[0]["at"]
    for since, until, found in ((at, None, 1), (at + 0.001, None, 0), (None, at, 0), (None, at + 0.001, 1)):
        assert reader.search(since=since, until=until).total == found


def test_the_book_of_usage_is_asked_from_the_oldest_exchange_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def count(_: UsageBook, since: float) -> int:
        asked.append(since)
        return 2

    monkeypatch.setattr(index, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(UsageBook, "count", count)
    log = Index(tmp_path)
    log.refresh()
    write_some(tmp_path, 2)
    log.refresh()
    log.refresh()
    assert asked == [0.0, 0.0, rows(log, "SELECT min(at) FROM exchanges")[0][0]]
    log.close()


def test_two_programs_that_take_in_one_exchange_at_once_both_succeed(tmp_path: Path) -> None:
    (path,) = write_some(tmp_path, 1)
    entry = index.read_entry(tmp_path, str(path.relative_to(tmp_path)))
    assert entry is not None
    first, second = Index(tmp_path), Index(tmp_path)
    second.add(())
    with ThreadPoolExecutor(1) as threads:
        with first.use(to_write=True) as connection:
            waiting = threads.submit(second.add, [entry])
            wait([waiting], 0.1)
            put(connection, entry)
        waiting.result(10)
    assert rows(first, "SELECT count(*) FROM exchanges") == [(1,)]
    first.close()
    second.close()


def test_a_day_whose_folder_was_deleted_by_hand_leaves_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "CHECK_SECONDS", 0.0)
    (path,) = write_some(tmp_path, 1, first=72)
    write_some(tmp_path, 1)
    os.utime(path.parent, (1, 1))
    log = Index(tmp_path)
    log.refresh()
    assert rows(log, "SELECT rows FROM days WHERE listed > 0") == [(1,)]
    path.unlink()
    path.parent.rmdir()
    monkeypatch.setattr(index, "read_entry", lambda *_: pytest.fail("the index is made again"))
    log.refresh()
    log.refresh()
    assert len(rows(log, "SELECT day FROM days")) == len(rows(log, "SELECT day FROM exchanges")) == 1
    log.close()


def test_an_index_that_was_made_again_is_kept_although_its_file_has_the_old_ones_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "inode", lambda path: 7 if path.exists() else 0)
    write_some(tmp_path, 3)
    log = Index(tmp_path)
    log.refresh()
    with pytest.raises(sqlite3.DatabaseError), log.use():
        raise sqlite3.DatabaseError("rows are missing")
    log.refresh()
    log.close()
    with log.use() as connection:
        connection.execute("CREATE TABLE mark (number)")
    log.close()
    assert rows(log, "SELECT count(*) FROM mark") == [(0,)]
    log.close()


def test_an_exchange_of_which_parts_are_left_is_not_written_beside_them(tmp_path: Path) -> None:
    (path,) = write_some(tmp_path, 1)
    entry = index.read_entry(tmp_path, str(path.relative_to(tmp_path)))
    assert entry is not None
    log = Index(tmp_path)
    log.add([entry])
    with pytest.raises(sqlite3.DatabaseError, match="rows are missing"), log.use() as connection:
        connection.execute("DELETE FROM exchanges")
        put(connection, entry)
    log.close()


def test_an_index_that_cannot_be_opened_now_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_some(tmp_path, 2)
    log = Index(tmp_path)
    log.refresh()
    log.close()

    def locked(path: Path | str, book: int = 0) -> sqlite3.Connection:
        if path != ":memory:":
            raise sqlite3.OperationalError("database is locked")
        return connect(path, book)

    with monkeypatch.context() as patch:
        patch.setattr(index, "connect", locked)
        patch.setattr(index, "discard", lambda _: pytest.fail("it is thrown away"))
        assert LogReader(tmp_path).search().total == 2, "in memory"
    assert rows(log, "SELECT count(*) FROM exchanges") == [(2,)]
    log.close()


def test_a_folder_that_has_just_changed_is_listed_again_and_one_that_rests_is_not(tmp_path: Path) -> None:
    (old,) = write_some(tmp_path, 1, first=72)
    (new,) = write_some(tmp_path, 1)
    os.utime(old.parent, ns=(LONG_AGO, LONG_AGO))
    log = Index(tmp_path)
    log.refresh()
    listed = dict(rows(log, "SELECT day, listed FROM days"))
    assert listed == {old.parent.name: LONG_AGO, new.parent.name: 0}
    log.close()


@pytest.mark.parametrize(
    ("quick", "sparing", "is_seen"), [(0, 1e15, False), (0, 0.0, True), (10**18, 1e15, True), (10**18, 0.0, True)]
)
def test_a_folder_that_takes_long_to_list_is_listed_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: int, sparing: float, is_seen: bool
) -> None:
    monkeypatch.setattr(index, "QUICK", quick)
    monkeypatch.setattr(index, "SPARING", sparing)
    day = write(tmp_path, 0, {"outcome": "completed"}).parent
    reader = LogReader(tmp_path)
    assert reader.search().total == 1
    (day / "000000.000-later.json").write_text(next(day.glob("*.json")).read_text().replace('"0"', '"later"'))
    assert reader.search().total == 1 + is_seen


def test_a_folder_that_took_a_second_to_list_is_listed_again_after_twenty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = write(tmp_path, 0, {"outcome": "completed"}).parent
    monkeypatch.setattr(index, "QUICK", 10_000_000)
    ticks, moment = iter(range(0, 10**12, 10**9)), [1000.0]
    monkeypatch.setattr(time, "perf_counter_ns", lambda: next(ticks))
    monkeypatch.setattr(time, "monotonic", lambda: moment[0])
    log = Index(tmp_path)
    log.refresh()
    (day / "000000.000-later.json").write_text(next(day.glob("*.json")).read_text().replace('"0"', '"later"'))
    moment[0] = 1019.75
    log.refresh()
    assert rows(log, "SELECT id FROM exchanges") == [("0",)]
    moment[0] = 1020.0
    log.refresh()
    assert len(rows(log, "SELECT id FROM exchanges")) == 2
    log.close()


def test_a_folder_that_takes_long_to_list_is_listed_at_once_for_an_index_that_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "QUICK", 0)
    monkeypatch.setattr(index, "SPARING", 1e15)
    write_some(tmp_path, 3)
    log = Index(tmp_path)
    log.refresh()
    with pytest.raises(sqlite3.DatabaseError), log.use():
        raise sqlite3.DatabaseError("rows are missing")
    log.refresh()
    assert rows(log, "SELECT count(*) FROM exchanges") == [(3,)]
    log.close()


def test_a_file_that_is_being_written_is_not_read(tmp_path: Path) -> None:
    (path,) = write_some(tmp_path, 1)
    path.with_name(f".{path.name}.json").write_bytes(path.read_bytes())
    path.with_name("notes.txt").write_bytes(path.read_bytes())
    assert LogReader(tmp_path).search().total == 1


def test_as_many_files_as_one_batch_has_are_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "BATCH", 5)
    write_some(tmp_path, 5)
    reader = LogReader(tmp_path, background=True)
    assert reader.search().total == 5
    write_some(tmp_path, 6, first=5)
    on: list[threading.Thread] = []
    real = index.read_entry

    def noted(folder: Path, file: str) -> Indexed | None:
        on.append(threading.current_thread())
        return real(folder, file)

    monkeypatch.setattr(index, "read_entry", noted)
    assert reader.search().total < 11
    wait_until(lambda: reader.progress is None)
    assert reader.search().total == 11
    assert {(thread.name, thread.daemon) for thread in on} == {("log-index", True)}, "no exit waits for it"


def test_a_book_of_usage_that_cannot_be_filled_has_all_read_again_once_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(UsageBook, "count", lambda *_: 0)
    write_some(tmp_path, 3)
    reads: list[str] = []
    real = index.read_entry

    def noted(folder: Path, file: str) -> Indexed | None:
        reads.append(file)
        return real(folder, file)

    monkeypatch.setattr(index, "read_entry", noted)
    reader = LogReader(tmp_path)
    for _ in range(4):
        assert reader.search().total == 3
    assert len(reads) == 6
    later = time.monotonic() + 3700
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert reader.search().total == 3
    assert len(reads) == 9


@pytest.mark.parametrize(
    ("hours", "outcome"),
    [(24 * 400, "completed"), (int(KEPT_SECONDS / 3600) - 12, "completed"), (0, "unfinished"), (0, None)],
)
def test_what_the_book_of_usage_does_not_count_is_not_missed_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int, outcome: str | None
) -> None:
    monkeypatch.setattr(index, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(UsageBook, "count", lambda *_: 0)
    write_some(tmp_path, 3, first=hours, outcome=outcome)
    log = Index(tmp_path)
    log.refresh()
    monkeypatch.setattr(index, "discard", lambda _: pytest.fail("the index is made again"))
    log.refresh()
    log.close()


def test_an_index_in_memory_is_made_behind_the_page_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "BATCH", 2)
    monkeypatch.setattr(os, "open", refuse)
    write_some(tmp_path, 5)
    reader = LogReader(tmp_path, background=True)
    reader.search()
    wait_until(lambda: reader.progress is None)
    assert reader.search().total == 5


def test_rows_that_were_deleted_are_looked_for_every_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_some(tmp_path, 1)
    moment, looks = [time.monotonic()], []
    monkeypatch.setattr(time, "monotonic", lambda: moment[0])
    monkeypatch.setattr(index, "check", lambda _: looks.append(moment[0]))
    log = Index(tmp_path)
    for seconds in (0.0, 0.0, 9.9, 0.2, 0.0, 10.0):
        moment[0] += seconds
        log.refresh()
    assert len(looks) == 3
    log.close()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_the_owner_may_read_the_index(tmp_path: Path) -> None:
    log = Index(tmp_path)
    log.add(())
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    log.close()


def test_the_database_forgets_what_is_deleted_and_waits_for_no_disk_at_each_row(tmp_path: Path) -> None:
    connection = connect(tmp_path / "index.db", 9)
    names = ("auto_vacuum", "secure_delete", "journal_mode", "synchronous", "cache_size", "application_id")
    assert [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names] == [2, 1, "wal", 1, -8000, 9]
    connection.close()


def test_a_database_that_another_program_is_making_is_waited_for(tmp_path: Path) -> None:
    connect(tmp_path / "index.db", 9).close()
    another = sqlite3.connect(tmp_path / "index.db", isolation_level=None)
    another.execute("BEGIN IMMEDIATE")
    waiting = threading.Thread(target=lambda: connect(tmp_path / "index.db", 9).close())
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    another.execute("COMMIT")
    waiting.join(30)
    assert not waiting.is_alive()
    another.close()


def test_a_connection_is_refused_to_a_database_of_another_book(tmp_path: Path) -> None:
    connect(tmp_path / "index.db", 9).close()
    connect(tmp_path / "index.db", 9).close()
    with pytest.raises(sqlite3.DatabaseError, match="another book"):
        connect(tmp_path / "index.db", 8)


WHOLE: dict[str, Any] = {
    "id": "Id",
    "client": "Zed \ud800",
    "key_name": "Laptop",
    "model": "Sonnet",
    "answered_by": "claude-SONNET-5",
    "dialect": "ollama",
    "outcome": None,
    "blobs": ["a" * 64 + ".png", "b" * 64 + ".pdf", "a" * 64 + ".png"],
    "answer": "Some Words \ud800",
    "conversation": {"thread": "t", "tip": "now", "parent": "before"},
}


def test_an_exchange_has_its_rows_in_every_table(tmp_path: Path) -> None:
    entry = index.indexed(
        {**WHOLE, "process": {"pid": 5}, "received": "2025-01-31T12:00:00.250+00:00"}, "2025-01-31/f", 7, 8
    )
    log = Index(tmp_path)
    log.add([entry])
    names = "number, file, id, day, at, client, key_name, model, dialect, outcome, who, models, size, changed, process"
    number = 1_738_324_800_250_000
    assert rows(log, f"SELECT {names}, tip, parent, thread, blobs FROM exchanges") == [
        (
            *(
                number,
                "2025-01-31/f",
                "Id",
                "2025-01-31",
                1_738_324_800.25,
                "Zed ?",
                "Laptop",
                "Sonnet",
                "ollama",
                None,
            ),
            *("zed ?\nlaptop", "sonnet\nclaude-sonnet-5", 7, 8, '{"pid": 5}', "now", "before", "t", 2),
        )
    ]
    assert rows(log, "SELECT name, number FROM blobs") == [("a" * 64 + ".png", number), ("b" * 64 + ".pdf", number)]
    assert rows(log, "SELECT rowid, words FROM texts") == [(number, "some words ?")]
    ((kept_number, summary),) = rows(log, "SELECT number, summary FROM summaries")
    assert (kept_number, json.loads(summary)) == (number, entry.summary)
    log.add(
        [
            index.indexed(
                {**WHOLE, "process": {}, "outcome": "error", "received": "2025-01-31T12:00:00.250+00:00"},
                "2025-01-31/f",
                9,
            )
        ]
    )
    assert rows(log, "SELECT number, outcome, process, size, changed FROM exchanges") == [(number, "error", None, 9, 0)]
    with log.use() as connection:
        drop_all(connection, ["2025-01-31/f", "2025-01-31/none"])
        counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in TABLES]
    assert counts == [(0,)] * 4
    log.close()


def test_exchanges_of_one_moment_are_all_kept_and_one_that_is_read_again_keeps_its_place(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path, 0, {"id": name, "outcome": "completed", "answer": f"answer {name}"})
    log = Index(tmp_path)
    log.refresh()
    before = rows(log, "SELECT number, id FROM exchanges ORDER BY number")
    assert [name for _, name in before] == ["a", "b", "c"]
    assert [number - before[0][0] for number, _ in before] == [0, 1, 2]
    (file,) = rows(log, "SELECT file FROM exchanges WHERE id = 'b'")[0]
    log.add([entry for entry in [index.read_entry(tmp_path, file)] if entry])
    assert rows(log, "SELECT number, id FROM exchanges ORDER BY number") == before
    log.close()


def test_what_was_deleted_leaves_its_day_to_be_listed_again(tmp_path: Path) -> None:
    path = write(tmp_path, 0, {"outcome": "completed"})
    write(tmp_path, 0, {"id": "another", "outcome": "completed"})
    os.utime(path.parent, ns=(LONG_AGO, LONG_AGO))
    reader = LogReader(tmp_path)
    reader.search()
    log = Index(tmp_path)
    assert rows(log, "SELECT listed FROM days") == [(LONG_AGO,)]
    assert reader.delete("0")
    assert rows(log, "SELECT listed, (SELECT count(*) FROM texts) FROM days") == [(0, 1)]
    log.close()


def test_an_index_that_goes_to_the_disk_is_tried_once_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_some(tmp_path, 1)
    tries: list[Path] = []
    moment = [time.monotonic()]

    def refuse(path: Path, *_: object) -> int:
        tries.append(path)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(time, "monotonic", lambda: moment[0])
    monkeypatch.setattr(os, "open", refuse)
    reader = LogReader(tmp_path)
    assert reader.search().total == 1
    counts = [len(tries)]
    for _ in range(2):
        assert reader.search().total == 1
    assert len(tries) == counts[0]
    for seconds in (59, 2, 1):
        moment[0] += seconds
        reader.search()
        counts.append(len(tries))
    assert counts[0] == counts[1] < counts[2] == counts[3]
