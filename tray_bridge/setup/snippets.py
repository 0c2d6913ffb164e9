"""The settings of each client to copy, for the page and the documents.

A client that `setup` knows is shown what `setup` would write, so that each setting stands once.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..known_clients import NO_KEY
from .clients import SETUP_CLIENTS, Values, claude_code_variables, sdk_variables
from .place import Place


@dataclass(frozen=True, slots=True)
class Client:
    """One client: `where` tells in a few words where its text goes."""

    name: str
    where: str
    text: Callable[[Values], str]

    def settings(self, base_url: str, model: str, api_key: str | None = None) -> str:
        """Return the text to paste, with this bridge's address, model and key in it."""
        return self.text(Values(base_url, model, api_key or NO_KEY))


def _template(text: str) -> Callable[[Values], str]:
    """Fill in a text of our own."""

    def fill(values: Values) -> str:
        names = {"base_url": values.base_url, "root_url": values.root, "model": values.model, "api_key": values.key}
        return re.sub(r"\{(base_url|root_url|model|api_key)\}", lambda found: names[found[1]], text)

    return fill


def _written(client_id: str, earlier: str = "") -> Callable[[Values], str]:
    """Show what `setup` would make of a file that holds `earlier`; of `{}`, what goes between the braces."""
    client = next(one for one in SETUP_CLIENTS if one.id == client_id)
    _path, edit = client.files(Place(Path(), Path()))[0]

    def write(values: Values) -> str:
        text = edit(earlier, values)
        return textwrap.dedent("".join(text.splitlines(keepends=True)[1:-1])) if earlier == "{}" else text

    return write


def _exports(variables: Callable[[Values], Mapping[str, str]]) -> Callable[[Values], str]:
    """Write variables for a shell."""
    return lambda values: "".join(f'export {name}="{value}"\n' for name, value in variables(values).items())


