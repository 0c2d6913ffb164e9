"""The Responses API as real clients see it, against the real CLI: OpenAI's SDKs, Agents, Vercel, LangChain, Codex, …"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.clients.codex_session import Codex
from tests.running_bridge import RunningBridge, directive
from tests.tool_loop import call, sessions

Play = Callable[..., Any]
pytestmark = [pytest.mark.clients, pytest.mark.timeout(1000)]  # the first use installs the clients

PIECES = ["One", " two", " three."]
ADA = {"name": "Ada", "age": 36}
PIXEL = (  # a picture of one red pixel
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)


def turns(body: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Role and texts or types of each message, without the CLI's own notes."""
    return [
        (message["role"], [block.get("text", block["type"]) for block in message["content"]])
        for message in body["messages"]
        if message["role"] != "system" and not isinstance(message["content"], str)
    ]


def assert_one_turn(bridge: RunningBridge, text: str) -> None:
    """The questions that hold this text went to one process, and each continued the one before."""
    asked = [
        (session, turns(dict(received.body)))
        for session, received in zip(sessions(bridge), bridge.standin.requests, strict=True)
        if text in str(received.body["messages"])
    ]
    assert len(asked) > 1 and len({session for session, _ in asked}) == 1
    for (_, before), (_, after) in pairwise(asked):
        assert after[: len(before)] == before


def test_openai_node_creates_streams_parses_and_loops(bridge: RunningBridge, play_node: Play) -> None:
    got = play_node("responses_openai.mjs")
    assert (got["answer"], got["pieces"], got["streamed"]) == ("Good morning.", PIECES, "One two three.")
    assert (got["reasoning"], got["person"], got["kept"]) == ("Count first.", ADA, "Good morning.")
    assert (got["afterTools"], got["lookedUp"]) == ("Rain in both.", ["Oslo", "Rome"])
    assert_one_turn(bridge, "Rain in both.")
    assert (got["unknownModel"]["class"], got["unknownModel"]["code"]) == ("NotFoundError", "model_not_found")
    assert (got["overloaded"]["class"], got["overloaded"]["status"]) == ("InternalServerError", 529)


def test_vercels_default_model_answers_and_loops_by_references(bridge: RunningBridge, play_node: Play) -> None:
    got = play_node("responses_vercel.mjs", PIXEL)
    assert (got["answer"], got["finishReason"], got["pieces"]) == ("Good morning.", "stop", PIECES)
    assert (got["reasoning"], got["person"], got["seen"]) == ("Count first.", ADA, "Red.")
    assert got["hasTokens"] is True
    assert (got["added"], got["afterTools"], got["failed"]) == ([[1, 2], [3, 4]], "It is 7.", "")
    assert got["reasons"] == ["tool-calls", "tool-calls", "stop"]
    assert_one_turn(bridge, "It is 7.")
    assert "Too busy." in got["told"]


def test_agents_in_javascript_use_tools_and_hand_over(bridge: RunningBridge, play_node: Play) -> None:
    got = play_node("responses_agents.mjs")
    assert (got["whole"], got["streamed"]) == ("It is 3.", "It is 3.") and got["deltas"] > 0
    assert got["added"] == [[1, 2], [1, 2]]
    assert (got["handed"], got["last"]) == ("Clerk.", "Clerk")


def test_agents_in_python_use_tools_and_hand_over(bridge: RunningBridge, play_python: Play) -> None:
    got = play_python("responses_agents.py")
    assert (got["whole"], got["by_id"], got["streamed"]) == ("It is 3.", "Three.", "It is 3.") and got["deltas"] > 0
    assert got["added"] == [[1, 2]] * 3
    assert (got["handed"], got["last"], got["again"]) == ("Clerk.", "Clerk", "Two.")


def test_langchain_loops_by_replay_and_by_id(bridge: RunningBridge, play_python: Play) -> None:
    got = play_python("responses_langchain.py")
    assert (got["answer"], got["pieces"], got["typed"]) == ("Good morning.", ["One", " two"], {"city": "Oslo"})
    assert (got["told"], got["told_by_id"]) == ("It rains.", "It rains.") and got["id"].startswith("resp_")


def test_pydantic_ai_uses_tools_types_and_ids(play_python: Play) -> None:
    got = play_python("responses_pydantic_ai.py")
    assert (got["told"], got["looked"], got["second"]) == ("It rains.", ["Oslo"], "Still.")
    assert (got["typed"], got["streamed"]) == (ADA, "One two")


def test_litellm_answers_goes_on_and_completes(play_python: Play) -> None:
    got = play_python("responses_litellm.py")
    assert (got["answer"], "".join(got["pieces"]), got["follow"]) == ("Good morning.", "One two", "Again.")
    assert got["completion"] == " upon a time"
    assert (got["error"]["class"], got["error"]["status"]) == ("APIError", 529)


@pytest.fixture
def codex(node_folder: Path, bridge: RunningBridge, tmp_path: Path) -> Codex:
    return Codex(node_folder / "node_modules/@openai/codex/bin/codex.js", tmp_path / "codex", bridge.base_url)


def texts(items: list[dict[str, Any]], kind: str = "agent_message") -> list[str]:
    return [item["text"] for item in items if item["type"] == kind]


def test_codex_asks_and_resumes_its_session(bridge: RunningBridge, codex: Codex) -> None:
    assert texts(codex.ask(directive(text="Good morning."))) == ["Good morning."]
    assert texts(codex.ask(directive(text="Good night."), resume=True)) == ["Good night."]
    said = [text for _, texts in turns(bridge.standin.requests[-1].body) for text in texts]
    assert "Good morning." in said and said[-1] == directive(text="Good night.")


def test_codex_runs_a_command_and_goes_on_in_the_same_turn(bridge: RunningBridge, codex: Codex) -> None:
    commands = [call("exec_command", cmd="echo from-codex")]
    items = codex.ask(directive(thinking="Try it.", tools=commands, then=[{"text": "Ran it."}]))
    (ran,) = [item for item in items if item["type"] == "command_execution"]
    assert (ran["aggregated_output"], ran["exit_code"]) == ("from-codex\n", 0)
    assert texts(items) == ["Ran it."] and texts(items, "reasoning") == ["Try it."]
    assert_one_turn(bridge, "Ran it.")
    assert "multi_agent_v1__spawn_agent" in {tool["name"] for tool in bridge.standin.requests[-1].body["tools"]}


def test_codex_asks_again_where_claude_was_overloaded(bridge: RunningBridge, codex: Codex) -> None:
    error = {"status": 529, "type": "overloaded_error", "message": "Too busy."}
    events = codex.events(directive(chunks=["One", " two"], error_event_after=1, error=error, error_times=1))
    assert "Too busy." in str(events)
    assert texts([event["item"] for event in events if event["type"] == "item.completed"]) == ["One two"]
    assert len(bridge.standin.requests) == 2


def test_codex_is_told_why_an_answer_failed(codex: Codex) -> None:
    error = {"status": 400, "type": "invalid_request_error", "message": "The prompt is odd."}
    events = codex.events(directive(chunks=["One", " two"], error_event_after=1, error=error))
    assert "The prompt is odd." in str(events)
