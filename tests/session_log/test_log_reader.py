from __future__ import annotations

import base64
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.session_log.log_fixtures import PNG, answer, begin, files, wait_until
from tray_bridge.errors import InvalidRequestError
from tray_bridge.machine.private_files import TEMPORARY_SUFFIX
from tray_bridge.session_log import LogReader, SessionLog
from tray_bridge.session_log.retention import discard_old

LATER = 4e9  # in the year 2096


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """Three exchanges: one answered, one failed, one whose client went away."""
    log = SessionLog(tmp_path)
    log.open()
    answer(begin(log, "first", "What is a Straße?"), "A road.")
    time.sleep(0.002)
    failed = begin(log, "second", "Hm", model="opus")
    failed.end("error", status=400, error=InvalidRequestError("messages is empty"))
    time.sleep(0.002)
    begin(log, "third", "Draw", model="gpt-4o").end("disconnected", status=200)
    log.close()
    return tmp_path


def ids(reader: LogReader, *args: Any, **filters: Any) -> list[str]:
    return [summary["id"] for summary in reader.search(*args, **filters).exchanges]


def test_exchanges_are_listed_newest_first(filled: Path) -> None:
    assert ids(LogReader(filled)) == ["third", "second", "first"]


def test_a_page_tells_the_whole_number(filled: Path) -> None:
    page = LogReader(filled).search(limit=1, offset=1)
    assert ([summary["id"] for summary in page.exchanges], page.total) == (["second"], 3)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"text": "STRASSE"}, ["first"]),
        ({"text": "a ROAD"}, ["first"]),
        ({"text": "messages is empty"}, ["second"]),
        ({"text": "nowhere"}, []),
        ({"text": '"'}, []),
        ({"text": "file"}, []),
        ({"text": "is  a\n"}, ["first"]),
        ({"text": "road", "limit": sys.maxsize}, ["first"]),
        ({"text": "road", "limit": -1}, ["first"]),
        ({"model": "op"}, ["second"]),
        ({"model": "sonnet-5"}, ["first"]),
        ({"client": "CURL"}, ["third", "second", "first"]),
        ({"outcome": "disconnected"}, ["third"]),
        ({"outcome": "error", "text": "hm"}, ["second"]),
        ({"since": 0.0, "until": LATER}, ["third", "second", "first"]),
        ({"since": LATER}, []),
        ({"until": 0.0}, []),
    ],
)
def test_filters(filled: Path, filters: dict[str, Any], found: list[str]) -> None:
    assert ids(LogReader(filled), **filters) == found


def test_what_is_written_later_is_found_by_the_same_reader(filled: Path) -> None:
    reader = LogReader(filled)
    assert reader.search().total == 3
    log = SessionLog(filled)
    log.open()
    answer(begin(log, "fourth"))
    log.close()
    assert ids(reader) == ["fourth", "third", "second", "first"]
    files(filled)[0].unlink()  # by hand
    assert ids(reader) == ["fourth", "third", "second"]


def test_without_its_index_the_log_is_read_from_the_files(filled: Path) -> None:
    for index in filled.glob("index.db*"):
        index.unlink()
    assert ids(LogReader(filled)) == ["third", "second", "first"]
    assert ids(LogReader(filled), "road") == ["first"]


def test_a_torn_index_and_foreign_files_do_no_harm(filled: Path) -> None:
    index = filled / "index.db"
    index.write_bytes(index.read_bytes()[:-4000])
    day = files(filled)[0].parent
    (day / "notes.json").write_text("[]")
    (day / "120000.000-broken.json").write_text("{")
    (filled / "2020-13-99").mkdir()
    (filled / "other").mkdir()
    log = SessionLog(filled)
    log.open()
    answer(begin(log, "fourth"))
    log.close()
    assert ids(LogReader(filled)) == ["fourth", "third", "second", "first"]


def test_an_empty_or_missing_folder_is_an_empty_log(tmp_path: Path) -> None:
    reader = LogReader(tmp_path / "nothing")
    assert reader.search("x").total == 0
    assert reader.get("x") is None
    assert reader.delete_all() == 0


@pytest.mark.parametrize("name", ["../first", "a" * 64 + "/../../x", "", "a" * 64])
def test_no_other_file_is_given_as_a_blob(filled: Path, name: str) -> None:
    (filled / "first").write_text("secret")
    assert LogReader(filled).blob(name) is None


def test_deleting_one_leaves_nothing_of_it(filled: Path) -> None:
    reader = LogReader(filled)
    assert reader.delete("first")
    assert not reader.delete("first")
    assert ids(reader) == ["third", "second"]
    for path in filled.rglob("*"):
        assert path.is_dir() or b"road" not in path.read_bytes().lower()
    assert ids(LogReader(filled), "messages") == ["second"]


def test_a_blob_goes_with_the_last_exchange_that_shows_it(tmp_path: Path) -> None:
    log = SessionLog(tmp_path)
    log.open()
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    for exchange_id in ("one", "two"):
        answer(begin(log, exchange_id, messages=[{"role": "user", "content": [image]}]))
    log.close()
    reader = LogReader(tmp_path)
    reader.delete("one")
    assert len(list((tmp_path / "blobs").iterdir())) == 1
    reader.delete("two")
    assert list((tmp_path / "blobs").iterdir()) == []


def test_a_day_and_everything_can_be_deleted(filled: Path) -> None:
    (today,) = {path.parent.name for path in files(filled)}
    copy_day(filled, today, "2020-01-01")
    reader = LogReader(filled)
    assert reader.search().total == 6
    assert reader.delete_day("2020-01-01") == 3
    assert reader.delete_day("..") == 0
    assert [path.parent.name for path in files(filled)] == [today] * 3
    assert reader.delete_all() == 3
    assert files(filled) == []


def test_what_is_under_way_outlives_the_deletion_of_all_and_is_logged_at_its_end(tmp_path: Path) -> None:
    log = SessionLog(tmp_path)
    log.open()
    reader = LogReader(tmp_path)
    answer(begin(log, "ended"))
    running, another = begin(log, "running"), begin(log, "another")
    wait_until(lambda: log.under_way("ended") is None and reader.search().total == 3)
    assert reader.delete_all() == 1
    assert reader.delete_day(f"{datetime.now():%Y-%m-%d}") == 0
    assert sorted(ids(reader)) == ["another", "running"]
    discard_old(tmp_path, days=1, megabytes=0)
    assert sorted(ids(reader)) == ["another", "running"]
    assert reader.delete("another"), "one by itself"
    answer(another)
    answer(running)
    log.close(10)
    assert ids(reader) == ["running"]
    assert reader.search().exchanges[0]["outcome"] == "completed"
    assert len(files(tmp_path)) == 1
    assert reader.usage.report("day")["total"]["requests"] == 3, "all three are counted"
    assert reader.delete_all() == 1


def test_an_exchange_whose_program_was_taken_for_gone_is_read_again_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as clock:
        clock.setattr(time, "time", lambda: 1e9)  # which is put forward later
        log = SessionLog(tmp_path)
    log.open()
    reader = LogReader(tmp_path)
    running = begin(log, "running")
    wait_until(lambda: ids(reader, outcome="unfinished") == ["running"])
    answer(running)
    wait_until(lambda: log.under_way("running") is None)
    assert ids(reader, outcome="completed") == ["running"], "before the writer tells the index"
    assert reader.usage.report("day")["total"]["output_tokens"] == 2
    log.close(10)


def test_what_is_older_than_the_days_goes(filled: Path) -> None:
    (today,) = {path.parent.name for path in files(filled)}
    for days in (2, 3, 4):
        copy_day(filled, today, str((datetime.now() - timedelta(days=days)).date()))
    discard_old(filled, days=3, megabytes=100)
    assert len({path.parent.name for path in files(filled)}) == 3


def test_a_file_that_was_half_written_goes_but_not_one_that_is_written_now(filled: Path) -> None:
    day = files(filled)[0].parent
    left_over, written_now = day / f".old{TEMPORARY_SUFFIX}", day / f".new{TEMPORARY_SUFFIX}"
    for path in (left_over, written_now):
        path.write_bytes(b"{")
    os.utime(left_over, (time.time() - 7200,) * 2)
    discard_old(filled, days=1, megabytes=100)
    assert (left_over.exists(), written_now.exists()) == (False, True)


def test_the_oldest_goes_when_the_log_is_too_large(tmp_path: Path) -> None:
    log = SessionLog(tmp_path)
    log.open()
    for number in range(8):
        answer(begin(log, str(number), "x" * 100_000))
        time.sleep(0.002)
    log.close()
    discard_old(tmp_path, days=1, megabytes=1)
    left = ids(LogReader(tmp_path))
    assert 2 <= len(left) < 8
    assert left == [str(number) for number in range(7, 7 - len(left), -1)]
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 1_000_000


