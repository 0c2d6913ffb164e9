"""llama-index over Responses and Ollama: a chat, a stream, a tool round. Prints what it saw as JSON."""

from __future__ import annotations

from typing import Any

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.ollama import Ollama
from llama_index.llms.openai import OpenAIResponses

from tests.clients.asking import BASE_URL, calling, directive, report


def weather(city: str) -> str:
    """Tell the weather."""
    return f"Rain in {city}."


TOOL = FunctionTool.from_defaults(weather)


def use(model: Any) -> dict[str, Any]:
    answer = model.chat([ChatMessage(role="system", content="Be brief."), ChatMessage(directive(text="Good morning."))])
    streamed = list(model.stream_chat([ChatMessage(directive(chunks=["One", " two"]))]))
    history = [ChatMessage(calling("weather", {"text": "It rains."}, city="Oslo"))]
    called = model.chat_with_tools([TOOL], chat_history=history)
    (call,) = model.get_tool_calls_from_response(called)
    result = ChatMessage(
        role="tool", content=str(TOOL(**call.tool_kwargs)), additional_kwargs={"tool_call_id": call.tool_id}
    )
    told = model.chat_with_tools([TOOL], chat_history=[*history, called.message, result])
    return {
        "answer": answer.message.content,
        "streamed": streamed[-1].message.content,
        "call": [call.tool_name, call.tool_kwargs],
        "told": told.message.content,
    }


responses: Any = OpenAIResponses(
    model="gpt-4o", api_base=BASE_URL, api_key="not-needed", max_retries=0, context_window=200_000
)
ollama = Ollama(model="sonnet", base_url=BASE_URL.removesuffix("/v1"), request_timeout=60)
report(responses=use(responses), ollama=use(ollama))
