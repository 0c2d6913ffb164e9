"""What the CLI is kept from, and what goes upstream besides the client's own words."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

import tray_bridge
from tests.running_bridge import RunningBridge, directive
from tray_bridge import __version__
from tray_bridge.claude.cli_process import cli_environment, cli_options, compile_late
from tray_bridge.machine.cli_program import find_cli

Make = Callable[..., RunningBridge]


def ask(bridge: RunningBridge, text: str, **options: Any) -> str:
    messages = [{"role": "user", "content": text}]
    completion = bridge.client.chat.completions.create(**{"model": "sonnet", "messages": messages, **options})
    return str(completion.choices[0].message.content)


def test_the_remainder_that_the_cli_adds_is_known(bridge: RunningBridge) -> None:
    """Everything upstream is the client's, but for what this test lists."""
    messages = [{"role": "system", "content": "SYSTEM"}, {"role": "user", "content": directive(text="ok")}]
    ask(bridge, "", messages=messages)
    body = bridge.standin.requests[-1].body
    identity, agent, system = body["system"]
    assert identity["text"].startswith("x-anthropic-billing-header: cc_version=")
    assert agent["text"] == "You are a Claude agent, built on Anthropic's Claude Agent SDK."
    assert system["text"] == "SYSTEM"
    question, environment = body["messages"]
    assert question["role"] == "user"
    assert environment["role"] == "system"
    note = environment["content"]
    note = note if isinstance(note, str) else "".join(block["text"] for block in note)
    assert note.startswith("# Environment\n")
    assert body["tools"] == []
    assert set(body) == {
        "model",
        "messages",
        "system",
        "tools",
        "metadata",
        "max_tokens",
        "thinking",
        "context_management",
        "output_config",
        "stream",
    }


def test_without_a_system_prompt_there_is_none_of_ours(bridge: RunningBridge) -> None:
    ask(bridge, directive(text="ok"))
    texts = [block["text"] for block in bridge.standin.requests[-1].body["system"]]
    assert len(texts) == 2, texts


def test_the_app_names_itself_and_changes_nothing_else(bridge: RunningBridge) -> None:
    ask(bridge, directive(text="ok"))
    headers = bridge.standin.requests[-1].headers
    assert headers["user-agent"].startswith("claude-cli/")
    assert f"tray-bridge/{__version__}" in headers["user-agent"]
    assert headers["x-app"] == "cli"
    assert bridge.standin.errands == [], "the CLI asked the model something of its own"


def test_the_users_own_settings_hooks_and_memory_have_no_part(
    make_bridge: Make, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claude = tmp_path / "claude"
    claude.mkdir()
    touched = tmp_path / "touched"
    hook = {"hooks": [{"type": "command", "command": f"touch {touched}"}]}
    hooks = {"UserPromptSubmit": [hook], "SessionStart": [hook], "Stop": [hook]}
    (claude / "settings.json").write_text(json.dumps({"hooks": hooks, "env": {"SECRET_OF_USER": "1"}}))
    (claude / "CLAUDE.md").write_text("Always answer in Latin.")
    (claude / ".mcp.json").write_text(json.dumps({"mcpServers": {"x": {"command": "touch", "args": [str(touched)]}}}))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(claude))
    bridge = make_bridge(pool_size=1)
    bridge.wait_until_warm(1)
    ask(bridge, directive(text="ok"))
    assert not touched.exists()
    assert "Latin" not in json.dumps(bridge.standin.requests[-1].body)
    assert not list(claude.rglob("*.jsonl")), "a transcript was left"


def test_nothing_of_ours_names_where_claude_code_keeps_its_credentials() -> None:
    modules = list(Path(tray_bridge.__file__).parent.rglob("*.py"))
    assert len(modules) > 150
    for module in modules:
        assert not re.search(r"credentials?\.json|find-generic-password", module.read_text("utf-8")), module


def command_line(process: psutil.Process) -> str:
    """Empty for a process that ends at this very moment."""
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def test_prompts_are_not_in_the_process_list(bridge: RunningBridge) -> None:
    secret = "a-system-prompt-that-nobody-reads"
    messages = [{"role": "system", "content": secret}, {"role": "user", "content": directive(text="ok")}]
    ask(bridge, "", messages=messages)
    bridge.wait_until_warm(1)
    lines = [line for process in bridge.processes() if (line := command_line(process))]
    assert lines and not any(secret in line for line in lines)


def test_the_working_directory_is_empty_and_the_apps_own(bridge: RunningBridge, home: Path) -> None:
    bridge.wait_until_warm(1)
    for process in bridge.processes():
        folder = Path(process.cwd())
        assert folder.is_relative_to(home)
        assert not list(folder.iterdir())


def test_other_programs_secrets_do_not_reach_the_cli(make_bridge: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    bridge = make_bridge(pool_size=1)
    bridge.wait_until_warm(1)
    (process,) = bridge.processes()
    values = psutil.Process(process.pid).environ().values()
    assert not any("secret" in value for value in values)


def test_the_cli_gets_what_it_needs_and_blanks_for_the_rest() -> None:
    inherited = dict.fromkeys(("PATH", "ANTHROPIC_BASE_URL", "AWS_SECRET_ACCESS_KEY", "LC_ALL", "BUN_JSC_useJIT"), "x")
    assert {"AWS_SECRET_ACCESS_KEY": ""}.items() <= cli_environment(inherited).items()
    # The CLI does not start with an empty BUN_JSC_….
    assert not {"PATH", "ANTHROPIC_BASE_URL", "LC_ALL", "BUN_JSC_useJIT"} & set(cli_environment(inherited))
    bedrock = {**inherited, "CLAUDE_CODE_USE_BEDROCK": "1"}
    assert "AWS_SECRET_ACCESS_KEY" not in cli_environment(bedrock)


def test_the_program_that_comes_along_compiles_late_unless_the_user_says_otherwise(tmp_path: Path) -> None:
    bundled = find_cli()
    assert bundled is not None
    first, second = compile_late({}, None)
    assert compile_late({}, bundled.path) == compile_late({}, None)
    assert set(compile_late({first: "500"}, None)) == {second}
    assert not compile_late({}, tmp_path / "claude")  # another program may not know the variables, and then not start
    assert first in (cli_options(model="sonnet", work_folder=tmp_path, cli_path=None, environment={}).env or {})


@pytest.mark.skipif(os.name != "posix", reason="the program is a shell script")
def test_the_program_that_gives_the_key_is_run_only_where_a_person_wants_it(
    make_bridge: Callable[..., RunningBridge], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "helper"
    helper.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\necho sk-ant-from-helper\n")
    helper.chmod(0o755)
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    (tmp_path / "claude").mkdir()
    (tmp_path / "claude" / "settings.json").write_text(json.dumps({"apiKeyHelper": str(helper), "model": "opus"}))
    unasked = make_bridge(pool_size=1)
    assert unasked.wait_for(lambda server: server.account.signed_in is False)
    assert not (tmp_path / "runs").exists()
    bridge = make_bridge(pool_size=1, claude_settings=True)
    for effort in ("low", "high"):  # the settings of a turn leave those of the account
        answer = bridge.client.chat.completions.create(
            model="sonnet", messages=[{"role": "user", "content": directive(text="Yes.")}], reasoning_effort=effort
        )
        assert answer.choices[0].message.content == "Yes."
        assert bridge.standin.requests[-1].headers["x-api-key"] == "sk-ant-from-helper"
