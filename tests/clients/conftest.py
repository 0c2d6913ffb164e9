"""Third-party clients, each in an environment of its own: made once, outside the repository, from pinned lists."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.installing import installing
from tests.running_bridge import RunningBridge

HERE = Path(__file__).parent
REQUIREMENTS = HERE.parent / "clients.txt"
PYDANTIC_AI = HERE.parent / "clients-pydantic-ai.txt"
PACKAGES = HERE / "package.json"
AIDER = "aider-chat==0.86.2"
INSTALL_SECONDS = 900
Play = Callable[..., Any]


@pytest.fixture(scope="session")
def clients_python() -> Path:
    """The interpreter that has `tests/clients.txt` installed."""
    return _python_with(REQUIREMENTS, "python")


@pytest.fixture(scope="session")
def pydantic_ai_python() -> Path:
    """The interpreter that has the pydantic-ai of `tests/clients-pydantic-ai.txt`."""
    return _python_with(PYDANTIC_AI, "pydantic-ai")


def _python_with(requirements: Path, kind: str) -> Path:
    def make(folder: Path) -> None:
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(_python_in(folder)), "-m", "pip", "install", "--quiet", "--requirement", str(requirements))

    version = ".".join(map(str, sys.version_info[:3]))
    return _python_in(_made_once(kind, f"{version} {requirements.read_text()}", make))


@pytest.fixture(scope="session")
def aider_python() -> Path:
    """The interpreter that has aider, which pins each of its many packages itself."""

    def make(folder: Path) -> None:
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(_python_in(folder)), "-m", "pip", "install", "--quiet", AIDER)

    return _python_in(_made_once("aider", f"{sys.version_info[:3]} {AIDER}", make))


@pytest.fixture(scope="session")
def agents_folder() -> Path:
    """A folder with the programs of `agents/package.json`: most of a gigabyte, so apart from the libraries."""
    return _node_packages("agents", HERE / "agents" / "package.json")


@pytest.fixture(scope="session")
def node_folder() -> Path:
    """A folder with the packages of `package.json`, and the scripts that use them."""
    folder = _node_packages("node", PACKAGES)
    for script in HERE.glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


def _node_packages(kind: str, packages: Path) -> Path:
    def make(folder: Path) -> None:
        folder.mkdir()
        shutil.copy(packages, folder)
        npm = shutil.which("npm")
        assert npm, "npm is needed: https://nodejs.org"
        _run(npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)

    return _made_once(kind, packages.read_text(), make)


@pytest.fixture
def play_python(clients_python: Path, bridge: RunningBridge) -> Play:
    """Run a script of this folder with the clients' interpreter; gives the JSON that it prints last."""
    return _play_with(clients_python, bridge)


@pytest.fixture
def play_pydantic_ai(pydantic_ai_python: Path, bridge: RunningBridge) -> Play:
    """The same with the newest pydantic-ai."""
    return _play_with(pydantic_ai_python, bridge)


def _play_with(python: Path, bridge: RunningBridge) -> Play:
    return lambda script, *arguments: _play(
        [str(python), "-m", f"tests.clients.{script.removesuffix('.py')}", bridge.base_url, *arguments]
    )


@pytest.fixture
def play_node(node_folder: Path, bridge: RunningBridge) -> Play:
    return lambda script, *arguments: _play(["node", str(node_folder / script), bridge.base_url, *arguments])


@pytest.fixture(scope="session")
def played() -> dict[str, Any]:
    """What scripts printed that several tests look at."""
    return {}


@pytest.fixture
def play_python_once(play_python: Play, played: dict[str, Any]) -> Play:
    """The same, but run for the first test that asks alone."""
    return lambda script: played[script] if script in played else played.setdefault(script, play_python(script))


@pytest.fixture
def play_node_once(play_node: Play, played: dict[str, Any]) -> Play:
    return lambda script: played[script] if script in played else played.setdefault(script, play_node(script))


def _play(command: list[str]) -> Any:
    done = subprocess.run(
        command, cwd=HERE.parents[1], capture_output=True, text=True, encoding="utf-8", timeout=300, env=_environment()
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUTF8": "1", "LANGSMITH_TRACING": "false", "LOGFIRE_SEND_TO_LOGFIRE": "false"}


def _python_in(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _made_once(kind: str, contents: str, make: Callable[[Path], None]) -> Path:
    """A folder for these contents; one that was left half made is made again."""
    root = Path(os.environ.get("TRAY_BRIDGE_TEST_CACHE") or tempfile.gettempdir())
    folder = root / f"tray-bridge-clients-{kind}-{sha256(contents.encode()).hexdigest()[:12]}"
    finished = folder / "finished"
    with FileLock(f"{folder}.lock", timeout=INSTALL_SECONDS):
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            finished.touch()
    return folder


def _run(*command: str, cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=INSTALL_SECONDS, env=installing())
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-1000:]}{done.stderr[-2000:]}"
