"""Anthropic's and Ollama's own libraries, and Claude Code itself as a client of the bridge."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_clients_answers import PIECES, assert_one_session, assert_raised
from tests.clients.test_clients_responses import turns
from tests.running_bridge import RunningBridge, directive
from tests.tool_loop import sessions
from tray_bridge.machine.cli_program import find_cli

Play = Callable[..., Any]
pytestmark = [pytest.mark.clients, pytest.mark.timeout(1000)]  # the first use installs the clients


def test_anthropics_library_gets_answers_threads_and_errors(bridge: RunningBridge, play_python: Play) -> None:
    got = play_python("ask_anthropic.py")
    assert (got["answer"], got["stop_reason"], got["has_tokens"]) == ("Good morning.", "end_turn", True)
    assert got["request_id"].startswith("req_")
    assert (got["pieces"], got["blocks"]) == (PIECES, ["thinking", "text"])
    assert (got["after_thinking"], got["asynchronous"]) == ("Four.", "At once.")
    assert got["rounds"] == [{"stop": "tool_use", "blocks": ["tool_use"]}, {"stop": "end_turn", "blocks": ["text"]}]
    assert_one_session(bridge, "weather")
    assert got["typed"] == {"name": "Ada", "age": 36}
    assert got["counted"] > 5
    assert {"sonnet", "opus"} <= set(got["models"])
    assert len(got["models"]) == len(set(got["models"]))
    assert_raised(got["unknown_model"], "anthropic", "NotFoundError", 404, "model: llama-99")
    assert_raised(got["overloaded"], "anthropic", "OverloadedError", 529, "Too busy.")


def test_ollamas_library_gets_answers_calls_and_errors(bridge: RunningBridge, play_python: Play) -> None:
    bridge.wait_for(lambda snapshot: snapshot.models)
    got = play_python("ask_ollama.py")
    assert (got["answer"], got["generated"], got["asynchronous"]) == ("Good morning.", "Once.", "At once.")
    assert (got["pieces"], got["thinking"]) == (PIECES, "Count first.")
    assert (got["ends"], got["has_tokens"]) == (["stop"], True)
    assert got["call"] == [{"name": "weather", "arguments": {"city": "Oslo"}}]
    assert got["told"] == "It rains."
    assert json.loads(got["typed"]) == {"age": 36}
    assert "sonnet:latest" in got["models"]
    assert "tools" in got["capabilities"]
    assert got["pulled"] == "success"
    assert_raised(got["unknown_model"], "ollama", "ResponseError", 404, "model 'llama-99' not found")
    assert_raised(got["overloaded"], "ollama", "ResponseError", 529, "Too busy.")
    assert_raised(got["embedding"], "ollama", "ResponseError", 501, "embedding")


def claude_code(bridge: RunningBridge, folder: Path, prompt: str, *flags: str) -> dict[str, Any]:
    """What `claude -p` says, with the bridge as its only way to a model."""
    program = find_cli()
    assert program is not None
    environment = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
    environment |= {
        "HOME": str(folder),
        "USERPROFILE": str(folder),
        "CLAUDE_CONFIG_DIR": str(folder / "config"),
        "ANTHROPIC_BASE_URL": bridge.url,
        "ANTHROPIC_AUTH_TOKEN": "not-needed",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    command = [str(program.path), "-p", prompt, "--model", "sonnet", "--output-format", "json", *flags]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=200,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def test_claude_code_asks_and_goes_on_with_a_conversation(bridge: RunningBridge, tmp_path: Path) -> None:
    first = claude_code(bridge, tmp_path, directive(text="The answer is 42."))
    assert (first["result"], first["is_error"]) == ("The answer is 42.", False)
    second = claude_code(bridge, tmp_path, directive(text="Still 42."), "--resume", first["session_id"])
    assert second["result"] == "Still 42."
    assert "The answer is 42." in str(bridge.standin.requests[-1].body["messages"])


def test_claude_code_works_with_its_own_tools_one_question_a_round(bridge: RunningBridge, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("The word is heather.", encoding="utf-8")
    rounds = 30
    read = {"tools": [{"name": "Read", "input": {"file_path": str(tmp_path / "note.txt")}}]}
    prompt = directive(**read, then=[*[read] * (rounds - 1), {"text": "Done."}])
    bridge.wait_until_warm(2)
    processes = bridge.processes()
    answer = claude_code(bridge, tmp_path, prompt, "--allowedTools", "Read")
    assert (answer["result"], answer["num_turns"]) == ("Done.", rounds + 1)
    asked = bridge.standin.requests
    assert len(asked) == rounds + 1
    assert "The word is heather." in str(asked[1].body["messages"])
    # Every few rounds it sends a reminder beside its results; the turn that waits for them gets it all the same.
    assert "<system-reminder>" in str(asked[-1].body["messages"])
    assert len(set(sessions(bridge))) == 1
    assert bridge.processes() == processes
    for before, after in pairwise([turns(received.body) for received in asked]):
        assert after[: len(before)] == before
