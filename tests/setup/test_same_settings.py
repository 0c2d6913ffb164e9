"""What the page shows to copy is what `setup` writes: the two tables cannot drift apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from tray_bridge.known_clients import CLIENTS
from tray_bridge.setup.clients import SETUP_CLIENTS, Values
from tray_bridge.setup.place import Place

VALUES = Values("http://127.0.0.1:8000/v1", "sonnet", "a-key")


def written(name: str, home: Path) -> str:
    """What `setup` writes into the client's first file, which was not there before."""
    client = next(client for client in SETUP_CLIENTS if client.name == name)
    (_path, edit), *_ = client.files(Place(home, home, {}, "linux"))
    return edit("", VALUES)


def shown(name: str) -> str:
    client = next(client for client in CLIENTS if client.name == name)
    return client.settings(VALUES.base_url, VALUES.model, VALUES.key)


def contains(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and contains(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)


@pytest.mark.parametrize("name", ["Zed", "opencode", "VS Code"])
def test_the_json_that_the_page_shows_is_what_setup_writes(name: str, tmp_path: Path) -> None:
    text = shown(name)
    part = json.loads(text if text.startswith("[") else f"{{{text}}}")
    whole = json.loads(written(name, tmp_path))
    assert contains(whole, part), f"{whole}\n{part}"


def test_the_toml_that_the_page_shows_is_what_setup_writes(tmp_path: Path) -> None:
    assert tomlkit.parse(written("Codex", tmp_path)).unwrap() == tomlkit.parse(shown("Codex")).unwrap()


@pytest.mark.parametrize(("name", "own"), [("Continue", "name"), ("llm", "model_id")])
def test_the_yaml_that_the_page_shows_is_what_setup_writes_but_for_the_name(
    name: str, own: str, tmp_path: Path
) -> None:
    lines = {line.strip().removeprefix("- ") for line in shown(name).splitlines() if line.strip()}
    assert {line for line in lines if not line.startswith(own)} <= {
        line.strip().removeprefix("- ") for line in written(name, tmp_path).splitlines()
    }


def test_the_variables_that_the_page_shows_are_those_that_setup_writes(tmp_path: Path) -> None:
    env = json.loads(written("Claude Code", tmp_path))["env"]
    exported = dict(
        line.removeprefix("export ").split("=", 1)
        for line in shown("Claude Code").splitlines()
        if line.startswith("export ")
    )
    assert exported == {name: f'"{value}"' for name, value in env.items() if name != "ANTHROPIC_MODEL"}
