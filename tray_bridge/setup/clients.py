"""The clients that can be set up: where each keeps its configuration, and what belongs in it.

Each client's file is as its own documentation describes it; `source` names that.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from .jsonc import set_value
from .place import Place
from .text_edits import set_env, set_toml, set_yaml_item, set_yaml_keys

Edit: TypeAlias = "Callable[[str, Values], str]"
Dialect: TypeAlias = Literal["chat", "responses", "messages"]
NAME = "Tray Bridge"
ID = "tray-bridge"
CONTEXT, OUTPUT = 200_000, 32_000  # tokens: what every family of models takes and gives at least


@dataclass(frozen=True, slots=True)
class Values:
    """What goes into a file: `base_url` ends in `/v1`."""

    base_url: str
    model: str
    key: str

    @property
    def root(self) -> str:
        """Return `base_url` without `/v1`."""
        return self.base_url.removesuffix("/v1")


@dataclass(frozen=True, slots=True)
class SetupClient:
    """One client. `files` gives each file with its edit; `programs` and `marks` tell that it is installed."""

    id: str
    name: str
    files: Callable[[Place], tuple[tuple[Path, Edit], ...]]
    next_step: str
    source: str
    programs: tuple[str, ...] = ()
    marks: Callable[[Place], tuple[Path, ...]] = lambda place: ()
    dialect: Dialect = "chat"

    def is_installed(self, place: Place) -> bool:
        """Return whether the client seems to be installed."""
        return any(shutil.which(name) for name in self.programs) or any(path.exists() for path in self.marks(place))


def _continue(text: str, values: Values) -> str:
    if not text.strip():
        text += "name: Local config\nversion: 1.0.0\nschema: v1\n"
    rest = (
        "provider: openai",
        f"model: {values.model}",
        f"apiBase: {values.base_url}",
        f"apiKey: {values.key}",
        "roles: [chat, edit, apply]",
        "capabilities: [tool_use, image_input]",
    )
    return set_yaml_item(text, "models", f"name: {NAME}", rest)


def _zed(text: str, values: Values) -> str:
    model = {
        "name": values.model,
        "display_name": f"Claude ({values.model})",
        "max_tokens": CONTEXT,
        "max_output_tokens": OUTPUT,
        "capabilities": {"tools": True, "images": True, "parallel_tool_calls": True, "prompt_cache_key": False},
    }
    value = {"api_url": values.base_url, "available_models": [model]}
    return set_value(text, ("language_models", "openai_compatible", NAME), value)


def _aider(text: str, values: Values) -> str:
    return set_yaml_keys(
        text,
        {
            "model": f"openai/{values.model}",
            "openai-api-base": values.base_url,
            "openai-api-key": values.key,
            "show-model-warnings": "false",
        },
    )


def _llm(text: str, values: Values) -> str:
    rest = (f"model_name: {values.model}", f'api_base: "{values.base_url}"', f"api_key_name: {ID}")
    return set_yaml_item(text, None, f"model_id: {ID}", (*rest, "supports_tools: true", "supports_schema: true"))


def _llm_keys(text: str, values: Values) -> str:
    return set_value(text, (ID,), values.key)


def _opencode(text: str, values: Values) -> str:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": NAME,
        "options": {"baseURL": values.base_url, "apiKey": values.key},
        "models": {
            values.model: {"name": f"Claude ({values.model})", "limit": {"context": CONTEXT, "output": OUTPUT}},
        },
    }
    if not text.strip():
        text = set_value(text, ("$schema",), "https://opencode.ai/config.json")
    return set_value(text, ("provider", ID), provider)


def _cline(text: str, values: Values) -> str:
    provider = "openai-compatible"
    settings = {"provider": provider, "apiKey": values.key, "model": values.model, "baseUrl": values.base_url}
    # Cline rejects the whole file, and writes another, if an entry does not tell when and how it was made.
    entry = {"settings": settings, "updatedAt": "2026-01-01T00:00:00.000Z", "tokenSource": "manual"}
    if not text.strip():
        text = set_value(text, ("version",), 1)
    text = set_value(text, ("lastUsedProvider",), provider)
    return set_value(text, ("providers", provider), entry)


def _codex(text: str, values: Values) -> str:
    provider = {
        "name": NAME,
        "base_url": values.base_url,
        "wire_api": "responses",
        "http_headers": {"Authorization": f"Bearer {values.key}"},
    }
    return set_toml(text, {"model": values.model, "model_provider": ID, "model_providers": {ID: provider}})


def _claude_code(text: str, values: Values) -> str:
    return set_value(text, ("env",), claude_code_variables(values))


def claude_code_variables(values: Values) -> dict[str, str]:
    """Return the variables with which Claude Code asks the bridge."""
    return {
        "ANTHROPIC_BASE_URL": values.root,
        "ANTHROPIC_AUTH_TOKEN": values.key,
        "ANTHROPIC_MODEL": values.model,
    }


def _vs_code(text: str, values: Values) -> str:
    model = {
        "id": values.model,
        "name": f"Claude ({values.model})",
        "url": f"{values.base_url}/chat/completions",
        "toolCalling": True,
        "vision": True,
        "maxInputTokens": CONTEXT,
        "maxOutputTokens": OUTPUT,
    }
    item = {
        "name": NAME,
        "vendor": "customendpoint",
        "apiKey": values.key,
        "apiType": "chat-completions",
        "models": [model],
    }
    return set_value(text, (("name", NAME),), item)


def _open_webui(text: str, values: Values) -> str:
    return set_env(text, {"OPENAI_API_BASE_URL": values.base_url, "OPENAI_API_KEY": values.key})


def _sdk(text: str, values: Values) -> str:
    return set_env(text, sdk_variables(values))


def sdk_variables(values: Values) -> dict[str, str]:
    """Return the variables that OpenAI's SDKs and what is built on them read."""
    return {"OPENAI_BASE_URL": values.base_url, "OPENAI_API_KEY": values.key}


