"""The bundle, built and tried in both flavours by the commands that CONTRIBUTING.md gives. Full form only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOME = Path.home()  # read while tests are collected: while they run they have another one

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both downloads, built in an environment without the tests' packages."""
    folder = tmp_path_factory.mktemp("bundle")
    python = folder / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    run([sys.executable, "-m", "venv", folder / "venv"])
    run([python, "-m", "pip", "install", "-q", "-c", "constraints.txt", "-e", ".[package]"])
    run([python, "packaging/build.py", "--output", folder / "dist"])
    return folder / "dist"


def test_the_small_flavour_is_small_and_passes_its_trial(archives: Path) -> None:
    (archive,) = archives.glob("tray-bridge-[0-9]*")
    assert archive.stat().st_size <= 60e6
    print(run([sys.executable, "packaging/smoke.py", archive]))


def test_the_flavour_with_the_cli_passes_its_trial(archives: Path) -> None:
    (archive,) = archives.glob("tray-bridge-with-claude-code-*")
    print(run([sys.executable, "packaging/smoke.py", archive]))


def run(command: list[str | Path]) -> str:
    environment = dict(os.environ)
    if sys.platform != "win32":
        environment["XDG_CACHE_HOME"] = str(HOME / ".cache")  # what pip has fetched before
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout
