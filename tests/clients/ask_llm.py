"""Simon Willison's llm, set up with `extra-openai-models.yaml` as its manual says: text, a schema, tools, an error.

By Chat Completions and Responses; a text that goes on by legacy completions.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import llm

from tests.clients.asking import BASE_URL, CITY, calling, directive, failure, report

folder = Path(tempfile.mkdtemp())
os.environ["LLM_USER_PATH"] = str(folder)
TOOLS = "  supports_tools: true\n  supports_schema: true\n"
MODELS = {
    "sonnet": TOOLS,
    "llama-99": TOOLS,
    "responses": f"{TOOLS}  responses: true\n",
    "completion": "  completion: true\n",
}
(folder / "extra-openai-models.yaml").write_text(
    "".join(
        f"- model_id: bridge-{name}\n"
        f"  model_name: {name if name == 'llama-99' else 'sonnet'}\n"
        f"  api_base: {BASE_URL}\n{more}"
        for name, more in MODELS.items()
    ),
    encoding="utf-8",
)


def use(name: str) -> dict[str, Any]:
    model = llm.get_model(f"bridge-{name}")
    looked_up: list[str] = []

    def weather(city: str) -> str:
        """Tell the weather in a city."""
        looked_up.append(city)
        return f"Rain in {city}."

    streamed = model.prompt(directive(chunks=["One", " two", " three."]), system="Answer shortly.")
    pieces = list(streamed)
    chain = model.chain(calling("weather", {"text": f"It rains in {name}."}, city="Oslo"), tools=[weather])
    talk = model.conversation()
    talk.prompt(directive(text="Good morning.")).text()
    return {
        "whole": model.prompt(directive(text="Good morning."), stream=False).text(),
        "pieces": pieces,
        "has_tokens": streamed.usage().output > 0,
        "by_schema": json.loads(model.prompt(directive(structured={"city": "Oslo"}), schema=CITY).text()),
        "chain": chain.text(),
        "looked_up": looked_up,
        "followed": talk.prompt(directive(text="Good night.")).text(),
    }


completing = llm.get_model("bridge-completion").prompt(directive(chunks=["<fill> upon", " a time</fill>"]))
report(
    chat=use("sonnet"),
    responses=use("responses"),
    completed=completing.text(),
    unknown_model=failure(lambda: llm.get_model("bridge-llama-99").prompt("Hi").text()),
)
