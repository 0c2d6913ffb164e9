from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.resilience.faults import bound
from tests.session_log.log_fixtures import answer, begin, files, wait_until
from tray_bridge.errors import UpstreamError
from tray_bridge.session_log import LogReader, SessionLog, writer
from tray_bridge.turns import TextDelta

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes and limits of POSIX")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SessionLog]:
    log = SessionLog(tmp_path / "logs")
    log.open()
    yield log
    log.close()


def test_an_exchange_is_written_when_it_begins_and_completed_when_it_ends(log: SessionLog) -> None:
    exchange = begin(log, question="Why is it so?")
    wait_until(lambda: files(log.folder))
    written = json.loads(files(log.folder)[0].read_text("utf-8"))
    assert (written["outcome"], written["request"]["messages"][0]["content"]) == (None, "Why is it so?")
    answer(exchange, "Because it is.")
    log.close()
    (path,) = files(log.folder)
    written = json.loads(path.read_text("utf-8"))
    assert (written["outcome"], written["status"], written["answer"]) == ("completed", 200, "Because it is.")
    assert (written["session"], written["stop_reason"], written["usage"]["output_tokens"]) == ("generic", "end_turn", 2)
    assert list(written["timings"]) == ["queued_s", "session_ready_s", "first_token_s", "end_s"]
    assert path.read_text("utf-8").startswith('{\n  "id": "one",\n')


