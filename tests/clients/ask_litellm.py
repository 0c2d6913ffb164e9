"""LiteLLM: an answer, a stream with reasoning, calls, and the errors that it maps to classes of its own."""

from __future__ import annotations

import json
import os
from typing import Any

from tests.clients.asking import BASE_URL, CITY, OVERLOADED, calling, directive, failure, report

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks the network for its price list
import litellm

litellm.telemetry = False
WEATHER = {"type": "function", "function": {"name": "weather", "description": "The weather.", "parameters": CITY}}


def complete(messages: str | list[Any], model: str = "sonnet", **options: Any) -> Any:
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    return litellm.completion(
        f"openai/{model}", messages, api_base=BASE_URL, api_key="not-needed", num_retries=0, max_retries=0, **options
    )


answer = complete(directive(text="Good morning."))
chunks = list(
    complete(
        directive(thinking="Count first.", chunks=["One", " two", " three."]),
        stream=True,
        stream_options={"include_usage": True},
        reasoning_effort="low",
        allowed_openai_params=["reasoning_effort"],
    )
)
deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
question = {"role": "user", "content": calling("weather", {"text": "It rains."}, city="Oslo")}
asked = complete([question], tools=[WEATHER])
call = asked.choices[0].message.tool_calls[0]
result = {"role": "tool", "tool_call_id": call.id, "content": "Rain in Oslo."}
told = complete([question, asked.choices[0].message, result], tools=[WEATHER])


report(
    answer=answer.choices[0].message.content,
    finish_reason=answer.choices[0].finish_reason,
    has_tokens=answer.usage.completion_tokens > 0,
    text="".join(delta.content or "" for delta in deltas),
    reasoning="".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas),
    chunks_with_usage=sum(bool(getattr(chunk, "usage", None)) for chunk in chunks),
    call={"name": call.function.name, "arguments": json.loads(call.function.arguments)},
    told=told.choices[0].message.content,
    unknown_model=failure(lambda: complete("Hi", "llama-99")),
    overloaded=failure(lambda: complete(OVERLOADED)),
    rate_limited=failure(lambda: complete(directive(error={"status": 429, "type": "rate_limit_error"}))),
)
