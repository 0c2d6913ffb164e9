"""The table of clients: every text is complete and well formed, and clients are known by how they name themselves."""

from __future__ import annotations

import json
import shlex

import pytest

from tests.clients.__main__ import PAGE, settings_of
from tray_bridge.known_clients import client_name
from tray_bridge.setup.snippets import CLIENTS, Client

URL = "http://127.0.0.1:8123/v1"


def settings(name: str) -> str:
    client = next(client for client in CLIENTS if client.name == name)
    return client.settings(URL, "sonnet", "tb-key")


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_every_text_has_the_address_and_nothing_left_to_fill_in(client: Client) -> None:
    text = client.settings(URL, "sonnet", "tb-key")
    assert URL.removesuffix("/v1") in text
    assert not any(blank in text for blank in ("{base_url}", "{root_url}", "{model}", "{api_key}"))
    assert client.where


def test_without_a_key_something_stands_in_its_place() -> None:
    assert all("None" not in client.settings(URL, "sonnet") for client in CLIENTS)
    (variables,) = (client for client in CLIENTS if client.name == "Environment variables")
    assert 'OPENAI_API_KEY="not-needed"' in variables.settings(URL, "sonnet")


@pytest.mark.parametrize("name", ["OpenAI Python SDK", "LangChain", "OpenAI Agents SDK"])
def test_python_is_python(name: str) -> None:
    compile(settings(name), name, "exec")


@pytest.mark.parametrize("name", ["Claude Code", "Anthropic SDK", "Ollama's clients"])
def test_anthropics_and_ollamas_clients_get_the_address_without_a_version(name: str) -> None:
    assert "/v1" not in settings(name)


def test_curl_sends_json_to_the_right_place() -> None:
    words = shlex.split(settings("curl"))
    assert words[:2] == ["curl", f"{URL}/chat/completions"]
    assert json.loads(words[-1])["model"] == "sonnet"
    assert "Authorization: Bearer tb-key" in words


def test_zed_s_settings_are_json() -> None:
    models = json.loads("{" + settings("Zed") + "}")["language_models"]["openai_compatible"]["Tray Bridge"]
    assert models["api_url"] == URL
    assert models["available_models"][0]["name"] == "sonnet"


def test_zed_predicts_by_completions() -> None:
    predictions = json.loads("{" + settings("Zed's edit prediction") + "}")["edit_predictions"]
    assert predictions[predictions["provider"]]["api_url"] == f"{URL}/completions"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Agents/Python 0.20.0", "OpenAI Agents SDK"),
        ("curl/8.5.0", "curl"),
        ("OpenAI/Python 2.54.0", "OpenAI Python SDK"),
        ("AsyncOpenAI/Python 3.54.0", "OpenAI Python SDK"),
        ("OpenAI/JS 6.49.0", "OpenAI Node SDK"),
        ("AsyncAnthropic/Python 2.14.0", "Anthropic SDK"),
        ("claude-cli/2.1.332 (external, sdk-cli)", "Claude Code"),
        ("ollama-python/0.6.3 (x86_64 linux) Python/3.11.7", "Ollama's clients"),
        ("litellm/1.106.0", "aider"),
        ("Zed/0.210.4 (linux; x86_64)", "Zed"),
        ("Continue/1.0.0", "Continue"),
        ("Cline/3.0.37 ai-sdk/openai-compatible/2.0.87", "Cline"),
        ("ai-sdk/openai-compatible/2.0.87 runtime/node.js/24", "Vercel AI SDK"),
        ("opencode/1.18", "opencode"),
        ("codex_cli_rs/0.169.0", "Codex"),
        ("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "a browser"),
        ("python-requests/2.32", "python-requests"),
        ("x" * 100, "x" * 40),
        ("", "unnamed client"),
        ("  ", "unnamed client"),
        (None, "unnamed client"),
    ],
)
def test_a_client_is_known_by_its_user_agent(user_agent: str | None, name: str) -> None:
    assert client_name(user_agent) == name


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_the_page_of_clients_has_the_settings_of_today(client: Client) -> None:
    assert settings_of(client) in PAGE.read_text("utf-8")