def _zed_folder(place: Place) -> Path:
    name = "Zed" if place.system == "win32" else "zed"
    config = place.home / ".config" if place.system == "darwin" else place.config
    return config / name


def _opencode_file(place: Place) -> Path:
    folder = place.named("XDG_CONFIG_HOME", place.home / ".config") / "opencode"
    found = (folder / name for name in ("opencode.jsonc", "opencode.json"))
    return next((path for path in found if path.exists()), folder / "opencode.json")


def _llm_folder(place: Place) -> Path:
    return place.named("LLM_USER_PATH", place.support / "io.datasette.llm")


def _cline_folder(place: Place) -> Path:
    return place.named("CLINE_DATA_DIR", place.named("CLINE_DIR", place.home / ".cline") / "data")


def _codex_folder(place: Place) -> Path:
    return place.named("CODEX_HOME", place.home / ".codex")


def _claude_folder(place: Place) -> Path:
    return place.named("CLAUDE_CONFIG_DIR", place.home / ".claude")


SETUP_CLIENTS = (
    SetupClient(
        "continue",
        "Continue",
        lambda place: ((place.home / ".continue" / "config.yaml", _continue),),
        "Choose “Tray Bridge” in Continue’s list of models; it reads the file anew by itself.",
        "https://docs.continue.dev/reference",
        ("cn",),
        lambda place: (place.home / ".continue",),
    ),
    SetupClient(
        "zed",
        "Zed",
        lambda place: ((_zed_folder(place) / "settings.json", _zed),),
        "In Zed’s agent panel choose the model; give the key {key} under “Tray Bridge” when Zed asks for one.",
        "https://zed.dev/docs/ai/llm-providers",
        ("zed", "zeditor"),
        lambda place: (_zed_folder(place),),
    ),
    SetupClient(
        "aider",
        "aider",
        lambda place: ((place.home / ".aider.conf.yml", _aider),),
        "Start aider anew.",
        "https://aider.chat/docs/config/aider_conf.html",
        ("aider",),
    ),
    SetupClient(
        "llm",
        "llm",
        lambda place: (
            (_llm_folder(place) / "extra-openai-models.yaml", _llm),
            (_llm_folder(place) / "keys.json", _llm_keys),
        ),
        f'Try: llm -m {ID} "Hello!"',
        "https://llm.datasette.io/en/stable/other-models.html",
        ("llm",),
        lambda place: (_llm_folder(place),),
    ),
    SetupClient(
        "opencode",
        "opencode",
        lambda place: ((_opencode_file(place), _opencode),),
        "Start opencode anew, then choose the model with /models.",
        "https://opencode.ai/docs/providers",
        ("opencode",),
        lambda place: (_opencode_file(place).parent,),
    ),
    SetupClient(
        "cline",
        "Cline",
        lambda place: ((_cline_folder(place) / "settings" / "providers.json", _cline),),
        "Start cline anew (3.0 or newer).",
        "https://docs.cline.bot/getting-started/config",
        ("cline",),
        lambda place: (_cline_folder(place),),
    ),
    SetupClient(
        "codex",
        "Codex",
        lambda place: ((_codex_folder(place) / "config.toml", _codex),),
        "Start codex anew; it asks this bridge from now on.",
        "https://developers.openai.com/codex/config-reference",
        ("codex",),
        lambda place: (_codex_folder(place),),
        "responses",
    ),
    SetupClient(
        "claude-code",
        "Claude Code",
        lambda place: ((_claude_folder(place) / "tray-bridge.json", _claude_code),),
        "Start it with: claude --settings {file}   (without that it goes on to use your own account directly)",
        "https://code.claude.com/docs/en/settings",
        ("claude",),
        # The folder alone also comes from the Claude Code that Tray Bridge runs.
        lambda place: (_claude_folder(place) / "settings.json", _claude_folder(place) / "projects"),
        "messages",
    ),
    SetupClient(
        "vscode",
        "VS Code",
        lambda place: ((place.support / "Code" / "User" / "chatLanguageModels.json", _vs_code),),
        "Choose the model in VS Code’s chat (1.122 or newer).",
        "https://code.visualstudio.com/docs/copilot/customization/language-models",
        ("code",),
        lambda place: (place.support / "Code" / "User",),
    ),
    SetupClient(
        "open-webui",
        "Open WebUI",
        lambda place: ((place.working / ".env", _open_webui),),
        "Start Open WebUI with this .env; in a container write host.docker.internal for 127.0.0.1. One that ran before "
        "keeps its own settings: add ENABLE_PERSISTENT_CONFIG=False, or set the address in its Settings, Connections.",
        "https://docs.openwebui.com/reference/env-configuration",
        ("open-webui",),
    ),
    SetupClient(
        "sdk",
        "LangChain and OpenAI SDKs",
        lambda place: ((place.working / ".env", _sdk),),
        "Start your program anew in this folder; it must load the .env file.",
        "https://platform.openai.com/docs/libraries",
    ),
)


def find_client(name: str) -> SetupClient | None:
    """Return the client of this id or name, in any case."""
    wanted = name.lower().replace(" ", "-")
    aliases = {"langchain": "sdk", "openai": "sdk", "claude": "claude-code", "vs-code": "vscode", "code": "vscode"}
    wanted = aliases.get(wanted, wanted)
    return next((one for one in SETUP_CLIENTS if wanted in (one.id, one.name.lower().replace(" ", "-"))), None)
