"""`BridgeClient` and its command, against the real bridge in front of the stand-in."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.commands import run_command
from tests.running_bridge import RunningBridge, directive
from tray_bridge.client import BridgeClient
from tray_bridge.command_line import ask
from tray_bridge.command_line.fetch import Bridge, find_bridge
from tray_bridge.errors import BridgeUnreachableError, TrayBridgeError

NOBODY = "http://127.0.0.1:9"


def run_client(
    bridge: RunningBridge, *arguments: str, stdin: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BRIDGE_URL": bridge.url, **variables}
    return run_command(arguments, environment, stdin=stdin, module="tray_bridge.client")


def test_a_health_check_tells_whether_a_bridge_is_there(bridge: RunningBridge) -> None:
    with BridgeClient(bridge.url) as client:
        assert client.health_check()
    with BridgeClient(NOBODY) as client:
        assert not client.health_check()


def test_models_are_listed(bridge: RunningBridge) -> None:
    with BridgeClient(bridge.url) as client:
        assert {"sonnet", "haiku"} <= set(client.list_models())


@pytest.mark.parametrize("stream", [True, False])
def test_a_blocking_call_gives_the_whole_answer(bridge: RunningBridge, stream: bool) -> None:
    with BridgeClient(bridge.url) as client:
        assert client.complete_sync(directive(text="All of it."), stream=stream) == "All of it."


@pytest.mark.parametrize("stream", [True, False])
async def test_an_awaited_call_gives_the_whole_answer(bridge: RunningBridge, stream: bool) -> None:
    async with BridgeClient(bridge.url) as client:
        assert await client.complete(directive(text="All of it."), stream=stream) == "All of it."


async def test_a_stream_gives_the_pieces_as_they_come(bridge: RunningBridge) -> None:
    async with BridgeClient(bridge.url) as client:
        pieces = [piece async for piece in client.stream(directive(text="One two three four five"))]
    assert len(pieces) > 1
    assert "".join(pieces) == "One two three four five"


async def test_many_questions_at_once_get_their_own_answers(bridge_with: Callable[..., RunningBridge]) -> None:
    bridge = bridge_with(max_sessions=2)
    async with BridgeClient(bridge.url) as client:
        answers = await asyncio.gather(*(client.complete(directive(text=f"answer {n}")) for n in range(4)))
    assert answers == [f"answer {n}" for n in range(4)]


def test_the_url_may_end_in_the_apis_path(bridge: RunningBridge, monkeypatch: pytest.MonkeyPatch) -> None:
    for url in (f"{bridge.url}/", f"{bridge.url}/v1", f"{bridge.url}/api/v1/"):
        monkeypatch.setenv("BRIDGE_URL", url)
        with BridgeClient() as client:
            assert client.health_check(), url


def test_a_proxy_in_the_environment_does_not_stand_before_this_machine(
    bridge: RunningBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, NOBODY)
    with BridgeClient(bridge.url) as client:
        assert client.health_check()
        assert client.complete_sync(directive(text="Direct.")) == "Direct."


async def test_errors_are_told_in_the_bridges_words(bridge: RunningBridge) -> None:
    async with BridgeClient(bridge.url, model="no-such-model") as client:
        with pytest.raises(TrayBridgeError, match="no-such-model"):
            client.complete_sync("hi", stream=False)
        with pytest.raises(TrayBridgeError, match="no-such-model"):
            await client.complete("hi")
    with BridgeClient(NOBODY) as client, pytest.raises(BridgeUnreachableError, match=NOBODY):
        client.complete_sync("hi")


@pytest.mark.parametrize(
    ("variables", "key"),
    [
        ({}, "Bearer not-needed"),
        ({"TRAY_BRIDGE_API_KEY": "one", "OPENROUTER_API_KEY": "two"}, "Bearer one"),
        ({"OPENROUTER_API_KEY": "two"}, "Bearer two"),
        ({"OPENROUTER_API_KEY": "two", "BRIDGE_URL": "", "TRAY_BRIDGE_PORT": "{port}"}, "Bearer not-needed"),
    ],
)
def test_the_client_reads_address_key_and_model_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], key: str
) -> None:
    seen: list[tuple[str | None, str]] = []

    class Note(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            seen.append((self.headers["authorization"], body["model"]))
            self.send_error(400)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Note) as server:
        Thread(target=server.handle_request, daemon=True).start()
        for name in ("TRAY_BRIDGE_API_KEY", "OPENROUTER_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        port = str(server.server_port)
        for name, value in {"BRIDGE_URL": f"http://127.0.0.1:{port}", "OPENROUTER_MODEL": "opus", **variables}.items():
            monkeypatch.setenv(name, value.replace("{port}", port))
        with BridgeClient() as client, pytest.raises(TrayBridgeError):
            client.complete_sync("Hello", stream=False)
    assert seen == [(key, "opus")]


def test_the_command_waits_for_a_bridge_that_is_starting(
    bridge: RunningBridge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tries: list[str] = []

    def start_late(url: str, *, or_own: bool) -> Bridge:
        tries.append(url)
        return find_bridge(bridge.url if len(tries) > 2 else NOBODY)

    monkeypatch.setattr("tray_bridge.command_line.ask.find_bridge", start_late)
    monkeypatch.setattr("sys.stdin", None)
    assert ask.main(["--wait", "20", directive(text="At last.")]) == 0
    assert capsys.readouterr().out == "At last.\n" and len(tries) == 3
    tries.clear()
    assert ask.main([directive(text="At once.")]) == 3, "without --wait nothing is waited for"
    assert len(tries) == 1


def test_the_command_streams_its_answer(bridge: RunningBridge) -> None:
    answered = run_client(bridge, directive(text="Snö ❄"))
    assert (answered.returncode, answered.stdout) == (0, "Snö ❄\n"), answered.stderr


def test_the_command_reads_standard_input(bridge: RunningBridge) -> None:
    assert run_client(bridge, "--no-stream", stdin=directive(text="From the pipe.")).stdout == "From the pipe.\n"


def test_the_command_takes_a_model_by_flag_and_by_variable(bridge: RunningBridge) -> None:
    run_client(bridge, "--model", "haiku", "hi", OPENROUTER_MODEL="opus")
    assert "haiku" in bridge.standin.requests[-1].body["model"]
    run_client(bridge, "hi", OPENROUTER_MODEL="opus")
    assert "opus" in bridge.standin.requests[-1].body["model"]


def test_the_command_asks_several_times_at_once(bridge_with: Callable[..., RunningBridge]) -> None:
    bridge = bridge_with(max_sessions=2)
    answered = run_client(bridge, "-n", "3", directive(text="Hello"))
    assert sorted(answered.stdout.splitlines()) == ["[1] Hello", "[2] Hello", "[3] Hello"], answered.stderr


def test_the_command_without_a_bridge_says_how_to_start_one(bridge: RunningBridge) -> None:
    began = time.monotonic()
    failed = run_client(bridge, "hi", BRIDGE_URL=NOBODY)
    assert (failed.returncode, failed.stdout) == (3, "")
    assert failed.stderr == (
        f"Tray Bridge does not answer: Nothing answers at {NOBODY}.\n"
        "Start it with `tray-bridge`, or set BRIDGE_URL to where it runs.\n"
    )
    assert time.monotonic() - began < 30


def test_the_command_tells_an_error_without_a_traceback(bridge: RunningBridge) -> None:
    failed = run_client(bridge, "--model", "no-such-model", "hi")
    assert failed.returncode == 1
    assert "no-such-model" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_the_command_without_a_prompt_says_so(bridge: RunningBridge) -> None:
    assert "nothing to ask" in run_client(bridge).stderr
