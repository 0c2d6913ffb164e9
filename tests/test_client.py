"""`BridgeClient` and its command, against the real bridge in front of the stand-in."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time

import pytest

from tests.commands import run_command
from tests.running_bridge import RunningBridge, directive
from tray_bridge.client import BridgeClient
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


async def test_many_questions_at_once_get_their_own_answers(bridge: RunningBridge) -> None:
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


def test_the_command_asks_several_times_at_once(bridge: RunningBridge) -> None:
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
