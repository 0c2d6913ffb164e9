"""LangChain: an answer, a stream, an error. Its tools: `langchain_tools.py`."""

from __future__ import annotations

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

from tests.clients.asking import BASE_URL, OVERLOADED, directive, failure, report


def chat(name: str = "sonnet") -> ChatOpenAI:
    return ChatOpenAI(model=name, base_url=BASE_URL, api_key="not-needed", max_retries=0, stream_usage=True)


answer = chat().invoke([SystemMessage("Answer shortly."), HumanMessage(directive(text="Good morning."))])
pieces = list(chat().stream(directive(chunks=["One", " two", " three."])))
report(
    answer=answer.text,
    finish_reason=answer.response_metadata["finish_reason"],
    has_tokens=answer.usage_metadata["output_tokens"] > 0,
    pieces=[piece.text for piece in pieces if piece.text],
    chunks_with_usage=sum(piece.usage_metadata is not None for piece in pieces),
    unknown_model=failure(lambda: chat("llama-99").invoke("Hi")),
    overloaded=failure(lambda: chat().invoke(OVERLOADED)),
)
