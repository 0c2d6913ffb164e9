"""Simon Willison's llm, set up with `extra-openai-models.yaml` as its manual says: text, a schema, tools, an error."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import llm

from tests.clients.asking import BASE_URL, CITY, calling, directive, failure, report

folder = Path(tempfile.mkdtemp())
os.environ["LLM_USER_PATH"] = str(folder)
(folder / "extra-openai-models.yaml").write_text(
    "".join(
        f"- model_id: bridge-{name}\n"
        f"  model_name: {name}\n"
        f"  api_base: {BASE_URL}\n"
        "  supports_tools: true\n"
        "  supports_schema: true\n"
        for name in ("sonnet", "llama-99")
    ),
    encoding="utf-8",
)

model = llm.get_model("bridge-sonnet")
looked_up: list[str] = []


def weather(city: str) -> str:
    """Tell the weather in a city."""
    looked_up.append(city)
    return f"Rain in {city}."


streamed = model.prompt(directive(chunks=["One", " two", " three."]), system="Answer shortly.")
pieces = list(streamed)
chain = model.chain(calling("weather", {"text": "It rains."}, city="Oslo"), tools=[weather])
report(
    whole=model.prompt(directive(text="Good morning."), stream=False).text(),
    pieces=pieces,
    has_tokens=streamed.usage().output > 0,
    by_schema=json.loads(model.prompt(directive(structured={"city": "Oslo"}), schema=CITY).text()),
    chain=chain.text(),
    looked_up=looked_up,
    unknown_model=failure(lambda: llm.get_model("bridge-llama-99").prompt("Hi").text()),
)
