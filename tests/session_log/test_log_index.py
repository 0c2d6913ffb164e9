"""The index against the files, which are the truth: every question, and every harm that may come to it."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.session_log.log_fixtures import answer, begin, wait_until
from tests.session_log.test_log_spoilt import page_of
from tray_bridge.session_log import LogReader, SessionLog, index
from tray_bridge.session_log.index_tables import Indexed, put
from tray_bridge.session_log.summary import words

WORDS = (
    "the",
    "theatre",
    "Straße",
    "foo_bar",
    "漢字",
    "İstanbul",
    "a-b",
    "42",
    "don't",
    "ÉTÉ",
    "été",
    "e\u0301te\u0301",
    "हिन्दी",
    "שָׁלוֹם",
    "x",
    "\ud800",
)
TEXTS = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
NOW = datetime.now().astimezone().replace(microsecond=0)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "model": draw(st.sampled_from(["sonnet", "Opus", None])),
        "answered_by": draw(st.sampled_from(["claude-sonnet-5", None])),
        "client": draw(st.sampled_from(["Zed", "aider", "curl"])),
        "key_name": draw(st.sampled_from(["Laptop", None])),
        "dialect": draw(st.sampled_from(["openai_chat", "ollama"])),
        "outcome": draw(st.sampled_from(["completed", "error", None])),
        "conversation": draw(st.sampled_from([None, {"thread": "t1", "tip": "a", "parent": None}, {"thread": "t2"}])),
        "answer": draw(TEXTS),
        "request": {"messages": [{"role": "user", "content": draw(TEXTS)}]},
        "tool_calls": draw(st.lists(st.just({"name": "read_file", "arguments": '{"path":"the end"}'}), max_size=1)),
    }


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "text": TEXTS | st.sampled_from(["th", "thea", "foo b", "read_f", "字", '"', "the end", "sse"]),
        "model": st.sampled_from(["son", "SONNET-5", "opus", "x"]),
        "client": st.sampled_from(["zed", "top", "a"]),
        "key": st.just("Laptop"),
        "outcome": st.sampled_from(["completed", "error", "unfinished"]),
        "dialect": st.just("ollama"),
        "thread": st.sampled_from(["t1", "t2", "t3"]),
        "since": st.integers(0, 12).map(lambda hours: (NOW - timedelta(hours=hours)).timestamp()),
        "until": st.integers(0, 12).map(lambda hours: (NOW - timedelta(hours=hours)).timestamp()),
    },
)


def write(folder: Path, number: int, document: dict[str, Any]) -> Path:
    received = NOW - timedelta(hours=number)
    whole = {"id": str(number), "received": received.isoformat(), "process": {}, "blobs": [], "timings": {}, **document}
    path = folder / f"{received:%Y-%m-%d}" / f"{received:%H%M%S}.000-{whole['id']}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def fits(number: int, document: dict[str, Any], filters: dict[str, Any]) -> bool:
    """What a scan of the file says."""
    at = (NOW - timedelta(hours=number)).timestamp()
    texts = [document["request"]["messages"][0]["content"], document["answer"]]
    texts += [f"{call['name']} {call['arguments']}" for call in document["tool_calls"]]
    names = {"model": ("model", "answered_by"), "client": ("client", "key_name")}
    return (
        (not filters.get("text", "").strip() or any(has_run(text, filters["text"]) for text in texts))
        and all(
            name not in filters or any(filters[name].casefold() in (document[field] or "").casefold() for field in both)
            for name, both in names.items()
        )
        and filters.get("key") in (None, document["key_name"])
        and filters.get("outcome") in (None, document["outcome"] or "unfinished")
        and filters.get("thread") in (None, (document["conversation"] or {}).get("thread"))
        and filters.get("dialect") in (None, document["dialect"])
        and filters.get("since", 0) <= at < filters.get("until", 4e9)
    )


def has_run(text: str, sought: str) -> bool:
    there, run = words(text).split(), words(sought).split()
    if not run:
        return False
    for start in range(len(there) - len(run) + 1):
        last = there[start + len(run) - 1]
        ends = last.startswith(run[-1]) if len(run[-1]) >= 3 else last == run[-1]
        if there[start : start + len(run) - 1] == run[:-1] and ends:
            return True
    return False


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    log=st.lists(documents(), max_size=8),
    questions=st.lists(FILTERS, min_size=1, max_size=8),
    lost=st.sets(st.integers(0, 7), max_size=2),
)
def test_every_question_is_answered_as_a_scan_of_the_files_would(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    log: list[dict[str, Any]],
    questions: list[dict[str, Any]],
    lost: set[int],
) -> None:
    monkeypatch.setattr(index, "discard", lambda _: pytest.fail("an error has made the index anew"))
    folder = tmp_path_factory.mktemp("log")
    paths = [write(folder, number, document) for number, document in enumerate(log)]
    reader = LogReader(folder)
    reader.search()
    for number in lost & set(range(len(log))):
        paths[number].unlink()
    for filters in questions:
        expected = [str(number) for number, one in enumerate(log) if number not in lost and fits(number, one, filters)]
        page = reader.search(**filters)
        assert ([one["id"] for one in page.exchanges], page.total) == (expected, len(expected)), filters
        second = reader.search(**filters, limit=2, offset=1)
        assert [one["id"] for one in second.exchanges] == expected[1:3]
        assert [one["id"] for one in reader.documents(**filters)] == expected[::-1]
    left = [one for number, one in enumerate(log) if number not in lost]
    fields = ("model", "client", "key_name", "dialect")
    assert reader.values() == {field: sorted({one[field] for one in left if one[field]}) for field in fields}
    times = {}
    for number, one in reversed(list(enumerate(log))):
        if number not in lost:
            times[one["client"]] = (NOW - timedelta(hours=number)).timestamp()
    assert reader.clients_seen() == times
    for thread in ("t1", "t3"):
        of_thread = {str(n) for n, one in enumerate(log) if n not in lost and fits(n, one, {"thread": thread})}
        assert reader.thread(thread).branches.keys() == of_thread
    reader.close()


@pytest.mark.parametrize(
    ("text", "sought"),
    [
        ("in İstanbul", "İstanbul"),
        ("ein Cafe\u0301 dort", "café"),
        ("ein Café dort", "CAFE\u0301 dort"),
        ("हिन्दी में", "हिन्दी"),
    ],
)
def test_an_accent_is_found_however_it_is_written(tmp_path: Path, text: str, sought: str) -> None:
    write(tmp_path, 0, {"answer": text, "outcome": "completed"})
    assert LogReader(tmp_path).search(sought).total == 1
    assert LogReader(tmp_path).search(f"{sought}x").total == 0


@pytest.mark.parametrize("harm", ["garbage", "another version", "no tables", "cut"])
def test_a_broken_or_old_index_is_made_again(tmp_path: Path, harm: str) -> None:
    for number in range(5):
        write(tmp_path, number, {"outcome": "completed", "answer": f"answer {number}"})
    LogReader(tmp_path).search()
    path = tmp_path / "index.db"
    if harm == "garbage":
        path.write_bytes(b"no database " * 1000)
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2])
    else:
        import sqlite3

        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 99" if harm == "another version" else "DROP TABLE texts")
        connection.close()
    reader = LogReader(tmp_path)
    assert reader.search("answer").total == 5
    assert LogReader(tmp_path).search("answer 3").total == 1


def test_an_index_that_is_deleted_while_it_is_used_is_made_again(tmp_path: Path) -> None:
    log = SessionLog(tmp_path)
    log.open()
    reader = LogReader(tmp_path)
    answer(begin(log, "one"))
    wait_until(lambda: reader.search(outcome="completed").total == 1)
    for path in tmp_path.glob("index.db*"):
        path.unlink()
    answer(begin(log, "two"))
    wait_until(lambda: reader.search(outcome="completed").total == 2)
    log.close()
    assert LogReader(tmp_path).search(outcome="completed").total == 2


def test_a_large_index_is_made_behind_the_page_and_tells_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "BATCH", 5)
    told: list[index.Progress] = []
    real = index.Progress

    def tell(done: int, total: int) -> index.Progress:
        told.append(real(done, total))
        return told[-1]

    monkeypatch.setattr(index, "Progress", tell)
    for number in range(40):
        write(tmp_path, number, {"outcome": "completed", "answer": f"answer {number}"})
    reader = LogReader(tmp_path, background=True)
    assert reader.search().total < 40
    assert reader.progress is None or reader.progress.total == 40
    assert asyncio.run(progress_of_usage(reader)) in (None, *([done, 40] for done in range(0, 40, 5)))
    wait_until(lambda: reader.progress is None)
    assert reader.search().total == 40
    assert told == [(done, 40) for done in range(0, 41, 5)]


async def progress_of_usage(reader: LogReader) -> object:
    async with page_of(reader) as page:
        return (await page.get("/usage")).json()["progress"]


def old_files(folder: Path) -> None:
    for number in range(60):
        write(folder, number, {"outcome": "completed", "answer": f"answer {number}"})
    for day in folder.iterdir():
        os.utime(day, (1, 1))  # so that a day is not compared again once it has been


def test_several_who_make_an_index_at_once_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_files(tmp_path)
    read: Counter[str] = Counter()
    real = index.read_entry

    def counted(folder: Path, file: str) -> Indexed | None:
        read[file] += 1
        return real(folder, file)

    monkeypatch.setattr(index, "BATCH", 5)
    monkeypatch.setattr(index, "read_entry", counted)
    readers = [LogReader(tmp_path) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        totals = list(threads.map(lambda reader: reader.search("answer").total, readers))
    assert totals == [60] * 4
    assert set(read.values()) == {1}, "no file is read twice, and no index is thrown away"


def test_an_index_that_is_lost_while_it_is_made_has_no_holes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_files(tmp_path)
    read: list[str] = []
    real = index.read_entry

    def lost(folder: Path, file: str) -> Indexed | None:
        read.append(file)
        if len(read) == 30:
            for path in tmp_path.glob("index.db*"):
                path.unlink()
        return real(folder, file)

    monkeypatch.setattr(index, "BATCH", 5)
    monkeypatch.setattr(index, "read_entry", lost)
    reader = LogReader(tmp_path)
    reader.search()
    assert reader.search().total == LogReader(tmp_path).search("answer").total == 60


def test_two_programs_that_index_the_same_exchange_do_no_harm(tmp_path: Path) -> None:
    entry = index.read_entry(tmp_path, str(write(tmp_path, 1, {"outcome": "completed"}).relative_to(tmp_path)))
    assert entry
    first, second = index.Index(tmp_path), index.Index(tmp_path)
    second.add(())
    with first.use(to_write=True) as connection:
        waiting = Thread(target=second.add, args=([entry],))
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive(), "what is looked up and what is written belong together"
        put(connection, entry)
    waiting.join(30)
    with first.use() as connection:
        assert connection.execute("SELECT count(*) FROM exchanges").fetchone() == (1,)
    with pytest.raises(sqlite3.IntegrityError), first.use() as connection:
        connection.execute("INSERT INTO exchanges SELECT * FROM exchanges")
    inode = first.path.stat().st_ino
    with first.use() as connection:
        assert connection.execute("SELECT count(*) FROM exchanges").fetchone() == (1,)
    assert first.path.stat().st_ino == inode, "a fault of the question is none of the database"
    first.close()
    second.close()


def test_what_was_deleted_is_not_taken_for_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_files(tmp_path)
    reader = LogReader(tmp_path)
    files = [one["file"] for one in reader.search(limit=-1).exchanges]
    reader.search()  # by now each day is known with its number of exchanges
    monkeypatch.setattr(index, "QUICK", 0)
    monkeypatch.setattr(index, "SPARING", 1e9)  # a folder so large that it is not listed again
    assert reader.discard(files[:1]) == 1
    monkeypatch.setattr(index, "read_entry", lambda *_: pytest.fail("the index is made again"))
    assert LogReader(tmp_path).search().total == 59


def test_the_index_of_version_0_1_goes(tmp_path: Path) -> None:
    old = write(tmp_path, 5 * 24, {"outcome": "completed"}).with_name("index.jsonl")
    old.write_text("{}\n")
    os.utime(old.parent, (1, 1))
    assert LogReader(tmp_path).search().total == 1
    assert not old.exists()


def test_a_folder_that_cannot_be_written_is_read_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 0, {"outcome": "completed", "answer": "here"})
    monkeypatch.setattr(os, "open", refuse)
    assert LogReader(tmp_path).search("here").total == 1
    assert not (tmp_path / "index.db").exists()


def test_an_index_in_memory_goes_to_the_disk_once_that_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 0, {"outcome": "completed", "usage": {"output_tokens": 7}})
    monkeypatch.setattr(index, "ROOM_SECONDS", 0.0)
    with monkeypatch.context() as full:
        full.setattr(os, "open", refuse)
        reader = LogReader(tmp_path)
        assert reader.search().total == 1
    assert not (tmp_path / "index.db").exists()
    assert reader.search().total == 1
    assert (tmp_path / "index.db").exists()
    assert reader.usage.report("day")["total"]["output_tokens"] == 7


def refuse(*_: object) -> int:
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM exchanges WHERE number IN (SELECT number FROM exchanges LIMIT 2)",
        "DELETE FROM texts WHERE rowid IN (SELECT number FROM exchanges LIMIT 2)",
        "DELETE FROM summaries",
        "DELETE FROM blobs",
        "DELETE FROM exchanges; DELETE FROM texts; DELETE FROM blobs; DELETE FROM summaries",
        "UPDATE summaries SET summary = '5'",
        "UPDATE exchanges SET outcome = NULL",
        "PRAGMA user_version = 99",
        "DROP TABLE days",
    ],
)
@pytest.mark.parametrize("is_open", [False, True])
def test_an_index_whose_rows_were_changed_by_hand_is_made_again(
    tmp_path: Path, harm: str, is_open: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "a" * 64 + ".png"
    for number in range(5):
        document = {"outcome": "completed", "answer": f"answer {number}", "blobs": [name]}
        write(tmp_path, number, document | {"conversation": {"thread": "t"}})
    for day in tmp_path.iterdir():
        if day.is_dir():
            os.utime(day, (1, 1))  # so that no folder is compared again
    reader = LogReader(tmp_path)
    reader.search()
    if not is_open:
        reader.close()
    with sqlite3.connect(tmp_path / "index.db") as connection:
        connection.executescript(harm)
    connection.close()
    if "exchanges WHERE" in harm and not is_open:
        for day in tmp_path.glob("????-*"):
            os.utime(day, (2, 2))  # so that it is compared at once
    else:
        monkeypatch.setattr(index, "CHECK_SECONDS", 0.0)  # as ten seconds later
    for asked in (reader, LogReader(tmp_path, background=True)):
        assert asked.search("answer").total == 5
        assert [one["id"] for one in asked.search(limit=2).exchanges] == ["0", "1"]
        assert len(asked.thread("t").branches) == 5
        assert asked.get("3") is not None
    assert reader.delete("3")
    with sqlite3.connect(tmp_path / "index.db") as connection:
        assert connection.execute("SELECT count(*) FROM blobs").fetchone() == (4,)
        assert connection.execute("PRAGMA user_version").fetchone() != (99,) or is_open
    connection.close()


def test_an_index_whose_rows_were_deleted_is_made_again_behind_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "BATCH", 5)
    old_files(tmp_path)
    LogReader(tmp_path).search()
    with sqlite3.connect(tmp_path / "index.db") as connection:
        connection.execute("DELETE FROM exchanges WHERE number % 2")
        connection.execute("DELETE FROM exchanges WHERE number IN (SELECT number FROM exchanges LIMIT 3)")
    connection.close()
    reader = LogReader(tmp_path, background=True)
    assert reader.search().total < 60
    wait_until(lambda: reader.progress is None)
    assert reader.search().total == 60