def test_what_has_come_so_far_is_written_about_once_a_second(log: SessionLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PROGRESS_SECONDS", 0.05)
    exchange = begin(log)
    for number in range(3):
        exchange.record(TextDelta(f"{number} "))
        so_far = f'"answer": "{"0 1 2 "[: 2 * number + 2]}"'
        wait_until(lambda: any(so_far in path.read_text("utf-8") for path in files(log.folder)))  # noqa: B023


def test_names_are_taken_by_windows_too(log: SessionLog) -> None:
    answer(begin(log, 'a/b\\c:d*"..'))
    log.close()
    (path,) = files(log.folder)
    assert re.fullmatch(r"\d{6}\.\d{3}-a_b_c_d____\.json", path.name)
    assert LogReader(log.folder).get('a/b\\c:d*"..') is not None


@posix_only
def test_only_the_owner_may_read(log: SessionLog) -> None:
    exchange = begin(log)
    answer(exchange)
    log.close()
    for path in (log.folder, *log.folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("hangs_in", ["the proof that the folder is writable", "the first write"])
def test_no_request_waits_for_a_disk_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hangs_in: str) -> None:
    stuck, all_begun, is_writing = threading.Event(), threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        is_writing.set()
        stuck.wait()

    monkeypatch.setattr(writer, "put_file", hang)
    if hangs_in != "the first write":
        monkeypatch.setattr(writer, "make_private_folder", lambda _: all_begun.wait())
    log = SessionLog(tmp_path)
    log.open()
    slowest = 0.0
    for number in range(writer.MOST_UNWRITTEN + 50):
        began = time.perf_counter()
        answer(begin(log, f"id-{number}"))
        slowest = max(slowest, time.perf_counter() - began)
    assert slowest < bound(1)  # it would be until the end of the test
    all_begun.set()
    assert is_writing.wait(bound(5))
    assert log.problem is not None
    assert "Exchanges not logged: 50." in log.problem.message
    began = time.perf_counter()
    log.close(timeout=0.2)
    assert time.perf_counter() - began < bound(1)
    monkeypatch.undo()
    stuck.set()


def test_beginning_and_first_token_cost_less_than_a_millisecond(log: SessionLog) -> None:
    big = "x" * 200_000
    costs = []
    for number in range(50):
        began = time.perf_counter()
        exchange = begin(log, f"id-{number}", big)
        exchange.record(TextDelta("first"))
        costs.append(time.perf_counter() - began)
        answer(exchange)
        time.sleep(0.005)
    assert sorted(costs)[len(costs) // 2] < 0.001


def test_an_unwritable_folder_is_told_and_the_log_goes_on_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_SECONDS", 0.05)
    folder = tmp_path / "logs"
    folder.write_text("a file where the folder should be")
    log = SessionLog(folder)
    log.open()
    wait_until(lambda: log.problem)
    assert log.problem is not None
    assert str(folder) in log.problem.message
    exchange = begin(log)
    answer(exchange)
    folder.unlink()
    wait_until(lambda: log.problem is None)
    log.close()
    assert LogReader(folder).search().total == 1


@posix_only
def test_a_full_disk_is_told_and_leaves_no_torn_file(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import resource, sys, time
        from pathlib import Path
        from tests.session_log.log_fixtures import answer, begin, wait_until
        from tray_bridge.session_log import SessionLog, writer
        writer.RETRY_SECONDS = 0.05
        log = SessionLog(Path(sys.argv[1]))
        log.open()
        answer(begin(log, "before"))
        wait_until(lambda: not log.under_way("before"))
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        answer(begin(log, "during", "?" * 5000))
        wait_until(lambda: log.problem)
        print(log.problem.message)
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        wait_until(lambda: log.problem is None)
        log.close()
        """
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(Path(writer.__file__).parents[2])},
    )
    assert run.returncode == 0, run.stderr
    assert "File too large" in run.stdout
    others = {path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".json"}
    assert {name.partition("-")[0] for name in others} == {"index.db", "usage.db"}
    assert sorted(summary["id"] for summary in LogReader(tmp_path).all()) == ["before", "during"]


def test_after_a_kill_nothing_is_torn_and_the_exchange_is_unfinished(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from tests.session_log.log_fixtures import answer, begin, wait_until
        from tray_bridge.session_log import SessionLog, writer
        from tray_bridge.turns import TextDelta
        writer.PROGRESS_SECONDS = 0.01
        log = SessionLog(Path(sys.argv[1]))
        log.open()
        answer(begin(log, "whole"))
        time.sleep(0.002)
        exchange = begin(log, "cut")
        print("writing", flush=True)
        while True:
            exchange.record(TextDelta("more " * 100))
            time.sleep(0.005)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(writer.__file__).parents[2])},
    ) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            reader = LogReader(tmp_path)
            wait_until(lambda: reader.search("more").total == 1)
            assert [found["outcome"] for found in reader.all()] == ["in_progress", "completed"]
        finally:
            process.kill()
    assert [found["outcome"] for found in reader.all()] == ["unfinished", "completed"]
    document = LogReader(tmp_path).get("cut")
    assert document is not None
    assert document["outcome"] == "unfinished"
    assert document["answer"].startswith("more more")


def test_metadata_mode_keeps_no_text(tmp_path: Path) -> None:
    log = SessionLog(tmp_path, "metadata")
    log.open()
    answer(begin(log, question="a secret question"), "a secret answer")
    exchange = begin(log, "two", question="a secret question")
    exchange.end("error", status=429, error=UpstreamError("a secret reason", status=429))
    log.close()
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"secret" not in path.read_bytes(), path
    newest, oldest = LogReader(tmp_path).all()
    assert (oldest["outcome"], oldest["usage"]["input_tokens"], oldest["model"]) == ("completed", 3, "sonnet")
    assert newest["error"] == "Claude answered with an error"


def test_switched_off_it_writes_nothing_until_switched_on(tmp_path: Path) -> None:
    log = SessionLog(tmp_path, "off")
    log.open()
    answer(begin(log, "one"))
    log.set_mode("full")
    answer(begin(log, "two"))
    log.close()
    assert [summary["id"] for summary in LogReader(tmp_path).all()] == ["two"]


def test_it_can_be_closed_twice_and_opened_again(tmp_path: Path) -> None:
    log = SessionLog(tmp_path)
    log.close()
    for exchange_id in ("one", "two"):
        log.open()
        log.open()
        answer(begin(log, exchange_id))
        log.close()
        log.close()
    assert LogReader(tmp_path).search().total == 2


def test_an_exchange_that_cannot_be_written_does_not_end_the_log(
    log: SessionLog, caplog: pytest.LogCaptureFixture
) -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    answer(begin(log, "deep", extra=nested))
    answer(begin(log, "fine"))
    log.close()
    assert [summary["id"] for summary in LogReader(log.folder).all()] == ["fine"]
    assert "deep could not be logged" in caplog.text


WELL: dict[str, Any] = {
    "id": "x",
    "received": "2020-01-02T10:00:00.000+00:00",
    "outcome": None,
    "process": {},
    "blobs": [],
}
ODD_FILES = [
    ("x.json", json.dumps({**WELL, "received": "yesterday"})),
    ("x.json", json.dumps({**WELL, "received": 7})),
    ("x.json", json.dumps({**WELL, "process": "mine"})),
    ("x.json", json.dumps({**WELL, "tool_calls": [1]})),
    ("x.json", json.dumps({**WELL, "error": "bad", "blobs": [["y"]]})),
    ("x.json", "[" * 100_000),
    ("x.json", json.dumps({**WELL, "model": 5, "answered_by": 5})),
    ("x.json", json.dumps({**WELL, "timings": [], "usage": 7})),
    ("x.json/folder", ""),
    ("../index.db", "7\n[]\nnull\n" * 1000),
    ("../index.db/folder", ""),
]


@pytest.mark.parametrize(("name", "content"), ODD_FILES, ids=[f"{number}" for number in range(len(ODD_FILES))])
def test_a_day_that_somebody_else_spoilt_ends_neither_the_log_nor_its_tidying(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, content: str
) -> None:
    odd, old = tmp_path / "2020-01-02" / name, tmp_path / "2020-01-01" / "100000.000-old.json"
    for path in (odd, old):
        path.parent.resolve().mkdir(parents=True, exist_ok=True)
    (tmp_path / "2020-01-02").mkdir(exist_ok=True)
    (tmp_path / "2020-01-02" / "100000.000-x.json").write_text(json.dumps(WELL))
    odd.write_text(content)
    old.write_text(json.dumps({**WELL, "id": "old", "received": "2020-01-01T10:00:00.000+00:00"}))
    log = SessionLog(tmp_path)
    log.open()
    log.set_limits(days=3, megabytes=100)
    wait_until(lambda: not old.exists())
    answer(begin(log, "today"))
    log.close()
    assert log.problem is None
    assert "Traceback" not in caplog.text
    reader = LogReader(tmp_path)
    assert "today" in [summary["id"] for summary in reader.search().exchanges]
    assert [summary["id"] for summary in reader.search("because", model="sonnet", client="curl").exchanges] == ["today"]
    reader.get("x")


def test_tidying_that_fails_in_an_unknown_way_does_not_end_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(writer, "discard_old", fail)
    log = SessionLog(tmp_path)
    log.open()
    log.set_limits(days=3, megabytes=100)
    wait_until(lambda: "could not be deleted" in caplog.text)
    answer(begin(log, "after"))
    wait_until(lambda: LogReader(tmp_path).search().total == 1)
    log.close()
