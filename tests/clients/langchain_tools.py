"""LangChain's tools: an agent's loop, its stream, a demanded call, structured output. Prints what it saw as JSON."""

import json
import sys
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

base_url, mode, prompt = sys.argv[1:]
model = ChatOpenAI(model="sonnet", base_url=base_url, api_key="not-needed", max_retries=0)


class Person(BaseModel):
    """A person…"""

    name: str
    age: int | None = None


@tool  # type: ignore[untyped-decorator, unused-ignore]
def add(a: int, b: int) -> int:
    """Add two numbers…"""
    return a + b


@tool  # type: ignore[untyped-decorator, unused-ignore]
def look(what: str) -> list[dict[str, Any]]:
    """Look at something."""
    return [{"type": "text", "text": f"a picture of {what}"}]


TOOLS = {"add": add, "look": look}


def loop(*, streamed: bool) -> dict[str, Any]:
    bound = model.bind_tools([add, look])
    messages: list[Any] = [HumanMessage(prompt)]
    seen: list[Any] = []
    while True:
        answer: Any
        if streamed:
            answer = None
            for chunk in bound.stream(messages):
                answer = chunk if answer is None else answer + chunk
        else:
            answer = bound.invoke(messages)
        assert isinstance(answer, AIMessage) and not answer.invalid_tool_calls
        messages.append(answer)
        if not answer.tool_calls:
            return {"seen": seen, "text": answer.content}
        for call in answer.tool_calls:
            seen.append([call["name"], call["args"]])
            result = TOOLS[call["name"]].invoke(call["args"])
            messages.append(ToolMessage(result if isinstance(result, list) else str(result), tool_call_id=call["id"]))


if mode in ("invoke", "stream"):
    print(json.dumps(loop(streamed=mode == "stream")))
elif mode == "any":
    forced = model.bind_tools([add, look], tool_choice="any").invoke(prompt)
    print(json.dumps([[call["name"], call["args"]] for call in forced.tool_calls]))
else:
    structured: Any = model.with_structured_output(Person, method=mode).invoke(prompt)
    print(json.dumps(structured.model_dump()))
