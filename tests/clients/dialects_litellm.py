"""litellm by Messages (`anthropic/`) and by Ollama (`ollama_chat/`, `ollama/`). Prints what it saw as JSON."""

from __future__ import annotations

from typing import Any

import litellm

from tests.clients.asking import BASE_URL, OVERLOADED, calling, described, directive, report

ROOT = BASE_URL.removesuffix("/v1")
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def ask(model: str, messages: list[Any], **more: Any) -> Any:
    return litellm.completion(model=model, messages=messages, api_base=ROOT, api_key="not-needed", **more)


def use(model: str) -> dict[str, Any]:
    whole = ask(model, [{"role": "user", "content": directive(text="Good morning.")}])
    chunks = list(ask(model, [{"role": "user", "content": directive(chunks=["One", " two"])}], stream=True))
    found = {
        "answer": whole.choices[0].message.content,
        "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in chunks),
    }
    if not model.startswith("ollama/"):  # whose prompts are flattened
        question = {"role": "user", "content": calling("weather", {"text": "It rains."}, city="Oslo")}
        called = ask(model, [question], tools=[TOOL]).choices[0].message
        (call,) = called.tool_calls
        result = {"role": "tool", "tool_call_id": call.id, "name": "weather", "content": "Rain."}
        told = ask(model, [question, called.model_dump(), result], tools=[TOOL])
        found |= {"call": call.function.arguments, "told": told.choices[0].message.content}
    try:
        ask(model, [{"role": "user", "content": OVERLOADED}], num_retries=0, max_retries=0)
    except Exception as raised:
        found["error"] = described(raised)
    return found


report(**{model: use(f"{model}/sonnet") for model in ("anthropic", "ollama_chat", "ollama")})
