"""OpenAI's own Python client, blocking and awaited: its helpers for streams, typed answers and tools."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from openai import pydantic_function_tool
from pydantic import BaseModel, Field

from tests.running_bridge import RunningBridge, directive
from tests.tool_loop import call, result, sessions

PIECES = ["One", " two", " three."]
OVERLOADED = directive(error={"status": 529, "type": "overloaded_error", "message": "Too busy."})


class Person(BaseModel):
    name: str
    age: int


class Weather(BaseModel):
    """The weather in a city."""

    city: str = Field(description="Its name.")


WEATHER: Any = pydantic_function_tool(Weather, name="weather")


def asking(prompt: str, model: str = "sonnet") -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": prompt}]}


@pytest_asyncio.fixture
async def awaited(bridge: RunningBridge) -> AsyncIterator[openai.AsyncOpenAI]:
    async with bridge.async_client() as client:
        yield client


def test_the_stream_helper_tells_each_event(bridge: RunningBridge) -> None:
    with bridge.client.chat.completions.stream(**asking(directive(chunks=PIECES))) as stream:
        events = list(stream)
    assert [event.delta for event in events if event.type == "content.delta" and event.delta] == PIECES
    assert [event.content for event in events if event.type == "content.done"] == ["One two three."]
    choice = stream.get_final_completion().choices[0]
    assert (choice.message.content, choice.finish_reason) == ("One two three.", "stop")


def test_a_typed_answer_is_parsed(bridge: RunningBridge) -> None:
    prompt = directive(structured={"name": "Ada", "age": 36})
    completion = bridge.client.chat.completions.parse(**asking(prompt), response_format=Person)
    assert completion.choices[0].message.parsed == Person(name="Ada", age=36)


def test_a_typed_answer_grows_as_it_streams(bridge: RunningBridge) -> None:
    prompt = directive(structured={"name": "Ada Lovelace, Countess", "age": 36})
    with bridge.client.chat.completions.stream(**asking(prompt), response_format=Person) as stream:
        parts = [event.parsed for event in stream if event.type == "content.delta" and event.parsed]
    assert stream.get_final_completion().choices[0].message.parsed == Person(name="Ada Lovelace, Countess", age=36)
    assert len(parts) > 1


def test_streamed_rounds_of_calls_go_on_in_one_session(bridge: RunningBridge) -> None:
    rounds = [{"tools": [call("weather", city="Rome"), call("weather", city="Bern")]}, {"text": "Rain everywhere."}]
    request = asking(directive(text="Let me look.", tools=[call("weather", city="Oslo")], then=rounds))
    seen: list[list[Any]] = []
    while True:
        with bridge.client.chat.completions.stream(**request, tools=[WEATHER]) as stream:
            done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        message = stream.get_final_completion().choices[0].message
        request["messages"].append(message.model_dump(exclude_none=True))
        if not message.tool_calls:
            break
        assert [json.loads(event.arguments) for event in done] == [
            json.loads(each.function.arguments) for each in message.tool_calls
        ]
        seen.append([each.function.parsed_arguments for each in message.tool_calls])
        request["messages"] += [result(each.id, "Rain.") for each in message.tool_calls]
    assert seen == [[Weather(city="Oslo")], [Weather(city="Rome"), Weather(city="Bern")]]
    assert message.content == "Rain everywhere."
    assert len(set(sessions(bridge))) == 1


async def test_awaited_answers_and_streams(awaited: openai.AsyncOpenAI) -> None:
    whole = await awaited.chat.completions.create(**asking(directive(text="Good morning.")))
    assert whole.choices[0].message.content == "Good morning."
    async with awaited.chat.completions.stream(**asking(directive(chunks=PIECES))) as stream:
        deltas = [event.delta async for event in stream if event.type == "content.delta"]
    assert [delta for delta in deltas if delta] == PIECES


async def test_awaited_typed_answers_and_calls(awaited: openai.AsyncOpenAI) -> None:
    prompt = directive(structured={"name": "Ada", "age": 36})
    typed = await awaited.chat.completions.parse(**asking(prompt), response_format=Person)
    assert typed.choices[0].message.parsed == Person(name="Ada", age=36)
    request = asking(directive(tools=[call("weather", city="Oslo")], then=[{"text": "It rains."}]))
    asked = await awaited.chat.completions.parse(**request, tools=[WEATHER])
    (wanted,) = asked.choices[0].message.tool_calls or []
    assert wanted.function.parsed_arguments == Weather(city="Oslo")
    request["messages"] += [asked.choices[0].message.model_dump(exclude_none=True), result(wanted.id, "Rain.")]
    told = await awaited.chat.completions.create(**request, tools=[WEATHER])
    assert told.choices[0].message.content == "It rains."


async def test_errors_have_the_clients_own_classes(bridge: RunningBridge, awaited: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="sonnet"):
        await awaited.chat.completions.create(**asking("Hi", "llama-99"))
    with (
        pytest.raises(openai.NotFoundError, match="sonnet"),
        bridge.client.chat.completions.stream(**asking("Hi", "llama-99")),
    ):
        pass
    with pytest.raises(openai.InternalServerError, match="Too busy") as caught:
        await awaited.chat.completions.create(**asking(OVERLOADED), stream=True)
    assert caught.value.status_code == 529


def test_an_error_within_a_stream_is_raised_after_what_came(bridge: RunningBridge) -> None:
    error = {"status": 529, "type": "overloaded_error", "message": "Too busy."}
    came: list[str] = []
    prompt = directive(chunks=PIECES, error_event_after=2, error=error)
    with (
        bridge.client.chat.completions.create(**asking(prompt), stream=True) as stream,
        pytest.raises(openai.APIError, match="Too busy"),
    ):
        came.extend(chunk.choices[0].delta.content or "" for chunk in stream)
    assert [text for text in came if text] == PIECES[:2]
