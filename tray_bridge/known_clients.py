"""The settings with which each known client reaches the bridge: one table for tray and page. A leaf.

It also knows the user agents of clients, so that a request in flight is shown with a short name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NO_KEY = "not-needed"


@dataclass(frozen=True, slots=True)
class Client:
    """One client: `where` tells in a few words where `template` goes; `user_agent` is a regular expression."""

    name: str
    where: str
    template: str
    user_agent: str | None = None

    def settings(self, base_url: str, model: str, api_key: str | None = None) -> str:
        """Return the text to paste, with this bridge's address, model and key in it."""
        root = base_url.removesuffix("/v1")
        values = {"{base_url}": base_url, "{root_url}": root, "{model}": model, "{api_key}": api_key or NO_KEY}
        return re.sub(r"\{(base_url|root_url|model|api_key)\}", lambda found: values[found[0]], self.template)


CLIENTS = (
    Client(
        "curl",
        "in a terminal",
        """\
curl {base_url}/chat/completions \\
  -H "Authorization: Bearer {api_key}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "{model}", "messages": [{"role": "user", "content": "Hello!"}]}'
""",
        r"^curl/",
    ),
    Client(
        "OpenAI Python SDK",
        "in Python",
        """\
from openai import OpenAI

client = OpenAI(base_url="{base_url}", api_key="{api_key}")
answer = client.chat.completions.create(
    model="{model}",
    messages=[{"role": "user", "content": "Hello!"}],
)
print(answer.choices[0].message.content)
""",
        r"OpenAI/Python",
    ),
    Client(
        "OpenAI Node SDK",
        "in JavaScript",
        """\
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "{base_url}", apiKey: "{api_key}" });
const answer = await client.chat.completions.create({
  model: "{model}",
  messages: [{ role: "user", content: "Hello!" }],
});
console.log(answer.choices[0].message.content);
""",
        r"OpenAI/JS",
    ),
    Client(
        "Environment variables",
        "in a shell, before you start a program that uses OpenAI's SDK",
        """\
export OPENAI_BASE_URL="{base_url}"
export OPENAI_API_KEY="{api_key}"
""",
    ),
    Client(
        "Continue",
        "in ~/.continue/config.yaml, under models:",
        """\
  - name: Claude ({model})
    provider: openai
    model: {model}
    apiBase: {base_url}
    apiKey: {api_key}
    roles: [chat, edit, apply]
""",
        r"^Continue",
    ),
    Client(
        "Cline",
        "in Cline's settings",
        """\
API Provider: OpenAI Compatible
Base URL: {base_url}
API Key: {api_key}
Model ID: {model}
""",
        r"(?i)\bcline\b",
    ),
    Client(
        "Open WebUI",
        "in Settings, Connections, OpenAI API",
        """\
URL: {base_url}
Key: {api_key}
(From a container, write host.docker.internal in place of 127.0.0.1.)
""",
        r"(?i)open-?webui|aiohttp/",
    ),
    Client(
        "aider",
        "in a terminal",
        """\
aider --model openai/{model} --openai-api-base {base_url} --openai-api-key {api_key}
""",
        r"(?i)aider|litellm",
    ),
    Client(
        "llm",
        "in extra-openai-models.yaml, in the folder that `llm logs path` names",
        """\
- model_id: bridge-{model}
  model_name: {model}
  api_base: "{base_url}"
""",
    ),
    Client(
        "LangChain",
        "in Python",
        """\
from langchain_openai import ChatOpenAI

model = ChatOpenAI(model="{model}", base_url="{base_url}", api_key="{api_key}")
print(model.invoke("Hello!").content)
""",
        r"(?i)langchain",
    ),
    Client(
        "Zed",
        "in settings.json; give the key when Zed asks for it",
        """\
"language_models": {
  "openai_compatible": {
    "Tray Bridge": {
      "api_url": "{base_url}",
      "available_models": [{ "name": "{model}", "display_name": "Claude ({model})", "max_tokens": 200000 }]
    }
  }
}
""",
        r"^Zed/",
    ),
    Client(
        "JetBrains AI",
        "in Settings, Tools, AI Assistant, Models",
        """\
Provider: OpenAI-compatible
URL: {base_url}
API key: {api_key}
Tool calling: on
""",
        r"(?i)jetbrains|ktor",
    ),
    Client(
        "Codex",
        "in ~/.codex/config.toml",
        """\
model = "{model}"
model_provider = "tray-bridge"

[model_providers.tray-bridge]
name = "Tray Bridge"
base_url = "{base_url}"
wire_api = "responses"
http_headers = { "Authorization" = "Bearer {api_key}" }
""",
        r"(?i)\bcodex",
    ),
    Client(
        "opencode",
        "in ~/.config/opencode/opencode.json",
        """\
"provider": {
  "tray-bridge": {
    "npm": "@ai-sdk/openai-compatible",
    "name": "Tray Bridge",
    "options": { "baseURL": "{base_url}", "apiKey": "{api_key}" },
    "models": { "{model}": { "name": "Claude ({model})" } }
  }
}
""",
        r"(?i)opencode",
    ),
    Client(
        "VS Code",
        "in chatLanguageModels.json (Chat: Manage Language Models), from VS Code 1.122 on",
        """\
[
  {
    "name": "Tray Bridge",
    "vendor": "customendpoint",
    "apiKey": "{api_key}",
    "apiType": "chat-completions",
    "models": [{ "id": "{model}", "name": "Claude ({model})", "url": "{base_url}/chat/completions",
                 "toolCalling": true, "vision": true, "maxInputTokens": 200000, "maxOutputTokens": 32000 }]
  }
]
""",
        r"(?i)GitHubCopilotChat|vscode",
    ),
    Client(
        "OpenAI Agents SDK",
        "in Python",
        """\
from agents import Agent, OpenAIResponsesModel, Runner, set_tracing_disabled
from openai import AsyncOpenAI

set_tracing_disabled(True)
client = AsyncOpenAI(base_url="{base_url}", api_key="{api_key}")
agent = Agent(name="Assistant", model=OpenAIResponsesModel("{model}", client))
print(Runner.run_sync(agent, "Hello!").final_output)
""",
        r"^Agents/",
    ),
    Client(
        "Vercel AI SDK",
        "in JavaScript",
        """\
import { createOpenAI } from "@ai-sdk/openai";
import { generateText } from "ai";

const openai = createOpenAI({ baseURL: "{base_url}", apiKey: "{api_key}" });
const { text } = await generateText({ model: openai("{model}"), prompt: "Hello!" });
console.log(text);
""",
    ),
    Client(
        "Zed's edit prediction",
        "in settings.json; Zed takes the key from ZED_OPEN_AI_COMPATIBLE_EDIT_PREDICTION_API_KEY",
        """\
"edit_predictions": {
  "provider": "open_ai_compatible_api",
  "open_ai_compatible_api": {
    "api_url": "{base_url}/completions",
    "model": "haiku",
    "prompt_format": "qwen",
    "max_output_tokens": 256
  }
}
""",
    ),
    Client(
        "Continue's autocomplete",
        "in ~/.continue/config.yaml, under models:",
        """\
  - name: Claude autocomplete
    provider: openai
    model: haiku
    apiBase: {base_url}
    apiKey: {api_key}
    useLegacyCompletionsEndpoint: true
    roles: [autocomplete]
""",
    ),
    Client(
        "PowerShell",
        "in Windows' PowerShell; the first two lines are for programs that use OpenAI's SDK",
        """\
$env:OPENAI_BASE_URL = "{base_url}"
$env:OPENAI_API_KEY = "{api_key}"
$body = @{ model = "{model}"; messages = @(@{ role = "user"; content = "Hello!" }) } | ConvertTo-Json -Depth 5
$headers = @{ Authorization = "Bearer {api_key}" }
(Invoke-RestMethod "{base_url}/chat/completions" -Method Post -ContentType "application/json" `
  -Headers $headers -Body $body).choices[0].message.content
""",
        r"(?i)PowerShell",
    ),
    Client(
        "Claude Code",
        "in a shell, before you start `claude`",
        """\
export ANTHROPIC_BASE_URL="{root_url}"
export ANTHROPIC_AUTH_TOKEN="{api_key}"
claude --model {model}
""",
        r"^claude-cli/",
    ),
    Client(
        "Anthropic SDK",
        "in Python",
        """\
from anthropic import Anthropic

client = Anthropic(base_url="{root_url}", api_key="{api_key}")
message = client.messages.create(
    model="{model}",
    max_tokens=1000,
    messages=[{"role": "user", "content": "Hello!"}],
)
print(message.content[0].text)
""",
        r"Anthropic/",
    ),
    Client(
        "Ollama's clients",
        "as the address of Ollama: in VS Code, Zed, Home Assistant, Obsidian, …",
        """\
Ollama URL: {root_url}
Model: {model}
(For programs that look at port 11434 alone, set ollama_port = 11434 in settings.toml.)
""",
        r"(?i)^ollama",
    ),
    Client(
        "Any other client",
        "in its settings for a provider that is compatible with OpenAI",
        """\
Base URL: {base_url}
API key: {api_key}
Model: {model}
""",
    ),
)

OWN_NAME = "Tray Bridge"
OTHER_NAMES = (
    (r"ai-sdk/", "Vercel AI SDK"),
    (r"(?i)tray-bridge|BridgeClient", OWN_NAME),
    (r"^Mozilla/", "a browser"),
)


def client_name(user_agent: str | None) -> str:
    """Return a short name for the client with this user agent."""
    if not user_agent:
        return "unnamed client"
    named = [(client.user_agent, client.name) for client in CLIENTS if client.user_agent]
    for pattern, name in (*reversed(named), *OTHER_NAMES):
        if re.search(pattern, user_agent):
            return name
    return re.split(r"[/ ]", user_agent.strip(), maxsplit=1)[0][:40] or "unnamed client"
