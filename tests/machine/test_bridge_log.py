"""bridge.log: what it holds, what it never holds, and a second Ctrl+C."""

from __future__ import annotations

import logging
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.commands import StartedCommand, start_command
from tests.resilience.faults import bound
from tests.running_bridge import claude_processes, directive, wait_for
from tray_bridge.machine import bridge_log
from tray_bridge.standin import StandIn

# What bridge.log says about each worker, with the reason or the time.
WORKER_STEPS = (
    r"started in \d+ ms",
    r"bound in \d+ ms",
    r"lent \(\w+\) after \d+ ms",
    r"parked",
    r"discarded: its process has ended",
)
OURS = logging.getLogger("tray_bridge.some.part")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "logs"
    bridge_log.close_log()


def text(folder: Path) -> str:
    return (folder / "bridge.log").read_text("utf-8")


def last_of_ours() -> str:
    """The bridge that other tests share may have logged since."""
    return [line for line in bridge_log.last_lines(20) if OURS.name in line][-1]


def test_it_keeps_what_the_level_asks_for_and_its_owner_alone_may_read_it(folder: Path) -> None:
    bridge_log.open_log(folder, "info")
    OURS.info("lent worker %d", 3)
    OURS.warning("in /a\nINFO forged")
    OURS.debug("a detail")
    bridge_log.set_level("debug")
    OURS.debug("another detail")
    assert "INFO tray_bridge.some.part: lent worker 3" in text(folder)
    assert "a detail" not in text(folder)
    assert "in /a INFO forged\n" in text(folder)  # one line, also where a path has a line break
    assert "another detail" in text(folder)
    assert last_of_ours().endswith("another detail")
    if os.name == "posix":
        assert stat.S_IMODE((folder / "bridge.log").stat().st_mode) == 0o600


def test_a_library_s_news_and_the_text_of_an_exception_are_not_kept(folder: Path) -> None:
    bridge_log.open_log(folder, "debug")
    logging.getLogger("httpx").info("GET https://example.org/secret")
    logging.getLogger("asyncio").error(
        "Task exception was never retrieved\nfuture: <Task exception=KeyError('secret')>"
    )
    try:
        try:
            raise KeyError("secret")
        except KeyError as error:
            raise ValueError("secret") from error
    except ValueError:
        OURS.exception("An unexpected error")
    try:
        raise FileNotFoundError(2, "No such file", "/somewhere")
    except FileNotFoundError:
        OURS.exception("Another")
    kept = text(folder)
    assert "secret" not in kept.replace('raise KeyError("secret")', "").replace('raise ValueError("secret")', "")
    assert "ValueError\ncaused by\n" in kept and "KeyError" in kept and "Task exception was never retrieved" in kept
    assert "No such file: '/somewhere'" in kept


def test_it_starts_anew_when_it_is_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_log, "LARGEST_FILE", 1000)
    bridge_log.open_log(folder, "info")
    for number in range(100):
        OURS.info("line %d", number)
    assert sorted(path.name for path in folder.iterdir()) == ["bridge.log", "bridge.log.1", "bridge.log.2"]
    assert (folder / "bridge.log").stat().st_size <= 1000


def test_it_follows_the_session_log_only_where_it_is_open(folder: Path) -> None:
    bridge_log.follow(folder, "debug")
    assert not folder.exists() and bridge_log.log_file() is None
    bridge_log.open_log(folder, "error")
    bridge_log.follow(folder / "moved", "debug")
    OURS.debug("a detail")
    assert bridge_log.log_file() == folder / "moved" / "bridge.log"
    assert "a detail" in text(folder / "moved") and text(folder) == ""


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bridge_log.open_log(tmp_path / "file" / "logs", "info")
    OURS.info("seen all the same")
    assert last_of_ours().endswith("seen all the same")
    assert bridge_log.log_file() is None
    bridge_log.close_log()


@contextmanager
def serving(home: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[Any] | StartedCommand, str]]:
    """A bridge that starts a process when it is asked, and its address; what it says on the way is in `stderr`."""
    words = ["serve", "--port", "0", "--pool-size", "0", *flags]
    said = home / "stdout"
    with said.open("w") as output, (home / "stderr").open("w") as errors:
        app = start_command(words, {**os.environ, "TRAY_BRIDGE_HOME": str(home)}, output=output, errors=errors)
    try:
        (url, *_) = wait_for(lambda: re.findall(r"http://[\w.:]+/v1", said.read_text()))
        yield app, url
    finally:
        app.kill()
        app.wait()


def test_a_program_that_serves_logs_without_prompts_and_answers(standin: StandIn, tmp_path: Path) -> None:
    with serving(tmp_path, "--verbose") as (app, base):
        asked = {"model": "sonnet", "messages": [{"role": "user", "content": f"secret\n{directive(text='an answer')}"}]}
        answer = httpx.post(f"{base}/chat/completions", json=asked, timeout=60)
        assert answer.json()["choices"][0]["message"]["content"] == "an answer"
        wait_for(lambda: ": parked" in text(tmp_path / "logs"))
        refusal = {"status": 403, "type": "permission_error", "message": "messages.0: secret is wrong"}
        refused = {"model": "sonnet", "messages": [{"role": "user", "content": directive(error=refusal)}]}
        assert "secret" in httpx.post(f"{base}/chat/completions", json=refused, timeout=60).json()["error"]["message"]
        wait_for(lambda: "discarded: the turn ended with UpstreamError (status 403)" in text(tmp_path / "logs"))
        httpx.post(f"{base}/chat/completions", json=asked, timeout=60)
        for process in claude_processes(app.pid):
            process.kill()
        wait_for(lambda: ": discarded: its process has ended" in text(tmp_path / "logs"))
        app.send_signal(signal.SIGINT)
        app.wait(20)
    kept = text(tmp_path / "logs")
    for said in (kept, (tmp_path / "stderr").read_text()):
        assert "INFO" in said
        assert "secret" not in said and "an answer" not in said
    for step in WORKER_STEPS:
        assert re.search(rf" INFO tray_bridge\.claude\.\w+: worker \d+: {step}$", kept, re.MULTILINE), step


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_a_second_ctrl_c_ends_at_once(standin: StandIn, tmp_path: Path) -> None:
    with serving(tmp_path) as (app, url):
        asked = {
            "model": "sonnet",
            "stream": True,
            "messages": [{"role": "user", "content": directive(words=600, rate=10)}],
        }
        with suppress(httpx.HTTPError), httpx.stream("POST", f"{url}/chat/completions", json=asked, timeout=30):
            app.send_signal(signal.SIGINT)
            time.sleep(0.05)
            began = time.monotonic()
            app.send_signal(signal.SIGINT)
            code = app.wait(30)
    assert code == 130
    assert time.monotonic() - began < bound(1)


def test_verbose_is_a_setting_so_that_a_change_of_another_one_keeps_it() -> None:
    program = """
from tray_bridge import main
from tray_bridge.server import thread
def noted(settings, early=None):
    changed = settings.model_copy(update={"pool_size": 1})
    print(settings.log_level, changed.log_level)
    raise KeyboardInterrupt
thread.ServerThread = noted
main.main(["serve", "--verbose"])
main.main(["serve"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["debug", "debug", "info", "info"], done.stderr
