"""The bundle, built and tried in both flavours by the commands that CONTRIBUTING.md gives. Full form only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tray_bridge.machine.port import next_free_port

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


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")
def test_the_debian_package_of_the_bundle_answers_in_the_demo(archives: Path, tmp_path: Path) -> None:
    (package,) = archives.glob("tray-bridge-with-claude-code_*.deb")
    run(["dpkg-deb", "-x", package, tmp_path / "root"])
    program = str(tmp_path / "root" / "usr" / "bin" / "tray-bridge")
    port = str(next_free_port("127.0.0.1", 18_700))
    own = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}

    def ask(*words: str) -> str:
        return subprocess.run([program, *words], env=own, capture_output=True, text=True, timeout=90, check=True).stdout

    with subprocess.Popen([program, "serve", "--demo", "--port", port], env=own) as serving:
        try:
            assert "This is the stand-in" in ask("--port", port, "ask", "--wait", "60", "Hello")
            assert ask("--port", port, "stop") == "Tray Bridge has stopped.\n"
            assert serving.wait(20) == 0
        finally:
            serving.kill()


def run(command: list[str | Path]) -> str:
    environment = dict(os.environ)
    if sys.platform != "win32":
        environment["XDG_CACHE_HOME"] = str(HOME / ".cache")  # what pip has fetched before
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout
