"""Installs the pinned clients once for all runs, outside of the repository, and runs a script with them."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_cache_path

HERE = Path(__file__).parent
# Both are read before the tests get a home of their own: what is installed must outlive a run, and pip and npm are set
# up in the person's own home.
OWN_ENVIRONMENT = dict(os.environ)
CACHE = user_cache_path("tray-bridge-tests", appauthor=False)
PINS = HERE.parent / "clients.txt"
PACKAGES = HERE / "node" / "package.json"


def python_with_clients() -> Path:
    """The interpreter of an environment that holds what `clients.txt` pins."""
    folder = CACHE / f"python-{platform.python_version()}-{key_of(PINS)}"
    program = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    with FileLock(CACHE / "python.lock"):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            install([sys.executable, "-m", "venv", str(folder)])
            install([str(program), "-m", "pip", "install", "--quiet", "--requirement", str(PINS)])
            (folder / "complete").touch()
    return program


def folder_with_packages(npm: str) -> Path:
    """A folder that holds what `node/package.json` pins; Node looks for packages from where a script lies."""
    folder = CACHE / f"node-{key_of(PACKAGES)}"
    options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    with FileLock(CACHE / "node.lock"):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            shutil.copy(PACKAGES, folder)
            install([npm, "install", *options], folder)
            (folder / "complete").touch()
    return folder


def key_of(pins: Path) -> str:
    return hashlib.sha256(pins.read_bytes()).hexdigest()[:12]


def install(command: list[str], folder: Path | None = None) -> None:
    done = subprocess.run(
        command, cwd=folder, env=OWN_ENVIRONMENT, capture_output=True, encoding="utf-8", timeout=900, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stderr[-3000:]}"


def run(program: str | Path, script: Path, base_url: str, home: Path) -> dict[str, Any]:
    """Run a script that asks the bridge at `base_url`, and give the JSON object that it printed last."""
    done = subprocess.run(
        [str(program), str(script), base_url],
        env={**os.environ, "HOME": str(home), "PYTHONUTF8": "1", "OPENAI_API_KEY": "not-needed"},
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{script.name} failed: {done.stderr[-4000:]}"
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
