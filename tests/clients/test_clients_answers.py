"""Answers, streams, typed answers and errors as real clients see them, against the real CLI.

Each script prints what its client made of the bridge's answers; the stand-in tells what Claude Code was asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.running_bridge import RunningBridge
from tests.tool_loop import Wire, sessions

Play = Callable[..., Any]
pytestmark = [pytest.mark.clients, pytest.mark.timeout(1000)]  # the first use installs the clients

PIECES = ["One", " two", " three."]
ADA = {"name": "Ada", "age": 36}


def assert_raised(found: Wire, package: str, name: str, status: int | None, words: str) -> None:
    """The client raised its own class for this status, and says what the bridge said."""
    assert (found["package"], found["class"], found["status"]) == (package, name, status)
    assert words in found["message"]


def assert_one_session(bridge: RunningBridge, text: str) -> None:
    """The questions that hold this text were asked by one process: the turn went on where it waited."""
    asked = [
        session
        for session, received in zip(sessions(bridge), bridge.standin.requests, strict=True)
        if text in str(received.body["messages"])
    ]
    assert len(asked) > 1 and len(set(asked)) == 1


def test_langchain_gets_answers_and_errors(bridge: RunningBridge, play_python: Play) -> None:
    got = play_python("ask_langchain.py")
    assert (got["answer"], got["finish_reason"], got["has_tokens"]) == ("Good morning.", "stop", True)
    assert "Answer shortly." in str(bridge.standin.requests[0].body["system"])
    assert (got["pieces"], got["chunks_with_usage"]) == (PIECES, 1)
    assert_raised(got["unknown_model"], "langchain_openai", "OpenAIModelNotFoundError", 404, "sonnet")
    assert_raised(got["overloaded"], "langchain_openai", "OpenAIAPIError", 529, "Too busy.")


def test_litellm_gets_answers_calls_and_errors(bridge: RunningBridge, play_python: Play) -> None:
    got = play_python("ask_litellm.py")
    assert (got["answer"], got["finish_reason"], got["has_tokens"]) == ("Good morning.", "stop", True)
    assert (got["text"], got["reasoning"], got["chunks_with_usage"]) == ("One two three.", "Count first.", 1)
    assert got["call"] == {"name": "weather", "arguments": {"city": "Oslo"}}
    assert got["told"] == "It rains."
    assert_one_session(bridge, "weather")
    assert_raised(got["unknown_model"], "litellm", "NotFoundError", 404, "sonnet")
    assert_raised(got["overloaded"], "litellm", "APIError", 529, "Too busy.")
    assert_raised(got["rate_limited"], "litellm", "RateLimitError", 429, "")


def test_pydantic_ai_gets_answers_and_errors(bridge: RunningBridge, play_python: Play) -> None:
    got = play_python("ask_pydantic_ai.py")
    assert (got["answer"], got["pieces"], got["person"]) == ("Good morning.", PIECES, ADA)
    assert "Answer shortly." in str(bridge.standin.requests[0].body["system"])
    assert_raised(got["unknown_model"], "pydantic_ai", "ModelHTTPError", 404, "sonnet")
    assert_raised(got["overloaded"], "pydantic_ai", "ModelHTTPError", 529, "Too busy.")


def test_instructor_gets_typed_answers_in_every_mode(bridge: RunningBridge, play_python: Play) -> None:
    got = play_python("ask_instructor.py")
    assert (got["by_call"], got["by_json"], got["by_schema"]) == (ADA, ADA, ADA)
    assert got["partial"][-1] == ADA and got["partial"][0] != ADA, "the arguments came in one piece"
    assert got["asked_again"] == ADA
    assert "nobody is that old" in str(bridge.standin.requests[-1].body["messages"])
    assert_raised(got["unknown_model"], "instructor", "InstructorRetryException", None, "model_not_found")


def test_llm_gets_answers_calls_and_errors(bridge: RunningBridge, play_python: Play) -> None:
    got = play_python("ask_llm.py")
    for dialect, name in (("chat", "sonnet"), ("responses", "responses")):
        used = got[dialect]
        assert (used["whole"], used["pieces"], used["has_tokens"]) == ("Good morning.", PIECES, True)
        assert used["by_schema"] == {"city": "Oslo"}
        assert (used["looked_up"], used["chain"]) == (["Oslo"], f"It rains in {name}.")
        assert used["followed"] == "Good night."
        assert_one_session(bridge, f"It rains in {name}.")
    assert got["completed"] == " upon a time"
    assert_raised(got["unknown_model"], "openai", "NotFoundError", 404, "sonnet")


def test_openai_node_gets_answers_calls_and_errors(bridge: RunningBridge, play_node: Play) -> None:
    got = play_node("ask_openai.mjs")
    assert (got["answer"], got["pieces"], got["streamed"]) == ("Good morning.", PIECES, "One two three.")
    assert got["person"] == ADA
    assert got["completed"] == " upon a time" and got["middle"] == ["x +", " 1"]
    assert (got["lookedUp"], got["afterTools"]) == (["Oslo", "Rome"], "Rain in both.")
    assert_one_session(bridge, "Rain in both.")
    unknown, overloaded = got["unknownModel"], got["overloaded"]
    assert (unknown["class"], unknown["status"], unknown["code"]) == ("NotFoundError", 404, "model_not_found")
    assert (overloaded["class"], overloaded["status"]) == ("InternalServerError", 529)
    assert "sonnet" in unknown["message"] and "Too busy." in overloaded["message"]


def test_the_vercel_ai_sdk_gets_answers_and_errors(bridge: RunningBridge, play_node: Play) -> None:
    got = play_node("ask_vercel.mjs")
    assert (got["answer"], got["finishReason"]) == ("Good morning.", "stop")
    assert "Answer shortly." in str(bridge.standin.requests[0].body["system"])
    assert (got["pieces"], got["reasoning"], got["hasTokens"]) == (PIECES, "Count first.", True)
    assert got["person"] == ADA
    unknown, overloaded = got["unknownModel"], got["overloaded"]
    assert (unknown["own"], unknown["status"], unknown["retryable"]) == (True, 404, False)
    assert (overloaded["own"], overloaded["status"], overloaded["retryable"]) == (True, 529, True)
    assert "sonnet" in unknown["message"] and "Too busy." in overloaded["message"]
