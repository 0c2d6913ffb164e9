"""`serve` spawns its first session before it reads the settings, and uses it if they are the defaults."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import openai
import psutil
import pytest

from tests.running_bridge import claude_processes, directive, wait_for
from tray_bridge.launch import switched_off
from tray_bridge.machine.paths import config_file
from tray_bridge.server import run as serving
from tray_bridge.server.early_worker import EarlyStart, start_early
from tray_bridge.server.thread import ServerThread
from tray_bridge.settings.schema import ensure_settings_file, load_settings
from tray_bridge.standin import StandIn

pytestmark = pytest.mark.skipif("early-worker" in switched_off(), reason="a plain start has no early worker")


def clis() -> set[int]:
    return {process.pid for process in claude_processes()}


@pytest.fixture
def before() -> set[int]:
    """The processes of bridges that other tests share."""
    return clis()


@pytest.fixture
def early(standin: StandIn, before: set[int], monkeypatch: pytest.MonkeyPatch) -> EarlyStart:
    monkeypatch.delenv("TRAY_BRIDGE_CHECK_FOR_UPDATES", raising=False)  # any setting there prevents an early start
    early = start_early(["serve"])
    assert early is not None
    assert len(clis() - before) == 1
    return early


@pytest.mark.usefixtures("short_silence")
def test_its_session_is_the_first_of_the_pool_with_the_real_settings(early: EarlyStart, before: set[int]) -> None:
    (pid,) = clis() - before
    server = ServerThread(load_settings({"port": 0, "pool_size": 1, "claude_timeout": 2}), early)
    server.start()
    wait_for(lambda: server.snapshot().pool.fitting, 60)
    assert [session.pid for session in server.snapshot().pool.sessions] == [pid]
    with (
        openai.OpenAI(base_url=server.snapshot().base_url, api_key="none", max_retries=0) as client,
        pytest.raises(openai.InternalServerError, match="Nothing came from Claude for 2 s"),
    ):
        silent = directive(text="late", first_delay=20)
        client.chat.completions.create(model="haiku", messages=[{"role": "user", "content": silent}])
    server.restart()  # in a loop of its own
    wait_for(lambda: server.snapshot().pool.fitting, 60)
    assert [session.pid for session in server.snapshot().pool.sessions] != [pid]
    server.stop()
    early.close()
    assert pid not in clis()


@pytest.mark.parametrize("settings", [{"default_model": "haiku"}, {"pool_size": 0}])
def test_it_is_used_only_where_it_fits(early: EarlyStart, before: set[int], settings: dict[str, object]) -> None:
    (pid,) = clis() - before
    server = ServerThread(load_settings({"port": 0, "pool_size": 1, **settings}), early)
    server.start()
    assert server.wait_until_settled().state == "ready"
    wait_for(lambda: pid not in clis())
    server.stop()
    assert pid not in clis()


def test_further_spares_wait_until_the_server_is_there(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = clis(), []
    import_app = serving.import_app

    def import_slowly() -> None:
        import_app()
        time.sleep(2.0)
        seen.append(len(clis() - before))

    monkeypatch.setattr(serving, "import_app", import_slowly)
    server = ServerThread(load_settings({"port": 0, "pool_size": 2}))
    server.start()
    try:
        wait_for(lambda: server.snapshot().pool.warm + server.snapshot().pool.fitting == 2, 60)
    finally:
        server.stop()
    assert seen == [1]


def test_it_is_ended_where_the_server_does_not_start(early: EarlyStart) -> None:
    before = clis()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = ServerThread(load_settings({"port": taken.getsockname()[1]}), early)
        server.start()
        assert server.snapshot().state == "error"
    early.close()
    assert len(before - clis()) == 1


def test_a_stop_at_once_ends_it_too(early: EarlyStart) -> None:
    before = clis()
    server = ServerThread(load_settings({"port": 0}), early)
    server.start()
    server.stop(10)
    early.close()
    assert len(before - clis()) == 1


@pytest.mark.usefixtures("home")
def test_nothing_is_guessed_where_there_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRAY_BRIDGE_CHECK_FOR_UPDATES", raising=False)
    assert start_early(["serve", "--demo"]) is None
    assert start_early(["serve", "--help"]) is None
    monkeypatch.setenv("TRAY_BRIDGE_DEFAULT_MODEL", "haiku")
    assert start_early(["serve"]) is None
    monkeypatch.delenv("TRAY_BRIDGE_DEFAULT_MODEL")
    try:
        for settings in ('# default_model = "opus"\ndefault_model = "haiku"\n', "port = \n", "[other]"):
            ensure_settings_file().write_text(settings, "utf-8")
            assert start_early(["serve"]) is None
        config_file().write_bytes(b"# \xff")
        assert start_early(["serve"]) is None
    finally:
        config_file().unlink()


@pytest.mark.usefixtures("standin", "home")
def test_the_file_that_the_tray_makes_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One start of the tray must not take the early worker from every later `serve`."""
    monkeypatch.delenv("TRAY_BRIDGE_CHECK_FOR_UPDATES", raising=False)
    ensure_settings_file()
    try:
        early = start_early(["serve"])
        assert early is not None
        early.close()
    finally:
        config_file().unlink()


def test_a_bad_setting_ends_it_with_the_error(standin: StandIn) -> None:
    command = [sys.executable, "-m", "tray_bridge", "serve", "--port", "many"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "`port`" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_does_not_outlive_an_app_that_is_killed_at_once(standin: StandIn) -> None:
    command = [sys.executable, "-m", "tray_bridge", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as app:
        started = wait_for(lambda: claude_processes(app.pid))
        app.kill()
    _, alive = psutil.wait_procs(started, 20)  # three seconds are its own, and a busy machine takes its time
    assert not alive
