"""The note of a running server for its owner's commands: its address, and a token that only this user can read.

With the token, the owner's commands work without an API key. The server first proves to a command that it knows the
token, so that another program on the port never receives it. One file for each port, in the runtime folder.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .paths import runtime_folder
from .private_files import make_private_folder, replace_file

logger = logging.getLogger(__name__)

NONCE_HEADER = "x-tray-bridge-nonce"
PROOF_HEADER = "x-tray-bridge-proof"
LONGEST_NONCE = 128


class OwnerNote(NamedTuple):
    """The note: address, process and token."""

    host: str
    port: int
    pid: int
    token: str


def new_note(host: str, port: int) -> OwnerNote:
    """Make a note with a new token."""
    return OwnerNote(host, port, os.getpid(), "owner-" + secrets.token_urlsafe(32))


def write_note(note: OwnerNote) -> None:
    """Write the note. Raises nothing: without it, commands need an API key if there are keys."""
    path = _path(note.port)
    try:
        make_private_folder(path.parent)
        if not _is_private(path.parent):
            logger.warning("%s can be written by others, so no note for the owner is left there", path.parent)
            return
        replace_file(path, json.dumps(note._asdict()).encode())
    except OSError as error:
        logger.info("no note for the owner: %s", error)


def has_note(note: OwnerNote) -> bool:
    """Return whether the note lies where it was left: what tidies runtime folders up may have removed it."""
    return _path(note.port).exists()


def remove_note(note: OwnerNote) -> None:
    """Delete the note, unless another server has replaced it."""
    found = read_note(note.port)
    if found is not None and found.token == note.token:
        with suppress(OSError):
            _path(note.port).unlink()


def read_note(port: int) -> OwnerNote | None:
    """Return the note of the server at `port`; the server may have ended."""
    path = _path(port)
    try:
        if not _is_private(path.parent):
            return None
        found = json.loads(path.read_text("utf-8"))
        return OwnerNote(str(found["host"]), int(found["port"]), int(found["pid"]), str(found["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def all_notes() -> list[OwnerNote]:
    """Return the notes of every server of this user, newest first."""
    files = sorted(runtime_folder().glob("bridge-*.json"), key=_age)
    found = [read_note(int(path.stem.removeprefix("bridge-"))) for path in files if path.stem[7:].isdecimal()]
    return [note for note in found if note is not None]


def proof_of(token: str, nonce: str) -> str:
    """Return the reply to `nonce` that only a program with the token can give."""
    return hmac.new(token.encode(), nonce[:LONGEST_NONCE].encode(), hashlib.sha256).hexdigest()


def _path(port: int) -> Path:
    return runtime_folder() / f"bridge-{port}.json"


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0


def _is_private(folder: Path) -> bool:
    """Return whether only this user can write to the folder (a Windows profile is private)."""
    if os.name == "nt":
        return True
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
