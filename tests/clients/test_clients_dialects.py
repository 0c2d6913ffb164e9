"""Clients that speak the Messages API or Ollama's, or several dialects, each as its users have it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.test_clients_responses import ADA, PIECES, PIXEL, assert_one_turn
from tests.running_bridge import RunningBridge

Play = Callable[..., Any]
pytestmark = [pytest.mark.clients, pytest.mark.timeout(1000)]  # the first use installs the clients


def assert_served(got: dict[str, Any], *, typed: bool = True) -> None:
    """What LangChain does by each dialect."""
    assert (got["answer"], got["pieces"], got["told"]) == ("Good morning.", ["One", " two"], "It rains.")
    assert got["calls"] == [{"name": "weather", "args": {"city": "Oslo"}}]
    assert got["tokens"] > 0
    assert not typed or got["typed"] == ADA


def test_anthropics_library_for_node(bridge: RunningBridge, play_node: Play) -> None:
    bridge.wait_for(lambda snapshot: snapshot.models)
    got = play_node("messages_anthropic.mjs")
    assert (got["answer"], got["stopReason"], got["afterThinking"]) == ("Good morning.", "end_turn", "Four.")
    assert (got["pieces"], got["thoughts"], got["blocks"]) == (PIECES, "Count first.", ["thinking", "text"])
    assert (got["asked"], got["told"]) == (["Oslo"], "It rains.")
    assert_one_turn(bridge, "It rains.")
    assert got["requestID"].startswith("req_") and got["counted"] > 5
    assert {"sonnet", "opus"} <= set(got["models"]) and len(got["models"]) == len(set(got["models"]))
    assert (got["unknownModel"]["class"], got["unknownModel"]["status"]) == ("NotFoundError", 404)
    assert (got["overloaded"]["class"], got["overloaded"]["status"]) == ("OverloadedError", 529)
    assert got["overloaded"]["requestID"].startswith("req_")


def test_vercels_provider_for_anthropic(bridge: RunningBridge, play_node: Play) -> None:
    got = play_node("messages_vercel.mjs", PIXEL)
    assert (got["answer"], got["finishReason"], got["pieces"]) == ("Good morning.", "stop", PIECES)
    assert (got["reasoning"], got["seen"], got["hasTokens"]) == ("Count first.", "Red.", True)
    assert (got["byTool"], got["byFormat"]) == (ADA, ADA)
    assert (got["added"], got["afterTools"], got["failed"]) == ([[1, 2], [3, 4]], "It is 7.", "")
    assert got["reasons"] == ["tool-calls", "tool-calls", "stop"]
    assert_one_turn(bridge, "It is 7.")
    assert "Too busy." in got["told"]


def test_ollamas_library_for_javascript(bridge: RunningBridge, play_node: Play) -> None:
    bridge.wait_for(lambda snapshot: snapshot.models)
    got = play_node("ollama_js.mjs", PIXEL)
    assert (got["answer"], got["generated"], got["seen"]) == ("Good morning.", "Once.", "Red.")
    assert (got["pieces"], got["thinking"], got["ends"]) == (PIECES, "Count first.", ["stop"])
    assert got["call"] == [{"index": 0, "name": "weather", "arguments": {"city": "Oslo"}}]
    assert (got["told"], got["typed"], got["pulled"]) == ("It rains.", {"age": 36}, "success")
    assert_one_turn(bridge, "It rains.")
    assert "sonnet:latest" in got["models"] and "tools" in got["capabilities"] and got["running"] == []
    assert (got["unknownModel"]["status"], got["overloaded"]["status"]) == (404, 529)
    assert "embedding" in got["embedding"]["message"]


def test_vercels_provider_for_ollama(bridge: RunningBridge, play_node: Play) -> None:
    got = play_node("ollama_vercel.mjs")
    assert (got["answer"], got["finishReason"], got["pieces"]) == ("Good morning.", "stop", PIECES)
    assert (got["reasoning"], got["person"], got["hasTokens"]) == ("Count first.", ADA, True)
    assert (got["added"], got["afterTools"], got["failed"]) == ([[1, 2], [3, 4]], "It is 7.", "")
    assert_one_turn(bridge, "It is 7.")
    assert got["unknown"] == "Not Found"


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages", "ollama"])
def test_langchain_in_javascript(play_node_once: Play, dialect: str) -> None:
    assert_served(play_node_once("dialects_langchain.mjs")[dialect])


@pytest.mark.parametrize("dialect", ["messages", "ollama"])
def test_langchain_in_python(play_python_once: Play, dialect: str) -> None:
    got = play_python_once("dialects_langchain.py")[dialect]
    assert_served(got)
    assert dialect == "ollama" or got["counted"] > 4


@pytest.mark.parametrize("dialect", ["responses", "ollama"])
def test_llama_index(play_python_once: Play, dialect: str) -> None:
    got = play_python_once("dialects_llama_index.py")[dialect]
    assert (got["answer"], got["streamed"], got["told"]) == ("Good morning.", "One two", "It rains.")
    assert got["call"] == ["weather", {"city": "Oslo"}]


def test_pydantic_ai_by_its_provider_for_ollama(play_python: Play) -> None:
    assert_used(play_python("dialects_pydantic_ai.py")["ollama"])


def test_pydantic_ai_by_its_provider_for_anthropic(bridge: RunningBridge, play_pydantic_ai: Play) -> None:
    assert_used(play_pydantic_ai("messages_pydantic_ai.py")["messages"])
    assert_one_turn(bridge, "It rains.")


def assert_used(got: dict[str, Any]) -> None:
    """What pydantic-ai does by each dialect."""
    assert (got["told"], got["looked"], got["second"]) == ("It rains.", ["Oslo"], "Still.")
    assert (got["typed"], got["streamed"]) == (ADA, "One two")


@pytest.mark.parametrize("provider", ["anthropic", "ollama_chat", "ollama"])
def test_litellm(play_python_once: Play, provider: str) -> None:
    got = play_python_once("dialects_litellm.py")[provider]
    assert (got["answer"], got["streamed"]) == ("Good morning.", "One two")
    assert "Too busy." in got["error"]["message"]
    if provider != "ollama":
        assert (json.loads(got["call"]), got["told"]) == ({"city": "Oslo"}, "It rains.")
