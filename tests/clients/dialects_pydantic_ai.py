"""pydantic-ai by Messages and by its provider for Ollama: tools, typed answers, streams. Prints what it saw as JSON."""

from __future__ import annotations

from typing import Any

from anthropic import AsyncAnthropic
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.ollama import OllamaProvider

from tests.clients.asking import BASE_URL, calling, directive, report


class Person(BaseModel):
    name: str
    age: int


def use(model: Any) -> dict[str, Any]:
    looked: list[str] = []
    agent = Agent(model, instructions="Be brief.")

    @agent.tool_plain  # type: ignore[untyped-decorator, unused-ignore]
    def weather(city: str) -> str:
        """The weather in a city."""
        looked.append(city)
        return "Rain."

    first = agent.run_sync(calling("weather", {"text": "It rains."}, city="Oslo"))
    second = agent.run_sync(directive(text="Still."), message_history=first.all_messages())
    typed = Agent(model, output_type=Person).run_sync(
        directive(tools=[{"name": "final_result", "input": {"name": "Ada", "age": 36}}])
    )
    streamed = agent.run_stream_sync(directive(chunks=["One", " two"]))
    return {
        "told": first.output,
        "looked": looked,
        "second": second.output,
        "typed": typed.output.model_dump(),
        "streamed": list(streamed.stream_text())[-1],
    }


client = AsyncAnthropic(base_url=BASE_URL.removesuffix("/v1"), api_key="not-needed", max_retries=0)
report(
    messages=use(AnthropicModel("sonnet", provider=AnthropicProvider(anthropic_client=client))),
    ollama=use(OpenAIChatModel("sonnet:latest", provider=OllamaProvider(base_url=BASE_URL))),
)
