"""What pydantic-ai is made to do by each dialect: tools over two questions, a typed answer, a stream."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic_ai import Agent

from tests.clients.asking import calling, directive


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
