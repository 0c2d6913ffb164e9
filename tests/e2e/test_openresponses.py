"""What the compliance suite of openresponses.org asks of a server, in requests of our own.

Each answer is held against every field of that specification's response, and each event against OpenAI's own types.
https://www.openresponses.org/compliance
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from tests.e2e.test_responses import events_of, post
from tests.e2e.upstream import newest, system_prompt, turns
from tests.running_bridge import RunningBridge, directive

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
STRING, NUMBER, BOOLEAN, OBJECT, ARRAY, NULL = str, (int, float), bool, dict, list, type(None)
# Every field is required; those of several types may be null.
FIELDS: Mapping[str, tuple[Any, ...]] = {
    "id": (STRING,),
    "object": (STRING,),
    "created_at": (int,),
    "completed_at": (int, NULL),
    "status": (STRING,),
    "incomplete_details": (OBJECT, NULL),
    "model": (STRING,),
    "previous_response_id": (STRING, NULL),
    "instructions": (STRING, NULL),
    "output": (ARRAY,),
    "error": (OBJECT, NULL),
    "tools": (ARRAY,),
    "tool_choice": (STRING, OBJECT),
    "truncation": (STRING,),
    "parallel_tool_calls": (BOOLEAN,),
    "text": (OBJECT,),
    "top_p": (NUMBER,),
    "presence_penalty": (NUMBER,),
    "frequency_penalty": (NUMBER,),
    "top_logprobs": (int,),
    "temperature": (NUMBER,),
    "reasoning": (OBJECT, NULL),
    "usage": (OBJECT, NULL),
    "max_output_tokens": (int, NULL),
    "max_tool_calls": (int, NULL),
    "store": (BOOLEAN,),
    "background": (BOOLEAN,),
    "service_tier": (STRING,),
    "metadata": (OBJECT,),
    "safety_identifier": (STRING, NULL),
    "prompt_cache_key": (STRING, NULL),
}
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Tell the weather of a place.",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
}
CALL = directive(tools=[{"name": "get_weather", "input": {"place": "Bergen"}}])
DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)


def message(role: str, content: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content}


def check_response(response: Mapping[str, Any]) -> None:
    for name, types in FIELDS.items():
        assert name in response, f"{name} is missing"
        flat = tuple(each for type_ in types for each in (type_ if isinstance(type_, tuple) else (type_,)))
        assert isinstance(response[name], flat), f"{name} is {response[name]!r}"
    assert response["object"] == "response" and response["id"].startswith("resp_")
    if response["usage"] is not None:
        assert set(response["usage"]["input_tokens_details"]) == {"cached_tokens", "cache_write_tokens"}
        assert set(response["usage"]["output_tokens_details"]) == {"reasoning_tokens"}
    assert isinstance(response["text"]["format"], dict)
    for tool in response["tools"]:
        assert {"type", "name", "description", "parameters", "strict"} <= set(tool)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("items", "more", "kinds"),
    [
        ([message("user", directive(text="Good day to you."))], {}, ["message"]),
        ([message("system", "You sell fish."), message("user", directive(text="Fresh cod!"))], {}, ["message"]),
        ([message("user", CALL)], {"tools": [WEATHER]}, ["function_call"]),
        (
            [
                message(
                    "user",
                    [
                        {"type": "input_text", "text": directive(text="A dot.")},
                        {"type": "input_image", "image_url": DOT},
                    ],
                )
            ],
            {},
            ["message"],
        ),
        (
            [
                message("user", "I am Ola."),
                message("assistant", "Hello, Ola."),
                message("user", directive(text="You are Ola.")),
            ],
            {},
            ["message"],
        ),
    ],
    ids=["text", "system prompt", "tool call", "picture", "several turns"],
)
def test_a_compliant_answer(
    bridge: RunningBridge, items: list[Any], more: dict[str, Any], kinds: list[str], stream: bool
) -> None:
    answer = post(bridge, input=items, stream=stream, **more)
    assert answer.status_code == 200, answer.text
    if stream:
        events = events_of(answer)
        for event in events:
            EVENT.validate_python(event)
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        for event in events:
            if "response" in event:
                check_response(event["response"])
        response = events[-1]["response"]
        done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
        assert done == response["output"]
        if kinds == ["function_call"]:
            named = [event["type"].removeprefix("response.") for event in events]
            assert {"function_call_arguments.delta", "function_call_arguments.done"} <= set(named)
            added = next(event["item"] for event in events if event["type"] == "response.output_item.added")
            assert (added["type"], added["arguments"]) == ("function_call", "")
    else:
        response = answer.json()
    check_response(response)
    assert (response["status"], [item["type"] for item in response["output"]]) == ("completed", kinds)
    if items[0]["role"] == "system":
        assert "You sell fish." in system_prompt(newest(bridge))
    if len(items) == 3:
        said = [(role, blocks[0]["text"]) for role, blocks in turns(newest(bridge))]
        assert said[:2] == [("user", "I am Ola."), ("assistant", "Hello, Ola.")]
