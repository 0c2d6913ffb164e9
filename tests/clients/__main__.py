"""Run the tests of third-party clients and write `docs/clients.md`: each client's settings, version, and what works.

    python -m tests.clients

It takes some minutes, and some more at first, when the clients are installed. A client whose tests fail is written down
as such. Nothing else writes the page.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.clients.conftest import AIDER
from tray_bridge.machine.cli_program import find_cli
from tray_bridge.setup.snippets import CLIENTS, Client

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "clients.md"
HEAD = """\
# Clients

`python -m tests.clients` runs every client of this table against the real Claude Code before the stand-in, and writes
this page. What a client is made to do is in `tests/clients`. The settings below are those that the page's *Connect*
shows, for a bridge on port 8000.

| client | version | speaks | what it was made to do | result |
| --- | --- | --- | --- | --- |
"""
REPLAYED = """
## Replayed

The programs themselves were not run here, but their requests are known from their source or from reports, and are sent
as they send them by `tests/e2e/test_client_sequences.py`: VS Code's custom endpoint (Responses, by id) and its Ollama
provider, Zed (Responses, Ollama, edit prediction), Home Assistant, Open WebUI (by both APIs, from a container),
Obsidian Copilot, Continue (chat and autocomplete), and Claude Code's first request.
"""
SETTINGS = "\n## Settings\n\nThe key is needed only where you have made API keys.\n"

_LANGCHAIN = "test_langchain_(gets|loops|demands)"
_LANGCHAIN_JS = r"in_javascript\[(chat|responses)"


@dataclass(frozen=True, slots=True)
class Row:
    """A client: the package whose pinned version was tried, and a pattern for the ids of its tests."""

    client: str
    package: str
    speaks: str
    did: str
    tests: str


SET_UP = "a question, with the file that setup wrote"
ROWS = (
    Row("OpenAI SDK (Python)", "openai", "Chat Completions", "helpers, types, tools, errors", "_openai.py::"),
    Row("OpenAI SDK (Node)", "npm:openai", "all three of OpenAI’s", "streams, types, tools, gaps", "openai_node"),
    Row("OpenAI Agents SDK (Python)", "openai-agents", "Responses", "tools, handover, by id", "agents_in_python"),
    Row("OpenAI Agents SDK (JS)", "npm:@openai/agents", "Responses", "tools, handover", "agents_in_javascript"),
    Row("Codex CLI", "npm:@openai/codex", "Responses", "a command, a resumed session, a failure", "_codex_"),
    Row("Claude Code", "claude", "Messages", "a resumed session, rounds of its own tools", "_claude_code_"),
    Row(
        "Anthropic SDK (Python)", "anthropic", "Messages", "thinking, threads, types, counts", "anthropics_library_gets"
    ),
    Row("Anthropic SDK (Node)", "npm:@anthropic-ai/sdk", "Messages", "thinking, threads", "anthropics_library_for"),
    Row("Ollama (Python)", "ollama", "Ollama", "thinking, tools, formats, pulls", "ollamas_library_gets"),
    Row("Ollama (JS)", "npm:ollama", "Ollama", "thinking, tools, pictures, formats", "ollamas_library_for"),
    Row("Vercel AI SDK, openai", "npm:@ai-sdk/openai", "Responses", "objects, pictures, references", "vercels_default"),
    Row(
        "Vercel AI SDK, anthropic",
        "npm:@ai-sdk/anthropic",
        "Messages",
        "objects, pictures, tools",
        "vercels_provider_for_a",
    ),
    Row(
        "ollama-ai-provider-v2", "npm:ollama-ai-provider-v2", "Ollama", "objects, tools", "vercels_provider_for_ollama"
    ),
    Row(
        "Vercel AI SDK, compatible",
        "npm:@ai-sdk/openai-compatible",
        "Chat Completions",
        "objects, tools",
        "_vercel_ai_",
    ),
    Row("LangChain, openai (Python)", "langchain-openai", "Chat Completions, Responses", "tools, types", _LANGCHAIN),
    Row("LangChain, anthropic (Python)", "langchain-anthropic", "Messages", "tools, types", r"in_python\[messages"),
    Row("LangChain, ollama (Python)", "langchain-ollama", "Ollama", "tools, types", r"langchain_in_python\[ollama"),
    Row(
        "LangChain, openai (JS)", "npm:@langchain/openai", "Chat Completions, Responses", "tools, types", _LANGCHAIN_JS
    ),
    Row("LangChain, anthropic (JS)", "npm:@langchain/anthropic", "Messages", "tools, types", r"javascript\[messages"),
    Row("LangChain, ollama (JS)", "npm:@langchain/ollama", "Ollama", "tools, types", r"javascript\[ollama"),
    Row(
        "pydantic-ai",
        "pydantic-ai-slim",
        "Chat Completions, Responses, Ollama",
        "tools, types, retries, by id",
        "pydantic_ai(?!.*for_anthropic)",
    ),
    Row("pydantic-ai, anthropic", "newest:pydantic-ai-slim", "Messages", "tools, types, streams", "ai_by.*_anthropic"),
    Row("litellm", "litellm", "all five", "text, streams, tools, errors", "litellm"),
    Row("llama-index", "llama-index-llms-openai", "Responses", "streams, tools", r"llama_index\[responses"),
    Row("llama-index", "llama-index-llms-ollama", "Ollama", "streams, tools", r"llama_index\[ollama"),
    Row("instructor", "instructor", "Chat Completions", "typed answers in each mode", "instructor"),
    Row("llm", "llm", "all three of OpenAI’s", "prompts, schemas, tools", "test_llm_"),
    Row("aider", "aider-chat", "Chat Completions", SET_UP, "_aider_"),
    Row("Continue CLI", "npm:@continuedev/cli", "Chat Completions", SET_UP, "_continue_s_"),
    Row("opencode", "npm:opencode-ai", "Chat Completions", SET_UP, "_opencode_"),
    Row("Cline CLI", "npm:cline", "Chat Completions", SET_UP, "_cline_"),
)


@dataclass
class Outcomes:
    """A pytest plugin that keeps what became of each test."""

    found: dict[str, str] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.found[report.nodeid] = report.outcome


def versions() -> Mapping[str, str]:
    """The pinned version of each package."""
    pins, newest = (
        re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "tests" / name).read_text(encoding="utf-8"), re.MULTILINE)
        for name in ("clients.txt", "clients-pydantic-ai.txt")
    )
    node: dict[str, str] = {}
    for folder in ("tests/clients", "tests/clients/agents"):
        node |= json.loads((ROOT / folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
    cli = find_cli()
    newer = {f"newest:{name}": version for name, version in newest}
    found = dict(pins) | newer | dict([AIDER.split("==")]) | {f"npm:{name}": version for name, version in node.items()}
    return {**found, "claude": (cli.version if cli else None) or "unknown"}


def page_of(outcomes: Mapping[str, str]) -> str:
    """The page; raises for a test that belongs to no row."""
    if unmatched := [test for test in outcomes if not any(re.search(row.tests, test) for row in ROWS)]:
        raise SystemExit(f"No row of the table has these tests: {', '.join(unmatched)}")
    pinned = versions()
    lines = []
    for row in ROWS:
        found = [outcome for test, outcome in outcomes.items() if re.search(row.tests, test)]
        cells = (row.client, pinned[row.package], row.speaks, row.did, told(found))
        lines.append(f"| {' | '.join(cells)} |\n")
    return "".join([HEAD, *lines, REPLAYED, SETTINGS, *map(settings_of, CLIENTS)])


def told(outcomes: Sequence[str]) -> str:
    """What became of a client's tests, in words."""
    wrong = sum(outcome != "passed" for outcome in outcomes)
    if not outcomes or wrong:
        return f"{wrong} of {len(outcomes)} tests fail" if outcomes else "not run"
    return "works" if len(outcomes) == 1 else f"works, in {len(outcomes)} tests"


def settings_of(client: Client) -> str:
    """The text to paste, under the client's name."""
    text = client.settings("http://127.0.0.1:8000/v1", "sonnet").rstrip()
    where = client.where[0].upper() + client.where[1:].removesuffix(":")
    return f"\n### {client.name}\n\n{where}:\n\n```\n{text}\n```\n"


def main() -> int:
    """Run the tests, write the page, and give pytest's own exit code."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    outcomes = Outcomes()
    code = pytest.main(["-q", "-m", "", "-p", "no:cacheprovider", str(ROOT / "tests" / "clients")], [outcomes])
    if outcomes.found:
        PAGE.write_text(page_of(outcomes.found), encoding="utf-8")
        print(f"Wrote {PAGE}")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
