"""A program killed at any point of a write or of a rebuild: the files are the truth, and the index says the same."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.session_log.log_fixtures import answer, begin, files, wait_until
from tests.session_log.test_log_index import write
from tray_bridge.session_log import LogReader, SessionLog, index, writer
from tray_bridge.session_log.document import read_document
from tray_bridge.session_log.summary import summarise

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

ENDLESS = 1 << 30
SAMPLE = 6  # points of each that the usual run tries; `full` tries each


def write_some(folder: Path) -> None:
    """Write three exchanges, each when it begins and when it ends, and the index."""
    writer.LINGER_SECONDS = writer.INDEX_SECONDS = 0.0
    log = SessionLog(folder)
    log.open()
    for number in range(3):
        exchange = begin(log, f"id-{number}", f"question {number}")
        wait_until(lambda: len(files(folder)) > number)  # noqa: B023
        answer(exchange, f"word{number} " * 20)
    log.close(10)


def rebuild(folder: Path) -> None:
    index.BATCH = 3
    LogReader(folder).search()


def killed_at(point: int, work: Callable[[Path], None], folder: Path) -> int:
    """Run `work` in a process that is killed at its `point`th line of the log's code; return the lines left to it."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        left = point

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal left
            if "session_log" not in frame.f_code.co_filename and "private_files" not in frame.f_code.co_filename:
                return None
            if event == "line":
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        try:
            threading.settrace(trace)
            sys.settrace(trace)
            work(folder)
            sys.settrace(None)
            os.write(sender, str(left).encode())
        finally:
            os._exit(0)
    os.close(sender)
    with os.fdopen(receiver) as told:
        left_over = int(told.read() or 0)
    os.waitpid(child, 0)
    return left_over


def check(folder: Path, label: object) -> None:
    """The index, once asked, says what a scan of the files says; so does the book of usage."""
    documents = {str(path.relative_to(folder)): read_document(path) for path in files(folder)}
    expected = [
        summarise(document, file) | {"outcome": document["outcome"] or "unfinished"}
        for file, document in sorted(documents.items(), reverse=True)
    ]
    reader = LogReader(folder)
    assert reader.search(limit=-1).exchanges == expected, label
    for number in range(3):
        sought = f"word{number}"
        holding = {document["id"] for document in documents.values() if sought in (document["answer"] or "")}
        assert {one["id"] for one in reader.search(sought).exchanges} == holding, label
    total = reader.usage.report("day")["total"]
    ended = [document for document in documents.values() if document["outcome"]]
    assert total["requests"] == len(ended), label
    assert total["output_tokens"] == sum(document["usage"]["output_tokens"] for document in ended), label
    reader.close()


