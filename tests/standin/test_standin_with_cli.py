"""The real Claude CLI against the stand-in: the proof that its wire is the Messages API's."""

from __future__ import annotations

import importlib.resources
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.standin.messages_client import directive
from tray_bridge.standin import StandIn

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 3}},
    "required": ["name", "age"],
}


def run_cli(standin: StandIn, folder: Path, prompt: str, *options: str, **environment: str) -> list[dict[str, Any]]:
    """Ask one question over stream-json, in a home of its own; the CLI's messages."""
    cli = importlib.resources.files("claude_agent_sdk") / "_bundled" / ("claude.exe" if os.name == "nt" else "claude")
    home, work = folder / "home", folder / "work"
    for each in (home, work):
        each.mkdir(parents=True, exist_ok=True)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ANTHROPIC_", "CLAUDE"))}
    own = {
        "HOME": str(home),
        "CLAUDE_CONFIG_DIR": str(home),
        "ANTHROPIC_BASE_URL": standin.url,
        "ANTHROPIC_API_KEY": "sk-ant-none",
        "CLAUDE_CODE_ENTRYPOINT": "sdk-py",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    streams = [
        "--input-format",
        "stream-json",
        "--output-format",
        "stream-json",
        "--include-partial-messages",
    ]
    alone = ["--setting-sources=", "--strict-mcp-config", "--no-session-persistence"]
    question = {"type": "user", "message": {"role": "user", "content": prompt}, "client_composed": True}
    done = subprocess.run(
        [str(cli), "--verbose", "--model", "sonnet", *streams, *alone, *options],
        input=json.dumps(question) + "\n",
        env={**inherited, **own, **environment},
        cwd=work,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.stdout, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def streamed(messages: list[dict[str, Any]], kind: str, key: str) -> list[str]:
    events = [message["event"] for message in messages if message["type"] == "stream_event"]
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    return [delta[key] for delta in deltas if delta["type"] == kind]


def test_the_cli_streams_the_scripted_text_and_hides_thinking(standin: StandIn, tmp_path: Path) -> None:
    script = directive(thinking="Let me see.", chunks=["Hel", "lo, ", "“you” 🙂"])
    messages = run_cli(standin, tmp_path, script, "--tools", "")
    assert streamed(messages, "text_delta", "text") == ["Hel", "lo, ", "“you” 🙂"]
    assert "".join(streamed(messages, "thinking_delta", "thinking")) == ""  # it was not told to show it
    assert messages[-1]["result"] == "Hello, “you” 🙂"
    assert (messages[-1]["is_error"], len(standin.requests), standin.errands) == (False, 1, [])


def test_the_cli_shows_thinking_when_told_to(standin: StandIn, tmp_path: Path) -> None:
    script = directive(thinking="Let me see.", text="Yes.")
    messages = run_cli(standin, tmp_path, script, "--tools", "", "--thinking-display", "summarized")
    assert "".join(streamed(messages, "thinking_delta", "thinking")) == "Let me see."


def test_the_cli_runs_a_scripted_tool_call_and_comes_back(standin: StandIn, tmp_path: Path) -> None:
    note = tmp_path / "work" / "note.txt"
    note.parent.mkdir()
    note.write_text("the tide is out")
    script = directive(tools=[{"name": "Read", "input": {"file_path": str(note)}}], then=[{"text": "I have read it."}])
    messages = run_cli(standin, tmp_path, script, "--tools", "Read", "--allowedTools", "Read")
    assert json.loads("".join(streamed(messages, "input_json_delta", "partial_json"))) == {"file_path": str(note)}
    assert messages[-1]["result"] == "I have read it."
    assert "the tide is out" in json.dumps(standin.requests[1].body["messages"][-1])


@pytest.mark.full  # the bridge's own tests of structured answers have the same of it
@pytest.mark.parametrize("prompt", ["Who is it?", directive(structured={"name": "text", "age": 3})])
def test_the_cli_accepts_structured_output(standin: StandIn, tmp_path: Path, prompt: str) -> None:
    messages = run_cli(standin, tmp_path, prompt, "--tools", "", "--json-schema", json.dumps(SCHEMA))
    assert messages[-1]["structured_output"] == {"name": "text", "age": 3}


@pytest.mark.full  # `test_an_answer_that_does_not_fit_the_schema_is_asked_for_again`
def test_the_cli_sends_back_structured_output_that_does_not_fit(standin: StandIn, tmp_path: Path) -> None:
    script = directive(structured_sequence=[{"name": "Ann", "age": 1}, {"name": "Ann", "age": 30}])
    messages = run_cli(standin, tmp_path, script, "--tools", "", "--json-schema", json.dumps(SCHEMA))
    assert messages[-1]["structured_output"] == {"name": "Ann", "age": 30}
    assert len(standin.requests) == 2


@pytest.mark.full  # `test_an_overload_that_passes_is_not_seen`, `test_a_whole_answer_survives_a_break_…`
def test_the_cli_tries_again_after_an_error_and_after_a_break(standin: StandIn, tmp_path: Path) -> None:
    busy = directive(text="Here.", error={"status": 529}, error_times=1)
    assert run_cli(standin, tmp_path / "a", busy, "--tools", "")[-1]["result"] == "Here."
    assert len(standin.requests) == 2
    standin.clear()
    broken = directive(words=4, break_after=2, break_times=1)
    messages = run_cli(standin, tmp_path / "b", broken, "--tools", "")
    assert messages[-1]["result"] == "word1 word2 word3 word4"
    assert len(standin.requests) == 2


def test_the_cli_asks_for_a_title_where_its_own_traffic_is_allowed(standin: StandIn, tmp_path: Path) -> None:
    script = directive(text="Hello", first_delay=1)
    run_cli(standin, tmp_path, script, "--tools", "", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="")
    assert len(standin.requests) == 1
    assert len(standin.errands) == 1
