"""Ollama's own library: whole, streamed, thinking, a round of tools, a generation, a typed answer, and errors."""

from __future__ import annotations

import asyncio
from typing import Any

import ollama

from tests.clients.asking import BASE_URL, OVERLOADED, calling, directive, failure, report

ROOT = BASE_URL.removesuffix("/v1")
client = ollama.Client(host=ROOT)


def weather(city: str) -> str:
    """Tell the weather.

    Args:
      city: The city.
    """
    return f"Rain in {city}."


def ask(prompt: str, model: str = "sonnet:latest", **more: Any) -> Any:
    return client.chat(model=model, messages=[{"role": "user", "content": prompt}], **more)


async def ask_async(prompt: str) -> str:
    answer = await ollama.AsyncClient(host=ROOT).chat(model="sonnet", messages=[{"role": "user", "content": prompt}])
    return str(answer.message.content)


parts = list(ask(directive(text="One two three.", thinking="Count first."), stream=True))
messages: list[Any] = [{"role": "user", "content": calling("weather", {"text": "It rains."}, city="Oslo")}]
called = client.chat(model="sonnet", messages=messages, tools=[weather]).message
messages.append(called)
for call in called.tool_calls or ():
    result = weather(**call.function.arguments)
    messages.append({"role": "tool", "tool_name": call.function.name, "content": result})
SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
report(
    answer=ask(directive(text="Good morning.")).message.content,
    pieces=[part.message.content for part in parts if part.message.content],
    thinking="".join(part.message.thinking or "" for part in parts),
    ends=[part.done_reason for part in parts if part.done],
    has_tokens=parts[-1].eval_count > 0 and parts[-1].eval_duration > 0,
    call=[{"name": call.function.name, "arguments": dict(call.function.arguments)} for call in called.tool_calls or ()],
    told=client.chat(model="sonnet", messages=messages, tools=[weather]).message.content,
    generated=client.generate(model="sonnet", prompt=directive(text="Once.")).response,
    typed=ask(directive(structured={"age": 36}), format=SCHEMA).message.content,
    asynchronous=asyncio.run(ask_async(directive(text="At once."))),
    models=[model.model for model in client.list().models],
    capabilities=client.show("sonnet").capabilities,
    pulled=client.pull("sonnet").status,
    unknown_model=failure(lambda: ask("Hi", "llama-99")),
    overloaded=failure(lambda: ask(OVERLOADED)),
    embedding=failure(lambda: client.embed("sonnet", "x")),
)
