"""The bundle, built and tried in both flavours by the commands that CONTRIBUTING.md gives. Full form only."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installing import installing
from tray_bridge.machine.port import next_free_port

ROOT = Path(__file__).parents[2]

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
    (archive,) = archives.glob("tray-bridge-[0-9]*.[tz]*")
    assert archive.stat().st_size <= 60e6
    print(run([sys.executable, "packaging/smoke.py", archive]))


def test_the_flavour_with_the_cli_passes_its_trial(archives: Path) -> None:
    (archive,) = archives.glob("tray-bridge-with-claude-code-*.[tz]*")
    print(run([sys.executable, "packaging/smoke.py", archive]))


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")
def test_the_debian_package_of_the_bundle_answers_in_the_demo(archives: Path, tmp_path: Path) -> None:
    (package,) = archives.glob("tray-bridge-with-claude-code_*.deb")
    run(["dpkg-deb", "-x", package, tmp_path / "root"])
    answers_in_the_demo(str(tmp_path / "root" / "usr" / "bin" / "tray-bridge"), tmp_path)


@pytest.mark.skipif(shutil.which("mksquashfs") is None, reason="squashfs-tools is not installed")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the runtime is of x86-64")
def test_the_appimage_answers_in_the_demo_and_starts_at_login_as_the_file_that_it_is(
    archives: Path, tmp_path: Path
) -> None:
    (image,) = archives.glob("tray-bridge-with-claude-code-*.AppImage")
    # Without FUSE, as in most containers, it is unpacked first.
    subprocess.run([image, "--appimage-extract"], cwd=tmp_path, stdout=subprocess.DEVNULL, timeout=180, check=True)
    own = answers_in_the_demo(str(tmp_path / "squashfs-root" / "AppRun"), tmp_path)
    own |= {"APPIMAGE_EXTRACT_AND_RUN": "1", "TMPDIR": str(tmp_path)}
    subprocess.run([image, "shortcut", "on"], env=own, stdout=subprocess.DEVNULL, timeout=180, check=True)
    entry = (tmp_path / ".local/share/applications/tray-bridge.desktop").read_text()
    assert f'Exec="{image}"' in entry


def answers_in_the_demo(program: str, home: Path, **more: str) -> dict[str, str]:
    """Serve, ask and stop with nothing but the program; gives the environment that it had."""
    port = str(next_free_port("127.0.0.1", 18_700))
    own = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", **more}

    def ask(*words: str) -> str:
        return subprocess.run([program, *words], env=own, capture_output=True, text=True, timeout=90, check=True).stdout

    with subprocess.Popen([program, "serve", "--demo", "--port", port], env=own) as serving:
        try:
            assert "This is the stand-in" in ask("--port", port, "ask", "--wait", "60", "Hello")
            assert ask("--port", port, "stop") == "Tray Bridge has stopped.\n"
            assert serving.wait(20) == 0
        finally:
            serving.kill()
    return own


def run(command: list[str | Path]) -> str:
    done = subprocess.run(command, cwd=ROOT, env=installing(), capture_output=True, text=True)
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout
