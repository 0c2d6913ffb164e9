"""Files are whole or not there, for their owner alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tray_bridge.machine.private_files import put_file, replace_file

Write = Callable[[Path, bytes], None]


@pytest.mark.parametrize("write", [replace_file, put_file])
def test_a_file_is_its_owner_s_alone_and_its_folder_is_made(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "folder" / "file"
    write(path, b"first")
    write(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]
    if os.name != "nt":
        assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)


@pytest.mark.parametrize("write", [replace_file, put_file])
def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "file"
    path.mkdir()  # nothing can be renamed over it
    with pytest.raises(OSError):
        write(path, b"text")
    assert list(tmp_path.iterdir()) == [path]
