"""Pydantic AI: text, a stream, typed output in JSON, errors. Its tools: `pydantic_ai_tools.py`."""

from __future__ import annotations

import asyncio
from typing import Any

from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.clients.asking import BASE_URL, OVERLOADED, described, directive, report


class Person(BaseModel):
    name: str
    age: int


def model(name: str = "sonnet") -> OpenAIChatModel:
    client = AsyncOpenAI(base_url=BASE_URL, api_key="not-needed", max_retries=0)
    return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=client))


async def streamed(prompt: str) -> list[str]:
    async with Agent(model()).run_stream(prompt) as run:
        return [text async for text in run.stream_text(delta=True, debounce_by=None)]


async def failure_of(name: str, prompt: str) -> dict[str, Any]:
    try:
        await Agent(model(name)).run(prompt)
    except Exception as error:
        return described(error)
    return {}


async def ask_all() -> None:
    answer = await Agent(model(), instructions="Answer shortly.").run(directive(text="Good morning."))
    person = {"name": "Ada", "age": 36}
    typed = await Agent(model(), output_type=NativeOutput(Person)).run(directive(structured=person))
    report(
        answer=answer.output,
        pieces=await streamed(directive(chunks=["One", " two", " three."])),
        person=typed.output.model_dump(),
        unknown_model=await failure_of("llama-99", "Hi"),
        overloaded=await failure_of("sonnet", OVERLOADED),
    )


asyncio.run(ask_all())  # one loop for all: a connection belongs to the loop that it was made in
