"""Codex CLI on the bridge: a question, a round of tools, a resumed session. Commands run in a folder of their own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CONFIG = """\
model = "sonnet"
model_provider = "tray-bridge"

[model_providers.tray-bridge]
name = "Tray Bridge"
base_url = "{base_url}"
wire_api = "responses"
"""


class Codex:
    """Runs `codex exec`, and gives the items that it reports."""

    def __init__(self, program: Path, home: Path, base_url: str, *, write_config: bool = True) -> None:
        self._program, self._home = program, home
        (home / "work").mkdir(parents=True)
        if write_config:
            (home / "config.toml").write_text(CONFIG.format(base_url=base_url))

    def ask(self, prompt: str, *, resume: bool = False) -> list[dict[str, Any]]:
        """The finished items of one turn; fails where Codex does, or where it reports an error."""
        return [event["item"] for event in self.events(prompt, resume=resume) if event["type"] == "item.completed"]

    def events(self, prompt: str, *, resume: bool = False) -> Sequence[dict[str, Any]]:
        verb = ["exec", "--skip-git-repo-check", "--json"]
        command = ["node", str(self._program), *verb, *(("resume", "--last") if resume else ()), prompt]
        done = subprocess.run(
            command,
            cwd=self._home / "work",
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "CODEX_HOME": str(self._home)},
        )
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