def test_what_is_within_the_limit_stays(tmp_path: Path) -> None:
    log = SessionLog(tmp_path)
    log.open()
    for number in range(13):
        answer(begin(log, str(number), "x" * 20_000))
    log.close()
    reader = LogReader(tmp_path)
    with_index = 150_000 + sum(size for _, size, _ in reader.sizes())
    assert 900_000 < with_index < 1_000_000, "more than what is left of a log that is too large"
    discard_old(tmp_path, days=1, megabytes=1)
    assert len(ids(reader)) == 13


def test_a_picture_that_many_exchanges_show_counts_once_for_the_size_of_the_log(tmp_path: Path) -> None:
    log = SessionLog(tmp_path)
    log.open()
    picture = base64.b64encode(base64.b64decode(PNG) + bytes(300_000)).decode()
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    for number in range(4):
        answer(begin(log, str(number), messages=[{"role": "user", "content": [image]}]))
    log.close()
    assert len(list((tmp_path / "blobs").iterdir())) == 1
    discard_old(tmp_path, days=1, megabytes=1)
    assert len(ids(LogReader(tmp_path))) == 4


def test_reading_and_deleting_while_it_is_written(tmp_path: Path) -> None:
    log = SessionLog(tmp_path)
    log.open()
    reader = LogReader(tmp_path)
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(30):
                for summary in reader.search("because").exchanges[:1]:
                    reader.delete(summary["id"])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(100):
        answer(begin(log, f"id-{number}"))
    for thread in threads:
        thread.join()
    log.close(10)
    assert failures == []
    left = ids(LogReader(tmp_path))
    assert len(left) == len(files(tmp_path)) == len(set(left))


@pytest.mark.full  # the test below has a fifth of it
def test_a_search_over_5000_exchanges_takes_at_most_200_ms(tmp_path: Path) -> None:
    assert slowest_search(tmp_path, 5000) <= 0.2 * slowness()


def test_a_search_over_1000_exchanges_takes_at_most_40_ms(tmp_path: Path) -> None:
    assert slowest_search(tmp_path, 1000) <= 0.04 * slowness()


def slowness() -> float:
    """How often as long as on a quick machine a sum takes now: there, 0.02 s; 1 at least."""
    return max(1.0, quickest(lambda: sum(number * number % 7 for number in range(200_000))) / 0.02)


def slowest_search(folder: Path, count: int) -> float:
    """Seconds."""
    fill(folder, count)
    reader = LogReader(folder)
    began = time.perf_counter()
    assert reader.search().total == count
    first = time.perf_counter() - began
    assert reader.search("NEEDLE 711").total == 1
    costs = {
        text: quickest(partial(reader.search, text, outcome="completed", limit=50))
        for text in ("needle 711", "lorem", "nowhere at all")
    }
    print(f"the index is made in {first:.3f} s, searches {costs}")
    return max(costs.values())


def quickest(work: Callable[[], object]) -> float:
    """Seconds; of several runs, so that what else the machine does counts less."""
    costs = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        costs.append(time.perf_counter() - began)
    return min(costs)


def fill(folder: Path, count: int) -> None:
    """Write a log as the writer would, without its waiting."""
    (folder / "sample").mkdir(parents=True)
    log = SessionLog(folder / "sample")
    log.open()
    answer(begin(log, "sample"), "lorem ipsum dolor " * 150)
    log.close()
    document = json.loads(files(folder / "sample")[0].read_bytes())
    shutil.rmtree(folder / "sample")
    for number in range(count):
        when = datetime.now().astimezone() - timedelta(days=number % 7, milliseconds=number)
        day = folder / f"{when:%Y-%m-%d}"
        day.mkdir(exist_ok=True)
        name = f"{when:%H%M%S}.{when.microsecond // 1000:03}-{number}.json"
        one = document | {"id": str(number), "received": when.isoformat(), "reasoning": f"needle {number}"}
        one["answer"] += f" needle {number} "
        (day / name).write_text(json.dumps(one))


def copy_day(folder: Path, source: str, target: str) -> None:
    """Make another day of one."""
    shutil.copytree(folder / source, folder / target)
    for path in (folder / target).glob("*.json"):
        path.write_text(path.read_text("utf-8").replace('"id": "', f'"id": "{target}-'), "utf-8")