def each_point(work: Callable[[Path], None], folder: Path, prepared: Path | None, most: int | None) -> int:
    """Kill at each point, or at `most` of them, evenly; return how many there are."""

    def attempt(point: int) -> int:
        place = folder / str(point)
        if prepared is not None:
            shutil.copytree(prepared, place)
        left = killed_at(point, work, place)
        check(place, point)
        shutil.rmtree(place, ignore_errors=True)
        return left

    total = ENDLESS - attempt(ENDLESS)
    for number in range(1, 1 + (most or total)):
        point = number * total // (most or total)
        assert attempt(point) < max(50, total // 5), point  # what runs is not the same to the line each time
    return total


def points_of(work: Callable[[Path], None], folder: Path, most: int | None) -> int:
    """The same in a process of its own, without threads: a fork would keep each lock that another thread holds then."""
    program = """
        import sys
        from pathlib import Path
        from tests.session_log import test_log_killed as here
        work, folder, most = getattr(here, sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
        prepared = here.some_files(folder / "prepared") if work is here.rebuild else None
        print(here.each_point(work, folder / "killed", prepared, most or None))
        """
    command = [sys.executable, "-c", textwrap.dedent(program), work.__name__, str(folder), str(most or 0)]
    done = subprocess.run(command, capture_output=True, text=True, env=with_tests(), check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("work", [write_some, rebuild], ids=["write", "rebuild"])
def test_killed_at_lines_of_a_write_and_of_a_rebuild(tmp_path: Path, work: Callable[[Path], None]) -> None:
    assert points_of(work, tmp_path, SAMPLE) > 500


@pytest.mark.full
@pytest.mark.timeout(600)  # more than a thousand processes, which may share the machine
@pytest.mark.parametrize("work", [write_some, rebuild], ids=["write", "rebuild"])
def test_killed_at_each_line(tmp_path: Path, work: Callable[[Path], None]) -> None:
    print(work.__name__, points_of(work, tmp_path, None), "points")


def some_files(folder: Path) -> Path:
    folder.mkdir()
    for number in range(8):
        document = {
            "outcome": None if number == 3 else "completed",
            "process": {"pid": 2**22 + 1, "alive_at": 0},
            "answer": f"word{number % 3} {number}",
            "usage": {"input_tokens": 1, "output_tokens": number},
        }
        write(folder, number * 5, {"id": f"id-{number}", **document})
    return folder


def sometimes(*moments: float) -> list[Any]:
    """Three of them in the usual run, which kills at chosen lines of both, too."""
    usual = {moments[0], moments[len(moments) // 2], moments[-2]}
    return [pytest.param(each, marks=[pytest.mark.full] * (each not in usual)) for each in moments]


@pytest.mark.parametrize("after", sometimes(0.0, 0.01, 0.03, 0.06, 0.1, 0.2, 0.35))
def test_killed_at_any_moment_of_writing_the_index_says_what_the_files_say(tmp_path: Path, after: float) -> None:
    program = """
        import sys
        from pathlib import Path
        from tests.session_log.log_fixtures import answer, begin
        from tray_bridge.session_log import SessionLog, writer
        writer.LINGER_SECONDS = writer.INDEX_SECONDS = 0.0
        log = SessionLog(Path(sys.argv[1]))
        log.open()
        print("writing", flush=True)
        for number in range(100000):
            answer(begin(log, f"id-{number}", f"question {number}"), "word " * 300)
            while log.under_way(f"id-{number - 20}"): pass
        """
    run_and_kill(program, tmp_path, after)
    written = {json.loads(path.read_bytes())["id"] for path in files(tmp_path)}
    page = LogReader(tmp_path).search(limit=-1)
    assert {one["id"] for one in page.exchanges} == written
    assert page.total == len(written)
    ended = [one["id"] for one in page.exchanges if one["outcome"] == "completed"]
    assert LogReader(tmp_path).search("question", outcome="completed").total == min(len(ended), 1000)


@pytest.mark.parametrize("after", sometimes(0.0, 0.02, 0.05, 0.1, 0.2, 0.4))
def test_killed_at_any_moment_of_a_rebuild_the_index_is_whole_the_next_time(tmp_path: Path, after: float) -> None:
    for number in range(300):
        write(
            tmp_path, number % 20, {"id": f"id-{number}", "outcome": "completed", "answer": f"needle{number:03} " * 50}
        )
    program = """
        import sys
        from pathlib import Path
        from tray_bridge.session_log import LogReader, index
        index.BATCH = 7
        print("writing", flush=True)
        LogReader(Path(sys.argv[1])).search()
        """
    run_and_kill(program, tmp_path, after)
    reader = LogReader(tmp_path)
    assert reader.search().total == 300
    some = range(0, 300, 5)  # of each batch
    assert [reader.search(f"needle{number:03}").total for number in some] == [1] * len(some)


def with_tests() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(index.__file__).parents[2])}


def run_and_kill(program: str, folder: Path, after: float) -> None:
    command = [sys.executable, "-c", textwrap.dedent(program), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=with_tests()) as process:
        assert process.stdout
        assert process.stdout.readline() == b"writing\n"
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
