"""Pydantic AI: text, a stream, typed output in JSON, errors. Its tools: `pydantic_ai_tools.py`."""

from __future__ import annotations

import asyncio

from asking import BASE_URL, OVERLOADED, directive, failure, report
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


class Person(BaseModel):
    name: str
    age: int


def model(name: str = "sonnet") -> OpenAIChatModel:
    # A timeout of our own: by default, a connection must stand within 5 s, and tests run on busy machines.
    client = AsyncOpenAI(base_url=BASE_URL, api_key="not-needed", max_retries=0, timeout=100)
    return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=client))


async def streamed(prompt: str) -> list[str]:
    async with Agent(model()).run_stream(prompt) as run:
        return [text async for text in run.stream_text(delta=True, debounce_by=None)]


answer = Agent(model(), instructions="Answer shortly.").run_sync(directive(text="Good morning."))
person = {"name": "Ada", "age": 36}
report(
    answer=answer.output,
    pieces=asyncio.run(streamed(directive(chunks=["One", " two", " three."]))),
    person=Agent(model(), output_type=NativeOutput(Person)).run_sync(directive(structured=person)).output.model_dump(),
    unknown_model=failure(lambda: Agent(model("llama-99")).run_sync("Hi")),
    overloaded=failure(lambda: Agent(model()).run_sync(OVERLOADED)),
)
