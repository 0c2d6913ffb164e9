"""Where the Claude Code program is, and its version; found without running or importing anything. A leaf."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

_VERSION = re.compile(r"\d+\.\d+\.\d+[\w.+-]*")


class CliProgram(NamedTuple):
    """`version` is None where only running it would tell."""

    path: Path
    version: str | None
    bundled: bool


def find_cli(chosen: Path | None = None) -> CliProgram | None:
    """The program that `chosen` names, or the one that comes with the SDK, or the one on the PATH."""
    if chosen is not None:
        return CliProgram(chosen, None, bundled=False) if chosen.is_file() else None
    if bundled := _find_bundled():
        return bundled
    on_path = shutil.which("claude")
    return CliProgram(Path(on_path), None, bundled=False) if on_path else None


def _find_bundled() -> CliProgram | None:
    found = importlib.util.find_spec("claude_agent_sdk")  # looks for it, does not import it
    for folder in map(Path, (found and found.submodule_search_locations) or ()):
        program = folder / "_bundled" / ("claude.exe" if os.name == "nt" else "claude")
        if program.is_file():
            return CliProgram(program, _version_beside(program), bundled=True)
    return None


def _version_beside(program: Path) -> str | None:
    """The version as the SDK notes it, in one of two places."""
    for note in (program.parent.parent / "_cli_version.py", program.parent / "claude.version"):
        if note.is_file() and (match := _VERSION.search(note.read_text("utf-8"))):
            return match[0]
    return None
