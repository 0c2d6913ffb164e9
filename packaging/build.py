"""Makes the download for the platform that it runs on, in two flavours: with the Claude Code CLI, and small.

Run it in an environment made by `pip install -c constraints.txt -e '.[package]'`. It writes to `dist/`; `smoke.py`
then tries what it wrote.
"""

from __future__ import annotations

import argparse
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from appimage import can_make, make_appimage  # noqa: E402
from deb import make_deb  # noqa: E402

from tray_bridge import __version__  # noqa: E402

FLAVOURS = {"small": "tray-bridge", "with-claude-code": "tray-bridge-with-claude-code"}
SYSTEM = {"linux": "linux", "darwin": "macos", "win32": "windows"}[sys.platform]
ICON_SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flavour", choices=FLAVOURS, help="only this one")
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        bundle = make_bundle(work)
        for flavour in [arguments.flavour] if arguments.flavour else FLAVOURS:
            title = f"{FLAVOURS[flavour]}-{__version__}-{SYSTEM}-{platform.machine().lower()}"
            folder = work / title
            lay_out(bundle, folder)
            if flavour != "small":
                add_cli(folder)
            archive = pack(folder, arguments.output)
            print(f"{archive}: {archive.stat().st_size / 1e6:.1f} MB")
            if sys.platform == "linux" and shutil.which("dpkg-deb"):
                package = make_deb(folder, arguments.output, FLAVOURS[flavour], __version__)
                print(f"{package}: {package.stat().st_size / 1e6:.1f} MB")
            if can_make():
                image = make_appimage(folder, arguments.output, work)
                print(f"{image}: {image.stat().st_size / 1e6:.1f} MB")
            shutil.rmtree(folder)


def make_bundle(work: Path) -> Path:
    """Runs PyInstaller and returns the folder, or the app, that it makes."""
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level=WARN"]
    places = [f"--distpath={work / 'bundle'}", f"--workpath={work / 'parts'}"]
    subprocess.run([*command, *places, str(ROOT / "packaging/tray-bridge.spec")], check=True)
    if sys.platform == "darwin":
        return work / "bundle/Tray Bridge.app"
    bundle = work / "bundle/tray-bridge"
    if sys.platform == "linux":
        drop_debug_symbols(bundle)
    return bundle


def drop_debug_symbols(bundle: Path) -> None:
    """A third of the size; not in `*.libs`, whose libraries were rewritten in ways that `strip` damages."""
    libraries = (path for path in bundle.rglob("*.so*") if not path.parent.name.endswith(".libs"))
    subprocess.run(["strip", "--strip-debug", *map(str, libraries)], check=True)


def lay_out(bundle: Path, folder: Path) -> None:
    """Puts into `folder` what the archive shall hold besides the CLI."""
    folder.mkdir()
    shutil.copytree(bundle, folder / bundle.name, symlinks=True)
    shutil.copy(ROOT / "LICENSE", folder / "LICENSE.txt")
    (folder / "THIRD-PARTY-LICENCES.txt").write_text("\n\n".join(licences()), encoding="utf-8")
    if sys.platform == "linux":
        for source in (ROOT / "packaging/linux").iterdir():
            shutil.copy(source, folder)
        for size in ICON_SIZES:
            place = folder / f"icons/{size}x{size}/apps/tray-bridge.png"
            place.parent.mkdir(parents=True)
            shutil.copy(ROOT / f"tray_bridge/desktop/icons/tray-bridge-{size}.png", place)


def add_cli(folder: Path) -> None:
    """Copies the CLI to where the SDK looks for the one that comes along."""
    sdk = find_spec("claude_agent_sdk")
    assert sdk is not None
    assert sdk.origin is not None
    source = Path(sdk.origin).parent / "_bundled"
    inside = "Tray Bridge.app/Contents/Frameworks" if sys.platform == "darwin" else "tray-bridge/_internal"
    target = folder / inside / "claude_agent_sdk/_bundled"
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".git*"))
    if sys.platform == "darwin":  # the app's seal covers its files; the CLI keeps the signature of its maker
        app = str(folder / "Tray Bridge.app")
        subprocess.run(["codesign", "--force", "--sign", "-", app], check=True)


def pack(folder: Path, output: Path) -> Path:
    """Makes the archive that is usual on this platform."""
    if sys.platform == "win32":
        return Path(shutil.make_archive(str(output / folder.name), "zip", folder.parent, folder.name))
    if sys.platform == "darwin":
        archive = output / f"{folder.name}.zip"  # ditto keeps what a signature needs
        subprocess.run(["ditto", "-c", "-k", "--keepParent", str(folder), str(archive)], check=True)
        return archive
    archive = output / f"{folder.name}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, folder.name, filter=without_owner)
    return archive


def without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def licences() -> Iterator[str]:
    """The licence of each package in the bundle, as its authors ship it."""
    packages = {"tray-bridge": distribution("tray-bridge")}
    waiting = list(packages.values())
    while waiting:
        for found in required_by(waiting.pop()):
            if found.name not in packages:
                packages[found.name] = found
                waiting.append(found)
    for name, package in sorted(packages.items()):
        texts = [
            Path(str(package.locate_file(file))).read_text("utf-8", "replace")
            for file in package.files or ()
            if re.match(r"(?i)licen[cs]e|copying|notice", file.name) and ".dist-info" in str(file)
        ]
        stated = package.metadata.get_all("License-Expression") or package.metadata.get_all("License") or []
        if name != "tray-bridge":
            yield "\n".join([f"=== {name} {package.version}", *(texts or stated)])


def required_by(package: Distribution) -> Iterator[Distribution]:
    """The installed packages that a package asks for, extras left out."""
    for line in package.requires or ():
        if "extra ==" not in line and (match := re.match(r"[\w.-]+", line)):
            try:
                yield distribution(match[0])
            except ModuleNotFoundError:
                continue  # for another platform


if __name__ == "__main__":
    main()
