"""Makes a package for Debian and Ubuntu from the folder that `build.py` lays out for Linux."""

from __future__ import annotations

import gzip
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf"}
CONTROL = """\
Package: {name}
Version: {version}
Architecture: {architecture}
Maintainer: Tray Bridge maintainers <tray-bridge@localhost>
Installed-Size: {size}
Section: net
Priority: optional
Conflicts: {other}
Depends: libc6
Recommends: xdg-utils
Description: lets every OpenAI client use Claude
 A tray app with a local server that speaks the APIs of OpenAI, Anthropic and
 Ollama, and answers with the Claude that Claude Code is signed in to.
"""


def make_deb(folder: Path, output: Path, name: str, version: str) -> Path:
    """Write `NAME_VERSION_ARCHITECTURE.deb` into `output`; needs `dpkg-deb`."""
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    target = output / f"{name}_{version}_{architecture}.deb"
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "root"
        lay_out(folder, root)
        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        other = "tray-bridge" if name != "tray-bridge" else "tray-bridge-with-claude-code"
        values = {"name": name, "version": debian_version(version), "architecture": architecture, "other": other}
        control = root / "DEBIAN/control"
        control.parent.mkdir()
        control.write_text(CONTROL.format(**values, size=size // 1024 + 1))
        for path in (root, *root.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(root), str(target)], check=True)
    return target


def lay_out(folder: Path, root: Path) -> None:
    """Put everything where Debian wants it; the program finds its parts beside its real file."""
    shutil.copytree(folder / "tray-bridge", root / "usr/lib/tray-bridge", symlinks=True)
    link = root / "usr/bin/tray-bridge"
    link.parent.mkdir(parents=True)
    link.symlink_to("../lib/tray-bridge/tray-bridge")
    shutil.copytree(folder / "icons", root / "usr/share/icons/hicolor")
    entry = root / "usr/share/applications/tray-bridge.desktop"
    entry.parent.mkdir(parents=True)
    entry.write_text((folder / "tray-bridge.desktop").read_text().replace("@PROGRAM@", "/usr/bin/tray-bridge"))
    about = root / "usr/share/doc/tray-bridge"
    about.mkdir(parents=True)
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("LICENSE.txt", "THIRD-PARTY-LICENCES.txt")]
    (about / "copyright").write_text("\n\n".join(texts), encoding="utf-8")
    page = root / "usr/share/man/man1/tray-bridge.1.gz"
    page.parent.mkdir(parents=True)
    page.write_bytes(gzip.compress((ROOT / "packaging/tray-bridge.1").read_bytes(), mtime=0))


def debian_version(version: str) -> str:
    """`1.0rc1` sorts after `1.0` for Debian, `1.0~rc1` before it."""
    return re.sub(r"(?<=\d)\.?(a|b|rc|dev)(?=\d)", r"~\1", version)
