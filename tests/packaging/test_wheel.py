"""The wheel: what is in it, and that it installs and answers in clean environments.

The short form tries the running Python; the full form every Python from 3.10 to 3.13 that is here, uv and pipx.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from packaging.version import Version

from tests.installing import HOME, installing
from tray_bridge import __version__

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
BIN = "Scripts" if sys.platform == "win32" else "bin"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)])
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_the_wheel_holds_the_package_with_page_and_icons_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == f"tray_bridge-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name and ".data/" not in name}
        assert any(name.endswith("data/share/man/man1/tray-bridge.1") for name in archive.namelist())
        about = {name.rpartition(".dist-info/")[2] for name in archive.namelist() if ".dist-info/" in name}
    listed = run(["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "tray_bridge"])
    assert held == set(listed.split())
    assert {"tray_bridge/dashboard/index.html", "tray_bridge/desktop/icons/tray-bridge.ico"} <= held
    assert "licenses/LICENSE" in about


def test_the_installed_wheel_tells_its_version_and_the_clis(wheel: Path, tmp_path: Path) -> None:
    """The dependencies are lent by the running environment, so that this takes seconds and no network."""
    venv = tmp_path / "venv"
    run([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    python = str(venv / BIN / "python")
    site = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())
    zipfile.ZipFile(wheel).extractall(site)
    (site / "lent.pth").write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}))
    where = run([python, "-c", "import tray_bridge; print(tray_bridge.__file__)"], cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(venv), where
    check_version(run([python, "-m", "tray_bridge", "--version"], cwd=tmp_path))


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", VERSIONS)
def test_pip_installs_a_program_that_answers(version: str, wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    run([interpreter(version), "-m", "venv", str(venv)])
    run([str(venv / BIN / "python"), "-m", "pip", "install", "-q", "-c", constraints(), str(wheel)])
    check_program(venv / BIN / "tray-bridge", tmp_path)


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", VERSIONS)
def test_uv_installs_a_program_that_answers(version: str, wheel: Path, tmp_path: Path, installers: Path) -> None:
    places = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    command = [str(installers / "uv"), "tool", "install", "--python", interpreter(version), "--no-python-downloads"]
    run([*command, "--constraints", constraints(), str(wheel)], variables=places)
    check_program(tmp_path / "bin/tray-bridge", tmp_path)


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", VERSIONS)
def test_pipx_installs_a_program_that_answers(version: str, wheel: Path, tmp_path: Path, installers: Path) -> None:
    places = {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    command = [str(installers / "pipx"), "install", "--python", interpreter(version)]
    run([*command, f"--pip-args=-c {constraints()}", str(wheel)], variables=places)
    check_program(tmp_path / "bin/tray-bridge", tmp_path)


@pytest.fixture(scope="session")
def installers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with uv and pipx in it."""
    venv = tmp_path_factory.mktemp("installers")
    run([sys.executable, "-m", "venv", str(venv)])
    run([str(venv / BIN / "python"), "-m", "pip", "install", "-q", "uv", "pipx"])
    return venv / BIN


def interpreter(version: str) -> str:
    """A Python of this version that works on this machine; the test is skipped where there is none."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    by_pyenv = Path(os.environ.get("PYENV_ROOT", HOME / ".pyenv")) / "versions"
    found = [shutil.which(f"python{version}"), *map(str, by_pyenv.glob(f"{version}.*/{BIN}/python"))]
    for path in filter(None, found):
        told = subprocess.run([path, "--version"], capture_output=True, text=True)
        if told.returncode == 0 and Version(told.stdout.split()[1]).release[:2] == Version(version).release:
            return path
    pytest.skip(f"there is no Python {version} here")


def constraints() -> str:
    return str(ROOT / "constraints.txt")


def check_program(program: Path, folder: Path) -> None:
    """The installed command tells both versions, and its demo serves the page and answers."""
    check_version(run([str(program), "--version"], cwd=folder))
    with serving(program, folder) as url:
        page = httpx.get(f"{url}/dashboard", follow_redirects=True)
        assert page.status_code == 200
        assert "<title>" in page.text
        answer = run([str(program), "ask", "Are you there?"], cwd=folder, variables={"BRIDGE_URL": url})
        assert "stand-in" in answer


def check_version(said: str) -> None:
    assert re.fullmatch(rf"tray-bridge {re.escape(__version__)}\nClaude Code \d+\.\d+\.\d+\n", said), said


@contextmanager
def serving(program: Path, folder: Path) -> Iterator[str]:
    command = [str(program), "serve", "--demo", "--port", "0"]
    server = subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        said = server.stdout.readline()
        match = re.search(r"http://[\d.:]+", said)
        assert match, said
        yield match[0]
    finally:
        server.terminate()
        server.wait(30)
        if server.stdout:
            server.stdout.close()


def run(command: list[str], *, cwd: Path = ROOT, variables: Mapping[str, str] = {}) -> str:
    done = subprocess.run(command, cwd=cwd, env={**environment(), **variables}, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout


def environment() -> dict[str, str]:
    """The test's, less what belongs to the running Python; downloads are kept where the person's own are."""
    kept = {name: value for name, value in installing().items() if not name.startswith(("PYTHON", "PYENV_VERSION"))}
    return {**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
