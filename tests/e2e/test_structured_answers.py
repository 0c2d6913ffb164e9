"""Structured answers that the Messages API itself holds to their schema, turn by turn."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx

from tests.running_bridge import RunningBridge, directive

Json = dict[str, Any]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
OTHER = {**SCHEMA, "properties": {"name": {"type": "string"}}, "required": ["name"]}
CITY = {"city": "Ulm ```json", "people": 126_000}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def ask(bridge: RunningBridge, question: str, schema: Json | None, **more: Any) -> Json:
    body: Json = {"model": "sonnet", "messages": [{"role": "user", "content": question}], **more}
    if schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "x", "strict": True, "schema": schema},
        }
    response = httpx.post(f"{bridge.base_url}/chat/completions", json=body, timeout=60)
    found: Json = response.json()
    return found


def content(answer: Json) -> str:
    assert "choices" in answer, answer
    return str(answer["choices"][0]["message"]["content"])


def newest(bridge: RunningBridge) -> Json:
    return dict(bridge.standin.requests[-1].body)


def test_a_schema_goes_into_the_body_beside_the_effort_and_binds_nothing(
    make_bridge: Callable[..., RunningBridge],
) -> None:
    bridge = make_bridge(pool_size=1, max_sessions=1)
    bridge.wait_until_warm(1)
    system = {"role": "system", "content": "Be brief."}
    pids = set()
    for number, schema in enumerate((SCHEMA, None, OTHER, SCHEMA)):
        said = CITY if schema is SCHEMA else {"name": "Ulm"}
        question = f"{number}\n{directive(structured=said) if schema else directive(text='Fine.')}"
        messages = [system, {"role": "user", "content": question}]
        answer = ask(bridge, question, schema, messages=messages, reasoning_effort="high")
        assert content(answer) == ("Fine." if schema is None else json.dumps(said))
        config = newest(bridge)["output_config"]
        assert config["effort"] == "high"
        wanted = None if schema is None else {"type": "json_schema", "schema": schema}
        assert config.get("format") == wanted
        assert not newest(bridge).get("tools")
        pids |= {session.pid for session in bridge.snapshot().pool.sessions}
    assert len(pids) == 1


def test_tools_beside_a_schema_are_the_clients_alone_and_the_answer_after_their_results_keeps_to_it(
    bridge: RunningBridge,
) -> None:
    question = directive(tools=[{"name": "look"}], then=[{"structured": CITY}])
    first = ask(bridge, question, SCHEMA, tools=[TOOL])
    message = first["choices"][0]["message"]
    (call,) = message["tool_calls"]
    assert [tool["name"] for tool in newest(bridge)["tools"]] == ["look"]
    result = {"role": "tool", "tool_call_id": call["id"], "content": "seen"}
    messages = [{"role": "user", "content": question}, message, result]
    assert content(ask(bridge, "", SCHEMA, tools=[TOOL], messages=messages)) == json.dumps(CITY)
    assert newest(bridge)["output_config"]["format"]["schema"] == SCHEMA
    bridge.wait_for(lambda s: dict(s.pool.taken)["suspended"] >= 1)


def test_a_schema_that_the_api_refuses_is_held_by_claude_code(bridge: RunningBridge) -> None:
    schema = {**SCHEMA, "title": "Refused"}  # what was refused is remembered by the bridge
    refusal = {"status": 400, "type": "invalid_request_error", "message": "output_config.format: too complex"}
    question = directive(structured=CITY, error=refusal, error_times=2)  # Claude Code itself tries twice
    assert json.loads(content(ask(bridge, question, schema))) == CITY
    assert "format" not in newest(bridge).get("output_config", {})
    assert newest(bridge)["tools"][0]["input_schema"] == schema
    bridge.standin.clear()
    assert json.loads(content(ask(bridge, directive(structured=CITY), schema))) == CITY
    (only,) = bridge.standin.requests
    assert "format" not in only.body.get("output_config", {}), "it is not tried again"


def test_a_schema_that_a_gateway_ignores_is_an_error_once(bridge: RunningBridge) -> None:
    schema = {**SCHEMA, "title": "Ignored"}
    answer = ask(bridge, directive(text="Here you are: Ulm."), schema)
    assert "does not fit the requested schema" in answer["error"]["message"]
    assert json.loads(content(ask(bridge, directive(structured=CITY), schema))) == CITY
    assert newest(bridge)["tools"][0]["input_schema"] == schema