CLIENTS = (
    Client(
        "curl",
        "in a terminal",
        _template("""\
curl {base_url}/chat/completions \\
  -H "Authorization: Bearer {api_key}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "{model}", "messages": [{"role": "user", "content": "Hello!"}]}'
"""),
    ),
    Client(
        "OpenAI Python SDK",
        "in Python",
        _template("""\
from openai import OpenAI

client = OpenAI(base_url="{base_url}", api_key="{api_key}")
answer = client.chat.completions.create(
    model="{model}",
    messages=[{"role": "user", "content": "Hello!"}],
)
print(answer.choices[0].message.content)
"""),
    ),
    Client(
        "OpenAI Node SDK",
        "in JavaScript",
        _template("""\
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "{base_url}", apiKey: "{api_key}" });
const answer = await client.chat.completions.create({
  model: "{model}",
  messages: [{ role: "user", content: "Hello!" }],
});
console.log(answer.choices[0].message.content);
"""),
    ),
    Client(
        "Environment variables",
        "in a shell, before you start a program that uses OpenAI's SDK",
        _exports(sdk_variables),
    ),
    Client(
        "Continue",
        "in ~/.continue/config.yaml; under models: if you have some there already",
        _written("continue", "models:\n"),
    ),
    Client(
        "Cline",
        "in Cline's settings",
        _template("""\
API Provider: OpenAI Compatible
Base URL: {base_url}
API Key: {api_key}
Model ID: {model}
"""),
    ),
    Client(
        "Open WebUI",
        "in Settings, Connections, OpenAI API",
        _template("""\
URL: {base_url}
Key: {api_key}
(From a container, write host.docker.internal in place of 127.0.0.1.)
"""),
    ),
    Client(
        "aider",
        "in ~/.aider.conf.yml",
        _written("aider"),
    ),
    Client(
        "llm",
        "in extra-openai-models.yaml beside what `llm logs path` names; `llm keys set tray-bridge` takes the key",
        _written("llm"),
    ),
    Client(
        "LangChain",
        "in Python",
        _template("""\
from langchain_openai import ChatOpenAI

model = ChatOpenAI(model="{model}", base_url="{base_url}", api_key="{api_key}")
print(model.invoke("Hello!").content)
"""),
    ),
    Client(
        "Zed",
        "in settings.json; give the key when Zed asks for it",
        _written("zed", "{}"),
    ),
    Client(
        "JetBrains AI",
        "in Settings, Tools, AI Assistant, Models",
        _template("""\
Provider: OpenAI-compatible
URL: {base_url}
API key: {api_key}
Tool calling: on
"""),
    ),
    Client(
        "Codex",
        "in ~/.codex/config.toml",
        _written("codex"),
    ),
    Client(
        "opencode",
        "in ~/.config/opencode/opencode.json",
        _written("opencode", "{}"),
    ),
    Client(
        "VS Code",
        "in chatLanguageModels.json (Chat: Manage Language Models), from VS Code 1.122 on",
        _written("vscode"),
    ),
    Client(
        "OpenAI Agents SDK",
        "in Python",
        _template("""\
from agents import Agent, OpenAIResponsesModel, Runner, set_tracing_disabled
from openai import AsyncOpenAI

set_tracing_disabled(True)
client = AsyncOpenAI(base_url="{base_url}", api_key="{api_key}")
agent = Agent(name="Assistant", model=OpenAIResponsesModel("{model}", client))
print(Runner.run_sync(agent, "Hello!").final_output)
"""),
    ),
    Client(
        "Vercel AI SDK",
        "in JavaScript",
        _template("""\
import { createOpenAI } from "@ai-sdk/openai";
import { generateText } from "ai";

const openai = createOpenAI({ baseURL: "{base_url}", apiKey: "{api_key}" });
const { text } = await generateText({ model: openai("{model}"), prompt: "Hello!" });
console.log(text);
"""),
    ),
    Client(
        "Zed's edit prediction",
        "in settings.json; Zed takes the key from ZED_OPEN_AI_COMPATIBLE_EDIT_PREDICTION_API_KEY",
        _template("""\
"edit_predictions": {
  "provider": "open_ai_compatible_api",
  "open_ai_compatible_api": {
    "api_url": "{base_url}/completions",
    "model": "haiku",
    "prompt_format": "qwen",
    "max_output_tokens": 256
  }
}
"""),
    ),
    Client(
        "Continue's autocomplete",
        "in ~/.continue/config.yaml, under models:",
        _template("""\
  - name: Claude autocomplete
    provider: openai
    model: haiku
    apiBase: {base_url}
    apiKey: {api_key}
    useLegacyCompletionsEndpoint: true
    roles: [autocomplete]
"""),
    ),
    Client(
        "PowerShell",
        "in Windows' PowerShell; the first two lines are for programs that use OpenAI's SDK",
        _template("""\
$env:OPENAI_BASE_URL = "{base_url}"
$env:OPENAI_API_KEY = "{api_key}"
$body = @{ model = "{model}"; messages = @(@{ role = "user"; content = "Hello!" }) } | ConvertTo-Json -Depth 5
$headers = @{ Authorization = "Bearer {api_key}" }
(Invoke-RestMethod "{base_url}/chat/completions" -Method Post -ContentType "application/json" `
  -Headers $headers -Body $body).choices[0].message.content
"""),
    ),
    Client(
        "Claude Code",
        "in a shell, before you start `claude`",
        _exports(claude_code_variables),
    ),
    Client(
        "Anthropic SDK",
        "in Python",
        _template("""\
from anthropic import Anthropic

client = Anthropic(base_url="{root_url}", api_key="{api_key}")
message = client.messages.create(
    model="{model}",
    max_tokens=1000,
    messages=[{"role": "user", "content": "Hello!"}],
)
print(message.content[0].text)
"""),
    ),
    Client(
        "Ollama's clients",
        "as the address of Ollama: in VS Code, Zed, Home Assistant, Obsidian, …",
        _template("""\
Ollama URL: {root_url}
Model: {model}
(For programs that take a variable, such as Python's `ollama`: OLLAMA_HOST={root_url})
(For programs that look at port 11434 alone, set ollama_port = 11434 in settings.toml.)
"""),
    ),
    Client(
        "Any other client",
        "in its settings for a provider that is compatible with OpenAI",
        _template("""\
Base URL: {base_url}
API key: {api_key}
Model: {model}
"""),
    ),
)
