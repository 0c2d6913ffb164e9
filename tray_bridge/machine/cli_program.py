"""The Claude Code program: where it is, and its version. A leaf that imports nothing of the SDK."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from .outside_environment import outside_environment

_NAME = "claude.exe" if os.name == "nt" else "claude"
# Where installers and package managers put it: the PATH of a desktop often lacks these folders.
_INSTALLED = (
    ".local/bin",
    ".claude/local",
    ".npm-global/bin",
    ".yarn/bin",
    "node_modules/.bin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
)
PROVED_BY_TESTS = frozenset({"2.1.332"})  # the versions that all tests have passed with; docs/claude-code.md says when
_VERSION = re.compile(r"\d+\.\d+\.\d+[\w.+-]*")


class CliProgram(NamedTuple):
    """A CLI program. `version` is None if only running it would tell."""

    path: Path
    version: str | None
    bundled: bool

    @property
    def is_proved(self) -> bool:
        """Whether it is the one that comes along, in a version that the tests have passed with."""
        return self.bundled and self.version in PROVED_BY_TESTS


def find_cli(chosen: Path | None = None) -> CliProgram | None:
    """Find the program that `chosen` names, else the SDK's own, else an installed one; none is run."""
    if chosen is not None:
        return CliProgram(chosen, None, bundled=False) if chosen.is_file() else None
    if bundled := _find_bundled():
        return bundled
    places = [shutil.which(_NAME), *(Path.home() / place / _NAME for place in _INSTALLED)]
    found = next((Path(place) for place in places if place and Path(place).is_file()), None)
    return CliProgram(found, None, bundled=False) if found else None


def ask_version(program: CliProgram) -> str | None:
    """Return the version, by running the program if it is not known otherwise; None if it does not answer within 10
    s.
    """
    if program.version:
        return program.version
    command = [str(program.path), "--version"]
    try:
        told = subprocess.run(command, env=outside_environment(), capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(told.stdout)
    return match[0] if match else None


def _find_bundled() -> CliProgram | None:
    found = importlib.util.find_spec("claude_agent_sdk")  # finds it without an import
    for folder in map(Path, (found and found.submodule_search_locations) or ()):
        program = folder / "_bundled" / _NAME
        if program.is_file():
            return CliProgram(program, _version_beside(program), bundled=True)
    return None


def _version_beside(program: Path) -> str | None:
    """Read the version that the SDK notes in one of two files."""
    for note in (program.parent.parent / "_cli_version.py", program.parent / "claude.version"):
        if note.is_file() and (match := _VERSION.search(note.read_text("utf-8"))):
            return match[0]
    return None
