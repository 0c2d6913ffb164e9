"""The disk is full or read-only, descriptors run out, the settings file is broken."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.resilience.fault_report import FaultReport
from tests.resilience.faults import HEALTHY_SECONDS, ask, bound, bystander, healthy_again, question
from tests.resilience.running_app import running_app
from tests.running_bridge import RunningBridge, running_bridge, wait_for
from tray_bridge.desktop.actions import Actions
from tray_bridge.desktop.icon import icon_state
from tray_bridge.desktop.words import last_problem
from tray_bridge.machine.paths import config_file
from tray_bridge.session_log import LogReader
from tray_bridge.standin import StandIn

Make = Callable[..., RunningBridge]
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")


class SmallDisk:
    """A real file system of 2 MB."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        descriptor = os.open(self.path / "ballast", os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(descriptor, bytes(4096))
        except OSError:
            os.close(descriptor)

    def empty(self) -> None:
        (self.path / "ballast").unlink()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Cover it with a read-only view of itself: a disk with an open file, as the log’s index, stays writable."""
        path = str(self.path)
        assert self._run("mount", "--bind", path, path)
        try:
            assert self._run("mount", "-o", "remount,bind,ro", path)
            yield
        finally:
            self.unmount()  # the view, which lies on top

    @staticmethod
    def _run(*command: str) -> bool:
        try:
            return subprocess.run(command, capture_output=True).returncode == 0
        except OSError:
            return False

    def mount(self) -> bool:
        self.path.mkdir()
        return self._run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(self.path))

    def unmount(self) -> None:
        self._run("umount", "-l", str(self.path))


@contextmanager
def mounted(folder: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(folder / "disk")
    if not disk.mount():
        pytest.skip("a small disk can be mounted by root only; test_log_writer.py holds the log's own part")
    yield disk
    disk.unmount()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted(tmp_path) as disk:
        yield disk


@pytest.fixture(scope="module")
def disk_of_the_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    with mounted(tmp_path_factory.mktemp("log")) as disk:
        yield disk


@pytest.fixture(scope="module")
def logging_bridge(running_standin: StandIn, disk_of_the_log: SmallDisk) -> Iterator[RunningBridge]:
    with running_bridge(running_standin, pool_size=2, log_folder=disk_of_the_log.path / "logs") as running:
        yield running


def assert_told(bridge: RunningBridge, reason: str) -> None:
    """The tray's icon and menu warn within a second or so, and requests go on meanwhile."""
    assert ask(bridge) == "well"
    snapshot = bridge.wait_for(lambda s: s.log_problem, bound(3))
    assert snapshot.log_problem is not None
    assert reason in snapshot.log_problem.message
    assert icon_state(snapshot) == "warning"
    assert last_problem(snapshot) == snapshot.log_problem
    with bystander(bridge):
        assert ask(bridge) == "well"


def logged_again(bridge: RunningBridge, folder: Path, since: float) -> float:
    """Seconds until the warning is gone, the pool is well and a new exchange is on the disk."""
    bridge.wait_for(lambda s: s.log_problem is None, bound(HEALTHY_SECONDS))
    before = LogReader(folder).search(outcome="completed").total
    healthy_again(bridge, since)
    wait_for(lambda: LogReader(folder).search(outcome="completed").total > before, bound(3))
    seconds = time.monotonic() - since
    assert seconds < bound(HEALTHY_SECONDS)
    return seconds


@posix_only
def test_a_full_disk_is_told_and_requests_go_on(
    logging_bridge: RunningBridge, disk_of_the_log: SmallDisk, report: FaultReport
) -> None:
    bridge, disk = logging_bridge, disk_of_the_log
    folder = disk.path / "logs"
    assert ask(bridge) == "well"
    disk.fill()
    assert_told(bridge, "No space left")
    disk.empty()
    seconds = logged_again(bridge, folder, time.monotonic())
    for path in folder.rglob("*.json"):
        json.loads(path.read_bytes())
    report.add("machine", "the disk of the session log is full", "its answer; the tray warns", seconds)


@posix_only
def test_a_log_folder_turned_read_only_is_told(
    logging_bridge: RunningBridge, disk_of_the_log: SmallDisk, report: FaultReport
) -> None:
    bridge, disk = logging_bridge, disk_of_the_log
    folder = disk.path / "logs"
    assert ask(bridge) == "well"
    with disk.read_only():
        assert_told(bridge, "Read-only")
    seconds = logged_again(bridge, folder, time.monotonic())
    report.add("machine", "the log folder is read-only", "its answer; the tray warns", seconds)


