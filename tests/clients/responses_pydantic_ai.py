"""pydantic-ai over Responses: tools, typed answers, a stream, a second question by id. Prints what it saw as JSON."""

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIResponsesModel, OpenAIResponsesModelSettings
from pydantic_ai.providers.openai import OpenAIProvider

from tests.clients.asking import BASE_URL, calling, directive, report

model = OpenAIResponsesModel("sonnet", provider=OpenAIProvider(base_url=BASE_URL, api_key="not-needed"))
agent = Agent(model, instructions="Be brief.")
looked: list[str] = []


@agent.tool_plain  # type: ignore[untyped-decorator, unused-ignore]
def weather(city: str) -> str:
    """The weather in a city."""
    looked.append(city)
    return "Rain."


class Person(BaseModel):
    name: str
    age: int


first = agent.run_sync(calling("weather", {"text": "It rains."}, city="Oslo"))
second = agent.run_sync(
    directive(text="Still."),
    message_history=first.all_messages(),
    model_settings=OpenAIResponsesModelSettings(openai_previous_response_id="auto"),
)
typed = Agent(model, output_type=Person).run_sync(
    directive(tools=[{"name": "final_result", "input": {"name": "Ada", "age": 36}}])
)
streamed = agent.run_stream_sync(directive(thinking="Hm.", chunks=["One", " two"]))
report(
    told=first.output,
    looked=looked,
    second=second.output,
    typed=typed.output.model_dump(),
    streamed=list(streamed.stream_text())[-1],
)
