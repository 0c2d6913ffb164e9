"""Anthropic's own library: whole, streamed, thinking sent back, a typed answer, a thread of tool calls, and errors."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
from anthropic import beta_tool
from pydantic import BaseModel

from tests.clients.asking import BASE_URL, OVERLOADED, calling, directive, failure, report

ROOT = BASE_URL.removesuffix("/v1")
client = anthropic.Anthropic(base_url=ROOT, api_key="not-needed", max_retries=0)


class Person(BaseModel):
    name: str
    age: int


def ask(prompt: str, model: str = "sonnet", **more: Any) -> Any:
    messages = [{"role": "user", "content": prompt}]
    return client.messages.create(model=model, max_tokens=100, messages=messages, **more)


async def ask_async(prompt: str) -> str:
    async with anthropic.AsyncAnthropic(base_url=ROOT, api_key="not-needed", max_retries=0) as other:
        messages: Any = [{"role": "user", "content": prompt}]
        message = await other.messages.create(model="sonnet", max_tokens=100, messages=messages)
    return "".join(block.text for block in message.content if block.type == "text")


@beta_tool  # type: ignore[untyped-decorator]
def weather(city: str) -> str:
    """Tell the weather.

    Args:
        city: The city.
    """
    return f"Rain in {city}."


whole = ask(directive(text="Good morning."), system="Answer shortly.")
question: Any = {"role": "user", "content": directive(text="One two three.", thinking="Count first.")}
with client.messages.stream(
    model="sonnet", max_tokens=100, messages=[question], thinking={"type": "adaptive"}
) as stream:
    pieces = list(stream.text_stream)
    streamed = stream.get_final_message()
again: Any = [
    question,
    {"role": "assistant", "content": streamed.content},
    {"role": "user", "content": directive(text="Four.")},
]
runner = client.beta.messages.tool_runner(
    model="sonnet",
    max_tokens=100,
    tools=[weather],
    messages=[{"role": "user", "content": calling("weather", {"text": "It rains."}, city="Oslo")}],
)
rounds = [{"stop": message.stop_reason, "blocks": [block.type for block in message.content]} for message in runner]
typed = client.messages.parse(
    model="sonnet",
    max_tokens=100,
    messages=[{"role": "user", "content": directive(structured={"name": "Ada", "age": 36})}],
    output_format=Person,
)
report(
    answer=whole.content[0].text,
    stop_reason=whole.stop_reason,
    has_tokens=whole.usage.input_tokens > 0 and whole.usage.output_tokens > 0,
    request_id=whole._request_id,
    pieces=pieces,
    blocks=[block.type for block in streamed.content],
    after_thinking=client.messages.create(model="sonnet", max_tokens=100, messages=again).content[0].text,
    rounds=rounds,
    typed=typed.parsed_output.model_dump(),
    asynchronous=asyncio.run(ask_async(directive(text="At once."))),
    counted=client.messages.count_tokens(model="sonnet", messages=[question]).input_tokens,
    models=[model.id for model in client.models.list(limit=2)],
    unknown_model=failure(lambda: ask("Hi", "llama-99")),
    overloaded=failure(lambda: ask(OVERLOADED)),
)
