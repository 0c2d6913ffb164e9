"""openai-agents: a tool, a handoff and a stream, by replay and by id. Prints what it saw as JSON."""

import asyncio

from agents import Agent, OpenAIResponsesModel, Runner, SQLiteSession, function_tool, set_tracing_disabled
from openai import AsyncOpenAI

from tests.clients.asking import BASE_URL, directive, report

set_tracing_disabled(True)
model = OpenAIResponsesModel("sonnet", AsyncOpenAI(base_url=BASE_URL, api_key="not-needed", max_retries=0))
added: list[list[int]] = []


@function_tool  # type: ignore[untyped-decorator, unused-ignore]
def add(a: int, b: int) -> str:
    """Add two numbers."""
    added.append([a, b])
    return str(a + b)


clerk = Agent(name="Clerk", model=model, instructions="You add.", tools=[add])
greeter = Agent(name="Greeter", model=model, instructions="You hand over.", handoffs=[clerk])
CALL = [{"name": "add", "input": {"a": 1, "b": 2}}]


async def main() -> None:
    whole = await Runner.run(clerk, directive(tools=CALL, then=[{"text": "It is 3."}]))
    by_id = await Runner.run(clerk, directive(tools=CALL, then=[{"text": "Three."}]), auto_previous_response_id=True)
    streamed = Runner.run_streamed(clerk, directive(thinking="Sum.", tools=CALL, then=[{"text": "It is 3."}]))
    deltas = 0
    async for event in streamed.stream_events():
        deltas += event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    handoff = [{"name": "transfer_to_clerk", "input": {}}]
    handed = await Runner.run(greeter, directive(tools=handoff, then=[{"text": "Clerk."}]))
    session = SQLiteSession("one")
    await Runner.run(clerk, directive(thinking="Hm.", text="One."), session=session)
    again = await Runner.run(clerk, directive(text="Two."), session=session)
    report(
        whole=whole.final_output,
        by_id=by_id.final_output,
        streamed=streamed.final_output,
        deltas=deltas,
        added=added,
        handed=handed.final_output,
        last=handed.last_agent.name,
        again=again.final_output,
    )


asyncio.run(main())
