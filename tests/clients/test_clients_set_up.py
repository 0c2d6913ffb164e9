"""Real clients read back the files that `tray-bridge setup` writes, and get their answers from the bridge."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.codex_session import Codex
from tests.running_bridge import RunningBridge, directive
from tray_bridge.machine.api_keys import ApiKeys
from tray_bridge.machine.cli_program import find_cli
from tray_bridge.setup.change import plan, undo, write
from tray_bridge.setup.clients import Values, find_client
from tray_bridge.setup.place import Place

SAID = "Set up and heard."
SetUp = Callable[[str], Place]


@pytest.fixture
def set_up(bridge: RunningBridge, tmp_path: Path) -> Iterator[SetUp]:
    """Write a client's files into a home of the test's own, with a key that the bridge demands."""
    (tmp_path / "work").mkdir()
    place = Place(tmp_path, tmp_path / "work", {}, "linux")
    key = ApiKeys().make("set up")
    made = []

    def write_files(name: str) -> Place:
        client = find_client(name)
        assert client is not None
        write(client, plan(client, Values(bridge.base_url, "sonnet", key), place))
        made.append(client)
        return place

    try:
        yield write_files
    finally:
        for client in made:
            undo(client, place, force=True)  # Cline writes its file anew
        ApiKeys().revoke("set up")


def run(command: list[str], place: Place, *, piped: str = "", **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC_", "OPENAI_"))}
    done = subprocess.run(
        command,
        cwd=place.working,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        input=piped,
        env={**kept, "HOME": str(place.home), "XDG_CONFIG_HOME": str(place.home / ".config"), **variables},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_claude_code_asks_the_bridge_with_the_settings_that_were_written(set_up: SetUp, bridge: RunningBridge) -> None:
    place, program = set_up("claude-code"), find_cli()
    assert program is not None
    settings = place.home / ".claude" / "tray-bridge.json"
    command = [str(program.path), "--settings", str(settings), "--setting-sources", "", "--tools", "", "-p"]
    said = run([*command, directive(text=SAID)], place, CLAUDE_CONFIG_DIR=str(place.home / ".claude"))
    assert said.strip() == SAID
    bridge.wait_for(lambda server: server.served)


@pytest.mark.clients
@pytest.mark.timeout(1000)
def test_llm_knows_the_model_and_its_key(set_up: SetUp, clients_python: Path) -> None:
    place = set_up("llm")
    llm = [str(clients_python), "-m", "llm"]
    assert "tray-bridge" in run([*llm, "models"], place)
    assert run([*llm, "-m", "tray-bridge", directive(text=SAID)], place).strip() == SAID


@pytest.mark.clients
@pytest.mark.timeout(1000)
def test_codex_asks_the_bridge_with_its_key(set_up: SetUp, node_folder: Path, bridge: RunningBridge) -> None:
    place = set_up("codex")
    program = node_folder / "node_modules" / "@openai" / "codex" / "bin" / "codex.js"
    items = Codex(program, place.home / ".codex", bridge.base_url, write_config=False).ask(directive(text=SAID))
    assert [item["text"] for item in items if item["type"] == "agent_message"] == [SAID]


@pytest.mark.clients
@pytest.mark.timeout(1000)
def test_aider_asks_the_bridge_with_its_key(set_up: SetUp, aider_python: Path, bridge: RunningBridge) -> None:
    place = set_up("aider")
    options = ["--no-git", "--yes-always", "--no-check-update", "--analytics-disable", "--no-pretty", "--message"]
    assert SAID in run([str(aider_python), "-m", "aider", *options, directive(text=SAID)], place)
    bridge.wait_for(lambda server: server.served)


@pytest.mark.clients
@pytest.mark.timeout(1000)
def test_continue_s_command_line_asks_the_bridge_with_its_key(
    set_up: SetUp, agents_folder: Path, bridge: RunningBridge
) -> None:
    place = set_up("continue")
    program = agents_folder / "node_modules" / "@continuedev" / "cli" / "dist" / "cn.js"
    config = place.home / ".continue" / "config.yaml"
    command = ["node", str(program), "-p", "--config", str(config), directive(text=SAID)]
    assert run(command, place).strip() == SAID
    bridge.wait_for(lambda server: server.served)


@pytest.mark.clients
@pytest.mark.timeout(1000)
def test_opencode_asks_the_bridge_with_its_key(set_up: SetUp, agents_folder: Path, bridge: RunningBridge) -> None:
    place = set_up("opencode")
    found = agents_folder.glob("node_modules/opencode-*-*/bin/opencode*")  # one for each kind of processor
    program = min(found, key=lambda path: len(str(path)))
    # Words of its command line come in quotation marks, what is piped in does not.
    command = [str(program), "run", "--model", "tray-bridge/sonnet"]
    assert SAID in run(command, place, piped=f"{directive(text=SAID)}\n")
    bridge.wait_for(lambda server: server.served)


@pytest.mark.clients
@pytest.mark.timeout(1000)
def test_cline_asks_the_bridge_with_its_key_and_keeps_the_settings(
    set_up: SetUp, agents_folder: Path, bridge: RunningBridge
) -> None:
    place = set_up("cline")
    program = agents_folder / "node_modules" / ".bin" / "cline"
    # Without this it leaves a process in the background.
    said = run([str(program), directive(text=SAID)], place, CLINE_SESSION_BACKEND_MODE="local")
    assert SAID in said
    bridge.wait_for(lambda server: server.served)
    kept = json.loads((place.home / ".cline/data/settings/providers.json").read_text("utf-8"))
    assert kept["lastUsedProvider"] == "openai-compatible"
