"""pydantic-ai's agent: tools, a retry, and typed output, for which it demands a call. Prints what it saw as JSON."""

import asyncio
import json
import sys
from typing import Any

from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

base_url, mode, prompt = sys.argv[1:]
model = OpenAIChatModel("sonnet", provider=OpenAIProvider(base_url=base_url, api_key="not-needed"))
seen: list[Any] = []


class Sum(BaseModel):
    total: int


def add(a: int, b: int) -> int:
    """Add two numbers…"""
    seen.append(["add", a, b])
    if a < 0:
        raise ModelRetry("not below zero")
    return a + b


async def main() -> None:
    if mode == "typed":
        typed = await Agent(model, tools=[add], output_type=Sum).run(prompt)
        print(json.dumps({"seen": seen, "output": typed.output.model_dump()}))
    elif mode == "stream":
        async with Agent(model, tools=[add]).run_stream(prompt) as result:
            text = [piece async for piece in result.stream_text(delta=True)]
        print(json.dumps({"seen": seen, "output": "".join(text), "pieces": len(text)}))
    else:
        plain = await Agent(model, tools=[add]).run(prompt)
        print(json.dumps({"seen": seen, "output": plain.output}))


asyncio.run(main())
