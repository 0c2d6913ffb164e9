"""The loops over tools of real clients, against the real CLI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.running_bridge import RunningBridge, directive
from tests.tool_loop import call, sessions

Play = Callable[..., Any]
pytestmark = [pytest.mark.clients, pytest.mark.timeout(1000)]  # the first use installs the clients

TWO_ROUNDS = directive(
    text="Let me add.",
    tools=[call("add", a=1, b=2), call("add", a=3, b=4)],
    then=[{"tools": [call("add", a=3, b=7)]}, {"text": "It is ten."}],
)
ONE_THEN_TYPED = directive(tools=[call("add", a=1, b=2)], then=[{"tools": [call("final_result", total=3)]}])
RETRY = directive(tools=[call("add", a=-1, b=2)], then=[{"tools": [call("add", a=1, b=2)]}, {"text": "Three."}])


def assert_one_session(bridge: RunningBridge) -> None:
    """Whatever the client made of our answers, it sent them back as they were: the turn went on where it waited."""
    assert len(set(sessions(bridge))) == 1


@pytest.mark.parametrize("mode", ["invoke", "stream"])
def test_langchain_loops_over_tools(bridge: RunningBridge, play_python: Play, mode: str) -> None:
    prompt = directive(
        text="Let me see.",
        tools=[call("add", a=1, b=2), call("look", what="a cat")],
        then=[{"tools": [call("add", a=3, b=4)]}, {"text": "It is seven."}],
    )
    assert play_python("langchain_tools.py", mode, prompt) == {
        "seen": [["add", {"a": 1, "b": 2}], ["look", {"what": "a cat"}], ["add", {"a": 3, "b": 4}]],
        "text": "It is seven.",
    }
    assert_one_session(bridge)


def test_langchain_demands_a_call(play_python: Play) -> None:
    prompt = directive(tools=[call("add", a=1, b=2)])
    assert play_python("langchain_tools.py", "any", prompt) == [["add", {"a": 1, "b": 2}]]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_langchain_gets_structured_output(play_python: Play, method: str) -> None:
    ada = {"name": "Ada", "age": 36}
    script = {"structured": ada} if method == "json_schema" else {"tools": [{"name": "Person", "input": ada}]}
    assert play_python("langchain_tools.py", method, directive(**script)) == ada


@pytest.mark.parametrize("mode", ["run", "stream"])
def test_pydantic_ai_loops_over_tools(bridge: RunningBridge, play_python: Play, mode: str) -> None:
    # Its stream takes the first text for the final answer, so none stands before the calls.
    prompt = TWO_ROUNDS if mode == "run" else TWO_ROUNDS.replace('"text": "Let me add.", ', "")
    got = play_python("pydantic_ai_tools.py", mode, prompt)
    assert sorted(got["seen"]) == [["add", 1, 2], ["add", 3, 4], ["add", 3, 7]]
    assert got["output"] == "It is ten."
    assert_one_session(bridge)


def test_pydantic_ai_tries_again(bridge: RunningBridge, play_python: Play) -> None:
    got = play_python("pydantic_ai_tools.py", "run", RETRY)
    assert got == {"seen": [["add", -1, 2], ["add", 1, 2]], "output": "Three."}
    assert_one_session(bridge)


def test_pydantic_ai_gets_typed_output(bridge: RunningBridge, play_python: Play) -> None:
    """It demands a call in every round."""
    got = play_python("pydantic_ai_tools.py", "typed", ONE_THEN_TYPED)
    assert got == {"seen": [["add", 1, 2]], "output": {"total": 3}}
    assert_one_session(bridge)


def test_the_vercel_ai_sdk_streams_over_tools(bridge: RunningBridge, play_node: Play) -> None:
    prompt = directive(
        text="Let me add.",
        tools=[call("add", a=1, b=2), call("fail")],
        then=[{"tools": [call("add", a=3, b=0.5)]}, {"text": "It is three and a half."}],
    )
    got = play_node("vercel_tools.mjs", "stream", prompt)
    assert got["seen"] == [["add", 1, 2], ["fail"], ["add", 3, 0.5]]
    assert got["text"] == "It is three and a half."
    assert got["reasons"] == ["tool-calls", "tool-calls", "stop"] and got["usage"]
    assert got["deltas"]["tool-input-delta"] > got["deltas"]["tool-call"] == 3
    assert_one_session(bridge)


def test_the_vercel_ai_sdk_demands_a_call(play_node: Play) -> None:
    got = play_node("vercel_tools.mjs", "named", directive(tools=[call("add", a=1, b=2)]))
    assert got == {"seen": [["add", 1, 2]], "text": "", "results": [{"sum": 3}]}