@pytest.mark.full
@posix_only
def test_with_everything_on_a_full_disk_it_still_answers(
    standin: StandIn, disk: SmallDisk, report: FaultReport
) -> None:
    """Settings, log, cache and Claude Code's own files: none of it can be written."""
    variables = {"HOME": str(disk.path), "CLAUDE_CONFIG_DIR": str(disk.path / "claude"), "POOL_SIZE": "1"}
    with running_app(disk.path / "app", **variables) as app:
        app.wait_until_warm(1)
        disk.fill()
        for _ in range(3):
            assert app.ask(question(text="still here")) == "still here"
        assert "No space left" in app.status()["log_problem"]["message"]
        disk.empty()
        since = time.monotonic()
        wait_for(lambda: app.status()["log_problem"] is None, bound(HEALTHY_SECONDS))
        wait_for(lambda: app.resting() >= 1)
        assert app.ask(question(text="well")) == "well"
        seconds = time.monotonic() - since
        assert seconds < bound(HEALTHY_SECONDS)
    report.add("machine", "the disk of all the app’s and Claude Code’s files is full", "its answer", seconds)


@posix_only
def test_a_start_on_a_disk_that_cannot_be_written_is_told(disk: SmallDisk, report: FaultReport) -> None:
    home = str(disk.path / "app")
    with disk.read_only(), running_app(Path(disk.path.parent / "errors"), TRAY_BRIDGE_HOME=home) as app:
        assert app.process.wait(bound(20)) == 1
        told = app.errors.read_text()
    assert "Read-only" in told
    assert "Traceback" not in told
    report.add("machine", "nothing can be written at the start", "the start ends and says so", None)


@pytest.mark.usefixtures("steady")
def test_a_settings_file_broken_while_it_runs_is_told_and_the_last_good_kept(
    bridge_with: Make, report: FaultReport
) -> None:
    bridge = bridge_with()
    actions = Actions(bridge.server, {"port": 0})
    path = config_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        for broken, told in (("pool_size = [", "not valid TOML"), ("pool_size = 99", "0 to 16"), ("\x00", "not valid")):
            path.write_text(broken)
            assert actions.settings_file_changed()
            with bystander(bridge, words=20):
                actions.do("reload_settings")
                assert actions.problem is not None
                assert told in actions.problem.message
                assert "stay in force" in actions.problem.hint
                assert ask(bridge) == "well"
            assert bridge.snapshot().pool.size == 2
        since = time.monotonic()
        path.write_text("pool_size = 1")
        actions.do("reload_settings")
        assert actions.problem is None
        bridge.wait_for(lambda s: s.pool.size == 1)
    finally:
        path.unlink()
    seconds = healthy_again(bridge, since, spares=1)
    report.add("machine", "the settings file is broken by hand", "its answer; told, the last good ones stay", seconds)


@posix_only
def test_out_of_descriptors(standin: StandIn, tmp_path: Path, report: FaultReport) -> None:
    """Idle connections eat all descriptors: what is under way goes on, and all is well when they leave."""
    limit: list[str] = []
    if sys.platform != "linux":  # where it can be set while the app runs, so that this may be forked
        limit = ["sh", "-c", 'ulimit -n 90; exec "$@"', "sh"]
    with running_app(tmp_path / "app", before=limit, POOL_SIZE="2") as app, ExitStack() as stack:
        if sys.platform == "linux":
            psutil.Process(app.process.pid).rlimit(psutil.RLIMIT_NOFILE, (90, 90))
        app.wait_until_warm(2)
        chunks = app.client.chat.completions.create(model="sonnet", messages=question(words=60, rate=20), stream=True)
        text = iter(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        while not next(text):
            pass
        hogs = stack.enter_context(ExitStack())
        for _ in range(120):
            hogs.enter_context(socket.create_connection(("127.0.0.1", app.port), timeout=5))
        refused = 0
        for _ in range(3):
            try:
                app.ask(question(text="starved"))
            except Exception as error:  # no connection at all, or an answer that says why
                refused += 1
                assert type(error).__name__ in ("APIConnectionError", "APITimeoutError", "InternalServerError"), error
        assert "".join(text).split()[-1] == "word60"
        hogs.close()
        since = time.monotonic()
        wait_for(lambda: app.resting() >= 2, bound(5))
        assert app.ask(question(text="well")) == "well"
        seconds = time.monotonic() - since
        assert seconds < bound(HEALTHY_SECONDS)
        assert httpx.get(f"{app.url}/health").json()["status"] == "ok"
    seen = "no connection, or an error that says so" if refused else "its answer"
    report.add("machine", "out of descriptors (a limit of 90, 120 idle connections)", seen, seconds)
