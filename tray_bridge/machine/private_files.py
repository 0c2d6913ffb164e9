"""Files that only their owner may read, and that are always complete. A leaf.

Settings, keys and the session log are written through here.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from pathlib import Path

TEMPORARY_SUFFIX = ".tmp"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def remedy_of(error: OSError) -> str:
    """Say what a person can do when a file cannot be written; empty if that is not known."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Make room on the disk, then try again."
    return "Make the folder writable, then try again." if error.errno in (errno.EACCES, errno.EROFS) else ""


def make_private_folder(folder: Path) -> None:
    """Make `folder` and its parents, 0700 where the system knows modes (a Windows profile is private)."""
    if not folder.is_dir():
        make_private_folder(folder.parent)  # mkdir would give the parents another mode
        folder.mkdir(mode=0o700, exist_ok=True)


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path` as a 0600 file, in one atomic step; raises OSError.

    A link is followed, so that a settings file kept elsewhere stays where it is.
    """
    import tempfile  # slow to import, and seldom needed at the start

    path = Path(os.path.realpath(path))
    make_private_folder(path.parent)
    # mkstemp makes the file 0600 and closed to child processes on every system.
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=TEMPORARY_SUFFIX, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        _replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def put_file(path: Path, content: bytes) -> None:
    """Put `content` at `path` as a 0600 file, in one atomic step; raises OSError.

    Cheaper than `replace_file`: `path` is no link, and this thread alone writes it.
    """
    temporary = path.with_name(f".{path.name}{TEMPORARY_SUFFIX}")
    try:
        descriptor = os.open(temporary, _NEW, 0o600)
    except FileNotFoundError:
        make_private_folder(path.parent)
        descriptor = os.open(temporary, _NEW, 0o600)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            view = memoryview(content)
            while view:
                view = view[file.write(view) :]
        _replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _replace(temporary: Path, path: Path) -> None:
    """Rename over `path`; try again for a while, because Windows refuses while another program has it open."""
    for delay in (0.01, 0.05, 0.2) if os.name == "nt" else ():
        with suppress(PermissionError):
            temporary.replace(path)
            return
        time.sleep(delay)
    temporary.replace(path)
