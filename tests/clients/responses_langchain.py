"""LangChain over Responses: a stream, tools by replay and by id, a typed answer. Prints what it saw as JSON."""

from typing import Any

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from tests.clients.asking import BASE_URL, CITY, calling, directive, report

options: dict[str, Any] = {"base_url": BASE_URL, "api_key": "not-needed", "max_retries": 0}
model = ChatOpenAI(model="sonnet", use_responses_api=True, **options)
by_id = ChatOpenAI(model="sonnet", use_responses_api=True, use_previous_response_id=True, **options)
WEATHER = {"type": "function", "function": {"name": "weather", "description": "Weather.", "parameters": CITY}}


def loop(chat: ChatOpenAI) -> str:
    bound = chat.bind_tools([WEATHER])
    messages: list[Any] = [HumanMessage(calling("weather", {"text": "It rains."}, city="Oslo"))]
    while True:
        answer: Any = None
        for chunk in bound.stream(messages):
            answer = chunk if answer is None else answer + chunk
        messages.append(answer)
        if not answer.tool_calls:
            return str(answer.text)
        messages += [
            ToolMessage(f"Rain in {call['args']['city']}.", tool_call_id=call["id"]) for call in answer.tool_calls
        ]


typed = model.with_structured_output(CITY | {"title": "city"}).invoke(directive(structured={"city": "Oslo"}))
answer = model.invoke(directive(thinking="Hm.", text="Good morning."))
report(
    answer=answer.text,
    id=answer.response_metadata["id"],
    pieces=[chunk.text for chunk in model.stream(directive(chunks=["One", " two"])) if chunk.text],
    told=loop(model),
    told_by_id=loop(by_id),
    typed=typed,
)
