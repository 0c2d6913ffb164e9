"""What was made once is removed, replaced or filled while requests run (line 6): the next request works, or says why.

Each fault hits a whole app, with two clients that keep asking. No restart heals anything here. Every wait is measured
and printed; `python -m tests.faults.chaos` runs all of it and holds each to five seconds, however busy the machine is.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import claude_agent_sdk
import httpx
import psutil
import pytest

from tests.faults.other_sockets import CAN_TAKE_SOCKETS, listening_socket
from tests.resilience.faults import bound, question
from tests.resilience.running_app import RunningApp, note_as_proved, running_app
from tests.running_bridge import wait_for
from tray_bridge.standin import StandIn

T = TypeVar("T")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="folders in use cannot be removed on Windows")
SOON = 5.0  # seconds until the next request works, or the state says why not
EXACTLY = "CHAOS_SECONDS"  # a variable: the limit for every wait, whatever else the machine does
BUNDLED = Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude"


def soon(condition: Callable[[], T]) -> T:
    """Wait for something true, and print after how many seconds it came; one look that takes too long fails, too."""
    limit = float(os.environ.get(EXACTLY) or bound(SOON))
    since = time.monotonic()
    found = wait_for(condition, limit, every=0.1)
    seconds = time.monotonic() - since
    print(f"{seconds:6.2f} s  {os.environ['PYTEST_CURRENT_TEST'].partition('::')[2].removesuffix(' (call)')}")
    assert seconds <= limit, f"after {seconds:.1f} s, not within {limit:g} s"
    return found


class Victim:
    """The app, the stand-in that it asks, and the folders and files that it was given."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "app"
        self.claude = folder / "claude"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.standin = StandIn()
        self.standin.start()
        self.port = int(self.standin.url.rpartition(":")[2])
        self.app: RunningApp

    def variables(self) -> dict[str, str]:
        return {
            "ANTHROPIC_BASE_URL": self.standin.url,
            "CLAUDE_CONFIG_DIR": str(self.claude),
            "TMPDIR": str(self.temporary),
            "POOL_SIZE": "2",
            "TRAY_BRIDGE_MAX_SESSIONS": "2",
        }

    def answer(self) -> str:
        """The next request's answer, or the error that its client reads."""
        body = {"model": "sonnet", "messages": question(text="well")}
        response = httpx.post(f"{self.app.url}/v1/chat/completions", json=body, timeout=bound(30), verify=False)
        found = response.json()
        return str(found["choices"][0]["message"]["content"] if response.is_success else found["error"]["message"])

    def works_soon(self) -> None:
        def works() -> bool:
            try:
                return self.answer() == "well"
            except httpx.HTTPError:
                return False

        soon(works)

    def works_or_tells_soon(self, path: Path) -> None:
        """The next request works, or it or the state names the path."""

        def works_or_tells() -> bool:
            if (answer := self.answer()) == "well" or str(path) in answer:
                return True
            status = self.app.status()
            problems = (status.get("problem"), status.get("log_problem"), status.get("pool", {}).get("problem"))
            return any(str(path) in str(problem) for problem in problems)

        soon(works_or_tells)

    def end_workers(self) -> None:
        """End all processes of the CLI, so that new ones must be started."""
        for process in self.app.children():
            with suppress(psutil.NoSuchProcess):
                if "--input-format" in process.cmdline():
                    process.kill()

    def end_workers_where_they_need(self, place: str) -> None:
        """The same, but where no process of the CLI asks for that folder when it starts."""
        if place not in ("log folder", "settings folder"):
            self.end_workers()

    def restart_standin(self) -> None:
        self.standin = StandIn(self.port)
        self.standin.start()


@pytest.fixture(scope="module")
def victim(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    victim = Victim(tmp_path_factory.mktemp("chaos"))
    with running_app(victim.home, **victim.variables()) as victim.app:
        victim.app.wait_until_warm(1)
        yield victim
    victim.standin.stop()


@contextmanager
def load(victim: Victim) -> Iterator[list[str]]:
    """Two clients that keep asking; gives what they read that was no answer.

    Each rests a moment after an answer: without it they would take all of the machine from what they wait for.
    """
    stopped = threading.Event()
    complaints: list[str] = []

    def ask() -> None:
        while not stopped.wait(0.4):
            try:
                if (answer := victim.answer()) != "well":
                    complaints.append(answer)
            except httpx.HTTPError as error:
                complaints.append(repr(error))

    clients = [threading.Thread(target=ask) for _ in range(2)]
    for client in clients:
        client.start()
    try:
        yield complaints
    finally:
        stopped.set()
        for client in clients:
            client.join()


def removed(path: Path) -> None:
    def is_empty() -> bool:
        shutil.rmtree(path, ignore_errors=True)
        return not any(path.glob("*"))

    wait_for(is_empty, bound(SOON))


@contextmanager
def replaced_by_a_file(path: Path) -> Iterator[None]:
    """For a while; what makes the folder again may be quick."""
    other = path.with_name(f"{path.name}-file")

    def is_replaced() -> bool:
        shutil.rmtree(path, ignore_errors=True)
        try:
            other.parent.mkdir(exist_ok=True)
            other.write_text("in the way")
            other.rename(path)
        except OSError:
            return False
        return True

    wait_for(is_replaced, bound(SOON))
    try:
        yield
    finally:
        path.unlink()


PLACES: dict[str, Callable[[Victim], Path]] = {
    "work folder": lambda victim: victim.home / "cache" / "work",
    "cache folder": lambda victim: victim.home / "cache",
    "runtime folder": lambda victim: victim.home / "run",
    "log folder": lambda victim: victim.home / "logs",
    "settings folder": lambda victim: victim.home / "config",
    "folder of Claude Code": lambda victim: victim.claude,
    "folder of temporary files": lambda victim: victim.temporary,
}


@pytest.mark.parametrize("places", ["all", *(pytest.param(place, marks=pytest.mark.full) for place in PLACES)])
def test_d4_a_folder_that_is_removed_in_mid_run_stops_nothing(victim: Victim, places: str) -> None:
    with load(victim) as complaints:
        for place in PLACES if places == "all" else [places]:
            removed(PLACES[place](victim))
        victim.end_workers()
        victim.works_soon()
        time.sleep(0.3)
        victim.works_soon()
    assert not [words for words in complaints if "ended" not in words and "stopped" not in words], complaints


@pytest.mark.parametrize(
    "place",
    [p if p in ("log folder", "settings folder") else pytest.param(p, marks=pytest.mark.full) for p in PLACES],
)
def test_d4_a_file_in_the_place_of_a_folder_is_told_or_does_no_harm(victim: Victim, place: str) -> None:
    path = PLACES[place](victim)
    with load(victim):
        with replaced_by_a_file(path):
            victim.end_workers_where_they_need(place)
            victim.works_or_tells_soon(path)
        victim.works_soon()


@contextmanager
def full(path: Path) -> Iterator[None]:
    """A disk without any room in the place of a folder, for a while."""

    def is_mounted() -> bool:
        path.mkdir(parents=True, exist_ok=True)
        return _mounted("mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=1", "tmpfs", str(path))

    wait_for(is_mounted, bound(SOON))
    try:
        yield
    finally:
        _mounted("umount", "-l", str(path))


def _mounted(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.fixture
def mounting(tmp_path: Path) -> None:
    if not (_mounted("mount", "-t", "tmpfs", "tmpfs", str(tmp_path)) and _mounted("umount", str(tmp_path))):
        pytest.skip("a disk can be mounted by root only; the test below needs no rights")


@pytest.mark.full  # `test_machine_faults` fills the disk of the log, and the test below stops files from growing
@pytest.mark.usefixtures("mounting")
@pytest.mark.parametrize("place", PLACES)
def test_d4_a_full_disk_in_the_place_of_a_folder_is_told_or_does_no_harm(victim: Victim, place: str) -> None:
    path = PLACES[place](victim)
    with load(victim):
        with full(path):
            victim.end_workers_where_they_need(place)
            victim.works_or_tells_soon(path)
            if place == "log folder":
                soon(lambda: "No space left" in str(victim.app.status().get("log_problem")))
        victim.works_soon()
        soon(lambda: victim.app.status()["log_problem"] is None)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process")
def test_d4_files_that_cannot_grow_any_more_are_told_and_stop_nothing(victim: Victim) -> None:
    app = psutil.Process(victim.app.process.pid)
    with load(victim) as complaints:
        app.rlimit(psutil.RLIMIT_FSIZE, (0, psutil.RLIM_INFINITY))  # a program without rights can do this to its own
        try:
            victim.works_soon()
            soon(lambda: "too large" in str(victim.app.status().get("log_problem")))
            victim.works_soon()
        finally:
            app.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
        soon(lambda: victim.app.status()["log_problem"] is None)
        victim.works_soon()
    assert complaints == []


@pytest.mark.skipif(not CAN_TAKE_SOCKETS, reason="sockets of another process")
def test_d4_a_listening_socket_that_is_lost_is_opened_again(victim: Victim) -> None:
    with load(victim):
        with listening_socket(victim.app.process.pid, victim.app.port) as lost:
            lost.shutdown(socket.SHUT_RDWR)
        victim.works_soon()


def test_d4_the_log_goes_on_in_a_new_folder(victim: Victim) -> None:
    with load(victim) as complaints:
        removed(victim.home / "logs")
        victim.works_soon()
        soon(lambda: list((victim.home / "logs").rglob("*.json")))
        soon(lambda: victim.app.status()["log_problem"] is None)
    assert complaints == []


def test_d4_the_owners_note_is_left_again(victim: Victim) -> None:
    with load(victim) as complaints:
        removed(victim.home / "run")
        soon(lambda: list((victim.home / "run").glob("bridge-*.json")))
    assert complaints == []


def test_d4_the_model_that_is_gone_is_told_and_asked_again(victim: Victim) -> None:
    with load(victim):
        victim.standin.stop()
        told = soon(lambda: victim.answer().removeprefix("well"))
        victim.restart_standin()
        victim.works_soon()
    assert "connect" in told.lower() or "connection" in told.lower(), told


def test_d4_a_program_that_is_removed_or_replaced_is_told_until_it_is_back(home: Path, tmp_path: Path) -> None:
    program = tmp_path / "claude-program"
    program.symlink_to(BUNDLED)
    victim = Victim(tmp_path)
    note_as_proved(program, victim.home)
    with running_app(victim.home, TRAY_BRIDGE_CLI_PATH=str(program), **victim.variables()) as victim.app:
        victim.app.wait_until_warm(1)
        assert victim.answer() == "well"
        assert not victim.app.status()["pool"]["no_reuse"]

        def problem() -> str:
            return str((victim.app.status().get("pool", {}).get("problem") or {}).get("message"))

        with load(victim):
            program.unlink()
            victim.end_workers()
            soon(lambda: str(program) in problem() and str(program) in victim.answer())
            program.write_text("#!/bin/sh\necho not Claude >&2; exit 3\n")
            program.chmod(0o755)
            soon(lambda: "not Claude" in problem() + victim.answer())
            program.unlink()
            program.symlink_to(BUNDLED)
            victim.works_soon()
            soon(lambda: victim.app.status()["pool"].get("problem") is None)
    victim.standin.stop()


@pytest.mark.full
def test_d4_processes_that_end_all_at_once_are_started_again(victim: Victim) -> None:
    with load(victim):
        for _ in range(3):
            victim.end_workers()
            victim.works_soon()
