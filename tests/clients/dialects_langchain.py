"""LangChain over Messages and Ollama: text, a stream, a tool round, a type. Prints what it saw as JSON."""

from __future__ import annotations

from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_ollama import ChatOllama
from pydantic import BaseModel

from tests.clients.asking import BASE_URL, calling, directive, report

ROOT = BASE_URL.removesuffix("/v1")


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@tool  # type: ignore[untyped-decorator, unused-ignore]
def weather(city: str) -> str:
    """Tell the weather."""
    return f"Rain in {city}."


def use(model: Any, typed: str) -> dict[str, Any]:
    answer = model.invoke(directive(text="Good morning."))
    pieces = [chunk.text for chunk in model.stream(directive(chunks=["One", " two"])) if chunk.text]
    question = HumanMessage(calling("weather", {"text": "It rains."}, city="Oslo"))
    bound = model.bind_tools([weather])
    called: Any = None
    for chunk in bound.stream([question]):
        called = chunk if called is None else called + chunk
    (call,) = called.tool_calls
    result = ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])
    return {
        "answer": answer.text,
        "pieces": pieces,
        "calls": [{"name": call["name"], "args": call["args"]}],
        "told": bound.invoke([question, called, result]).text,
        "typed": model.with_structured_output(Person, method="json_schema").invoke(typed).model_dump(),
        "tokens": answer.usage_metadata["output_tokens"],
    }


ADA = directive(structured={"name": "Ada", "age": 36})
anthropic: Any = ChatAnthropic(
    model_name="sonnet", base_url=ROOT, api_key="not-needed", max_retries=0, timeout=None, stop=None
)
ollama = ChatOllama(model="sonnet", base_url=ROOT, validate_model_on_init=True)
messages: Any = [HumanMessage("How long is this?")]
report(
    messages={**use(anthropic, ADA), "counted": anthropic.get_num_tokens_from_messages(messages)},
    ollama=use(ollama, ADA),
)
