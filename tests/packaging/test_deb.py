"""The Debian package and the manual page: made from what there is, and of the right shape."""

from __future__ import annotations

import gzip
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "packaging"))

import appimage  # noqa: E402
import deb  # noqa: E402
import man  # noqa: E402


def test_the_manual_page_is_the_parser_s() -> None:
    assert man.PAGE.read_text(encoding="utf-8") == man.manual(), "run `python packaging/man.py`"
    assert "SUPPRESS" not in man.manual()


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_man_reads_it_without_a_complaint() -> None:
    done = subprocess.run(["man", "--warnings", "-l", str(man.PAGE)], capture_output=True, text=True)
    assert done.stderr == ""
    for word in ("tray-bridge", "setup", "--undo", "BRIDGE_URL"):
        assert word in done.stdout


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")
def test_the_package_puts_the_program_on_the_path_and_into_the_menu(tmp_path: Path) -> None:
    folder = tmp_path / "tray-bridge-1"
    program = folder / "tray-bridge/tray-bridge"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "from $(dirname "$(readlink -f "$0")")"\n')
    program.chmod(0o755)
    icon = folder / "icons/22x22/apps/tray-bridge.png"
    icon.parent.mkdir(parents=True)
    icon.write_bytes(b"png")
    shutil.copy(ROOT / "packaging/linux/tray-bridge.desktop", folder)
    for name in ("LICENSE.txt", "THIRD-PARTY-LICENCES.txt"):
        (folder / name).write_text(name)
    package = deb.make_deb(folder, tmp_path, "tray-bridge", "1.0rc1")

    told = subprocess.run(["dpkg-deb", "--field", str(package)], capture_output=True, text=True, check=True).stdout
    assert "Package: tray-bridge\n" in told
    assert "Version: 1.0~rc1\n" in told
    listed = subprocess.run(["dpkg-deb", "-c", str(package)], capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}
    unpacked = tmp_path / "unpacked"
    subprocess.run(["dpkg-deb", "-x", str(package), str(unpacked)], check=True)
    ran = subprocess.run([str(unpacked / "usr/bin/tray-bridge")], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == f"from {unpacked}/usr/lib/tray-bridge"
    assert "Exec=/usr/bin/tray-bridge" in (unpacked / "usr/share/applications/tray-bridge.desktop").read_text()
    assert (unpacked / "usr/share/icons/hicolor/22x22/apps/tray-bridge.png").read_bytes() == b"png"
    page = gzip.decompress((unpacked / "usr/share/man/man1/tray-bridge.1.gz").read_bytes())
    assert page == man.PAGE.read_bytes()


def test_the_runtime_is_what_stands_before_an_appimage_s_file_system() -> None:
    program = bytearray(b"\x7fELF\2\1\1\0AI\2" + bytes(117))
    struct.pack_into("<Q", program, 40, 64)
    struct.pack_into("<HH", program, 58, 32, 2)
    assert appimage.cut(bytes(program) + b"hsqs" + b"files") == program
    with pytest.raises(ValueError, match="No file system"):
        appimage.cut(bytes(program) + b"nothing")
    with pytest.raises(ValueError, match="no AppImage"):
        appimage.cut(b"\x7fELF" + bytes(200))
