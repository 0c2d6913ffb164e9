"""The server's life: started and stopped from anywhere, ports that are taken, and nothing left behind."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import pytest

from tests.resilience.faults import bound
from tests.running_bridge import RunningBridge, claude_processes, directive, running_bridge, wait_for
from tray_bridge.machine import bridge_log
from tray_bridge.machine.port import bind
from tray_bridge.server import listening
from tray_bridge.server.run import ANSWERS
from tray_bridge.server.stream_protocol import StreamProtocol
from tray_bridge.server.thread import ServerThread
from tray_bridge.settings.schema import load_settings
from tray_bridge.snapshots import ServerSnapshot
from tray_bridge.standin import StandIn


def new_server(**settings: object) -> ServerThread:
    return ServerThread(load_settings({"port": 0, "pool_size": 1, **settings}))


def test_start_stop_and_restart_may_be_called_twice_and_in_any_order(standin: StandIn) -> None:
    server = new_server(pool_size=0)
    server.stop()
    server.start()
    server.start()
    assert server.wait_until_settled().state == "ready"
    first = server.snapshot().port
    server.restart()
    assert server.wait_until_settled().state == "ready"
    assert httpx.get(f"http://127.0.0.1:{server.snapshot().port}/health").json()["status"] == "ok"
    assert first > 0
    server.stop()
    server.stop()
    assert server.snapshot().state == "stopped"


def test_a_start_takes_the_program_s_log_along_and_leaves_those_of_other_servers(
    standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge_log.open_log(tmp_path / "before", "info")
    loggers = [logging.getLogger(f"uvicorn.{name}") for name in ("error", "access", "asgi")]
    kept = logging.NullHandler()
    loggers[1].addHandler(kept)
    loggers[1].propagate = True
    for logger in loggers:
        monkeypatch.setattr(logger, "level", logging.INFO)
    server = new_server(pool_size=0, log_folder=tmp_path / "after", log_level="debug")
    with StandIn():
        server.start()
        assert server.wait_until_settled().state == "ready"
        server.stop()
    logging.getLogger("tray_bridge.part").debug("a detail")
    bridge_log.close_log()
    assert "a detail" in (tmp_path / "after" / "bridge.log").read_text("utf-8")
    assert {logger.level for logger in loggers} == {logging.INFO}
    assert kept in loggers[1].handlers and loggers[1].propagate
    loggers[1].removeHandler(kept)


def test_a_stop_while_it_starts_ends_in_stopped(standin: StandIn) -> None:
    server = new_server()
    for delay in (0.0, 0.4):
        server.start()
        time.sleep(delay)
        server.stop(10)
        assert server.snapshot().state == "stopped"


def test_a_stop_that_waits_lets_the_request_finish_and_a_resume_calls_off_each_that_waits(
    make_bridge: Callable[..., RunningBridge],
) -> None:
    bridge = make_bridge(pool_size=1)
    answers: list[str | None] = []

    def ask(delay: float) -> None:
        messages: list[Any] = [{"role": "user", "content": directive(text="To the end.", first_delay=delay)}]
        answers.append(
            bridge.client.chat.completions.create(model="haiku", messages=messages).choices[0].message.content
        )

    def waits_for_end(*, restarts: bool) -> None:
        bridge.wait_for(lambda s: s.paused and s.restarts_then is restarts)

    for called_off in (True, False):
        asking = threading.Thread(target=ask, args=[1.0 if called_off else 4.0])  # longer than all that follows takes
        asking.start()
        bridge.wait_for(lambda s: s.active)
        if not called_off:
            for _ in range(50):  # none of them may follow the stop
                bridge.server.restart_when_idle()
                bridge.server.pause(False)
        (bridge.server.restart_when_idle if called_off else bridge.server.stop_when_idle)()
        waits_for_end(restarts=called_off)
        if called_off:
            bridge.server.pause(False)
        asking.join(30)
        if called_off:
            time.sleep(0.3)
            assert bridge.snapshot().state == "ready"
    bridge.wait_for(lambda s: s.state == "stopped")
    time.sleep(0.3)
    assert bridge.snapshot().state == "stopped"
    assert answers == ["To the end."] * 2


def test_a_stop_that_waits_follows_a_restart_that_has_begun(make_bridge: Callable[..., RunningBridge]) -> None:
    bridge = make_bridge(pool_size=0)
    restarting = threading.Thread(target=bridge.server.restart)
    restarting.start()
    bridge.wait_for(lambda s: s.state == "starting")
    bridge.server.stop_when_idle()
    restarting.join(30)
    bridge.wait_for(lambda s: s.state == "stopped")


def test_a_pause_outlives_a_restart_and_ends_with_a_new_start(standin: StandIn) -> None:
    with running_bridge(standin, pool_size=0) as bridge:
        bridge.server.pause(True)
        bridge.wait_for(lambda s: s.paused)
        told: list[str] = []
        end = bridge.server.subscribe(lambda snapshot: told.append(snapshot.state))
        bridge.server.account_changed()
        bridge.wait_for(lambda s: s.state == "ready")
        end()
        assert bridge.snapshot().paused
        assert "stopped" not in told
        bridge.server.stop(10)
        bridge.server.start()
        bridge.wait_for(lambda s: s.state == "ready")
        assert not bridge.snapshot().paused


def test_the_socket_that_a_stop_closes_is_not_opened_again(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "LOOK_SECONDS", 0.002)
    with running_bridge(standin, pool_size=0) as bridge:
        assert bridge.snapshot().state == "ready"
    assert "listening socket" not in caplog.text


def test_many_threads_may_call_it_at_once(standin: StandIn) -> None:
    server = new_server(pool_size=0)
    calls = [server.start, server.stop, server.restart, server.snapshot] * 4
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    server.stop(10)
    assert server.snapshot().state == "stopped"


def test_subscribers_hear_of_every_state_until_they_unsubscribe(standin: StandIn) -> None:
    server = new_server(pool_size=0)
    seen: list[str] = []

    def note(snapshot: ServerSnapshot) -> None:
        seen.append(snapshot.state)

    unsubscribe = server.subscribe(note)
    server.start()
    server.wait_until_settled()
    server.stop()
    assert list(dict.fromkeys(seen)) == ["starting", "ready", "stopping", "stopped"]
    unsubscribe()
    count = len(seen)
    server.start()
    server.wait_until_settled()
    server.stop()
    assert len(seen) == count


@pytest.mark.skipif(os.name != "posix", reason="on Windows a socket belongs to one event loop")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_restart_keeps_its_port_from_others_however_this_machine_is_named(host: str) -> None:
    with bind(host, 0) as listener:
        port = listener.getsockname()[1]
        assert listening.keep_port(listener, host, port + 1) is None
        kept = listening.keep_port(listener, host, port)
    assert kept is not None, "the port was free for a moment"
    with kept, pytest.raises(OSError, match="in use"):
        bind("127.0.0.1", port)


def test_a_taken_port_is_told_with_its_holder_and_the_next_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = new_server(pool_size=0, port=port)
        server.start()
        snapshot = server.wait_until_settled(30)
    assert snapshot.state == "error"
    assert snapshot.problem is not None
    assert str(port) in snapshot.problem.message
    assert psutil.Process().name() in snapshot.problem.message
    free = int(snapshot.problem.hint.split("--port ")[1].split("`")[0])
    assert free > port


def test_an_address_of_another_machine_is_told_with_the_system_s_reason() -> None:
    with pytest.raises(OSError) as refused:
        bind("203.0.113.1", 0)  # no machine's own: RFC 5737
    problem = listening.port_problem("203.0.113.1", 0, refused.value)
    assert f"cannot listen on 203.0.113.1:0: {refused.value.strerror}." in problem.message
    assert "another port or host" in problem.hint


def test_a_start_that_failed_is_tried_again_with_other_settings() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = new_server(pool_size=0, port=taken.getsockname()[1])
        server.start()
        assert server.wait_until_settled(30).state == "error"
        server.apply(load_settings({"port": 0, "pool_size": 0}))
        assert server.wait_until_settled(30).state == "ready"
        server.stop()


def test_a_port_held_by_another_tray_bridge_is_recognised(bridge: RunningBridge) -> None:
    server = new_server(pool_size=0, port=bridge.snapshot().port)
    server.start()
    problem = server.wait_until_settled(30).problem
    assert problem is not None
    assert "another Tray Bridge" in problem.message


def test_a_program_that_only_answers_http_is_not_taken_for_us() -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"status": "ok"}')

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        server = new_server(pool_size=0, port=other.server_port)
        server.start()
        problem = server.wait_until_settled(30).problem
        other.shutdown()
    assert problem is not None
    assert "another Tray Bridge" not in problem.message


def test_stop_ends_a_stream_in_flight_with_an_error_and_leaves_no_process(standin: StandIn) -> None:
    server = new_server()
    server.start()
    server.wait_until_settled()
    client = openai.OpenAI(base_url=server.snapshot().base_url, api_key="x", max_retries=0)
    stream = client.chat.completions.create(
        model="sonnet", messages=[{"role": "user", "content": directive(words=1000, rate=20)}], stream=True
    )
    next(iter(stream))
    wait_for(lambda: server.snapshot().pool.busy == 1)
    pids = [s.pid for s in server.snapshot().pool.sessions if s.pid]
    errors: list[Exception] = []

    def read() -> None:
        try:
            for _ in stream:
                pass
        except openai.APIError as error:
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    began = time.monotonic()
    server.stop(10)
    assert time.monotonic() - began < bound(5)
    reader.join(30)
    assert "stopped" in str(errors[0])
    assert pids
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in pids), 1)


def logged_exchange(folder: Path, *, days: int, size: int = 0) -> Path:
    """Write an exchange of so many days ago, of at least so many bytes, into a session log."""
    day = (datetime.now(timezone.utc) - timedelta(days=days)).strftime("%Y-%m-%d")
    file = folder / day / f"100000.000-{days}.json"
    file.parent.mkdir(parents=True)
    received = f"{day}T10:00:00.000+00:00"
    text = json.dumps({"id": f"old-{days}", "received": received, "outcome": None, "process": {}, "blobs": []})
    file.write_text(text + " " * size)
    return file


def test_changed_settings_take_effect_without_a_restart(
    make_bridge: Callable[..., RunningBridge], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bridge_log.open_log(tmp_path, "info")
    request.addfinalizer(bridge_log.close_log)
    old, large = logged_exchange(tmp_path, days=5), logged_exchange(tmp_path, days=1, size=1_000_000)
    bridge = make_bridge(pool_size=1, log_folder=tmp_path)
    bridge.wait_until_warm(1)
    port = bridge.snapshot().port
    changed = {"port": 0, "pool_size": 2, "log_folder": tmp_path, "log_days": 2, "log_level": "debug"}
    bridge.server.apply(load_settings(changed))
    bridge.wait_for(lambda s: s.pool.size == 2 and s.pool.warm + s.pool.fitting == 2)
    wait_for(lambda: not old.exists())
    assert large.exists()
    bridge.server.apply(load_settings({**changed, "log_megabytes": 1}))
    wait_for(lambda: not large.exists())
    logging.getLogger("tray_bridge.tests").debug("a detail")
    assert any(line.endswith("a detail") for line in bridge_log.last_lines())
    assert bridge.snapshot().port == port


def test_texts_and_answers_are_written_to_disk_only_while_conversations_are_recorded(
    make_bridge: Callable[..., RunningBridge], tmp_path: Path
) -> None:
    bridge = make_bridge(log_folder=tmp_path)
    answers = []
    for number, mode in enumerate(("full", "metadata", "full")):
        bridge.server.apply(load_settings({"port": 0, "pool_size": 1, "log_folder": tmp_path, "log_mode": mode}))
        answers.append(bridge.client.responses.create(model="sonnet", input=f"Text {number}").id)

    def written() -> set[str]:
        try:
            with closing(sqlite3.connect(f"{(tmp_path / ANSWERS).as_uri()}?mode=ro", uri=True)) as database:
                return {row[0] for row in database.execute("SELECT id FROM answers")}
        except sqlite3.OperationalError:  # there is none yet
            return set()

    def logged() -> str:
        return "".join(path.read_text("utf-8") for path in tmp_path.glob("*/*.json"))

    wait_for(lambda: answers[2] in written() and "Text 2" in logged())
    assert answers[0] in written() and answers[1] not in written()
    assert "Text 0" in logged() and "Text 1" not in logged()


@pytest.mark.skipif(sys.platform == "darwin", reason="Claude Code keeps its sign-in in the keychain there")
def test_who_signed_in_elsewhere_is_signed_in_with_the_next_answer(
    make_bridge: Callable[..., RunningBridge], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    bridge = make_bridge()
    bridge.wait_for(lambda s: s.account.signed_in is False)
    expires = int(time.time() + 86_400) * 1000
    account = {"accessToken": "sk-ant-oat01-test", "expiresAt": expires, "scopes": ["user:inference"]}
    (tmp_path / ".credentials.json").write_text(json.dumps({"claudeAiOauth": account}))
    bridge.client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": "Hello"}])
    bridge.wait_for(lambda s: s.account.signed_in)


def test_the_server_keeps_an_idle_connection_longer_than_its_client_does(
    bridge: RunningBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[StreamProtocol] = []
    end_answer = StreamProtocol.on_response_complete

    def note(protocol: StreamProtocol) -> None:
        end_answer(protocol)
        answered.append(protocol)

    monkeypatch.setattr(StreamProtocol, "on_response_complete", note)
    with httpx.Client() as client:
        port = client.get(f"{bridge.url}/health").extensions["network_stream"].get_extra_info("client_addr")[1]
        [server_side] = wait_for(lambda: [each for each in answered if each.client and each.client[1] == port])
        assert server_side.timeout_keep_alive_task is not None
        left = server_side.timeout_keep_alive_task.when() - time.monotonic()  # as the loop's clock is
    kept = openai.DEFAULT_CONNECTION_LIMITS.keepalive_expiry
    assert kept is not None and left > 2 * kept


def test_a_cancelled_request_ends_with_an_error_and_the_others_go_on(bridge: RunningBridge) -> None:
    stream = bridge.client.chat.completions.create(
        model="sonnet", messages=[{"role": "user", "content": directive(words=1000, rate=20)}], stream=True
    )
    next(iter(stream))
    request = bridge.wait_for(lambda s: s.requests).requests[0]
    assert request.client.startswith("OpenAI Python")
    assert bridge.server.cancel_request(request.id)
    with pytest.raises(openai.APIError, match="cancelled"):
        list(stream)
    bridge.wait_for(lambda s: not s.requests)
    assert not bridge.server.cancel_request(request.id)


@pytest.mark.full  # the usual run kills a busy app in tests/resilience/test_endings.py
@pytest.mark.skipif(sys.platform == "win32", reason="a job object does this there")
def test_killing_the_app_leaves_no_process_of_the_cli(standin: StandIn, tmp_path: Path) -> None:
    environment = {**os.environ, "TRAY_BRIDGE_HOME": str(tmp_path), "POOL_SIZE": "2"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = subprocess.Popen([sys.executable, "-m", "tray_bridge", "serve", "--port", str(port)], env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _status(url).get("state") == "ready" and _status(url)["pool"]["warm"] >= 1, 30)
        body = {
            "model": "sonnet",
            "stream": True,
            "messages": [{"role": "user", "content": directive(words=2000, rate=10)}],
        }
        with httpx.stream("POST", f"{url}/v1/chat/completions", json=body, timeout=20) as stream:
            lines = stream.iter_lines()
            while "word1" not in next(lines):
                pass
            children = psutil.Process(app.pid).children(recursive=True)
            assert claude_processes(app.pid)
            os.kill(app.pid, signal.SIGKILL)
            app.wait(30)
            _, alive = psutil.wait_procs(children, timeout=30)
            assert not alive
    finally:
        app.kill()


def _status(url: str) -> dict[str, Any]:
    try:
        return dict(json.loads(httpx.get(f"{url}/status").content))
    except httpx.HTTPError:
        return {}
