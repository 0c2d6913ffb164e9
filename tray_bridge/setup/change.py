"""The change of a client's files: shown, written with a backup, and undone to the byte.

Owns the backups, which lie in the settings folder. A file keeps its mode and its link; a file that was not there is
taken away again by `undo`.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ..errors import TrayBridgeError
from ..machine.paths import config_folder
from ..machine.private_files import remedy_of, replace_file
from .clients import SetupClient, Values
from .place import Place

MARK = "\ufeff"  # Windows' editors like to begin a file with it


class SetupError(TrayBridgeError):
    """A client's file cannot be changed, or not be given back."""

    title = "Not set up"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file: its bytes before (None if it is not there) and after."""

    path: Path
    old: bytes | None
    new: bytes

    @property
    def differs(self) -> bool:
        """Return whether the file would change."""
        return self.old != self.new

    def diff(self) -> str:
        """Return the change as `diff -u` shows it."""
        old, new = (self.old or b"").decode("utf-8", "replace"), self.new.decode("utf-8", "replace")
        name = str(self.path)
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), name, name, lineterm="")
        return "\n".join(lines)


def plan(client: SetupClient, values: Values, place: Place, file: Path | None = None) -> list[FileChange]:
    """Return the change of each file; raises SetupError if one cannot be read or placed safely."""
    changes = []
    for number, (usual, edit) in enumerate(client.files(place)):
        path = file if file is not None and number == 0 else usual
        try:
            old = path.read_bytes()
        except FileNotFoundError:
            old = None
        except OSError as error:
            raise SetupError(f"{path} cannot be read: {error.strerror or error}.") from error
        try:
            text = (old or b"").decode("utf-8")
            mark = MARK if text.startswith(MARK) else ""
            new = mark + edit(text.removeprefix(MARK), values)
        except (ValueError, RecursionError) as error:  # the latter for a file of brackets alone
            raise SetupError(
                f"{path} cannot be changed safely: {error}.",
                hint=f"Correct the file, or add this by hand:\n{edit('', values)}",
            ) from error
        changes.append(FileChange(path, old, new.encode()))
    return changes


def write(client: SetupClient, changes: Sequence[FileChange]) -> Path:
    """Keep a backup, then write every file; return the backup. Raises SetupError, with nothing half done."""
    for change in changes:
        if _content(change.path) != change.old:
            raise SetupError(
                f"{change.path} was changed just now by another program.",
                hint="Nothing was written. See the new change, and try again.",
            )
    note = _note(client)
    noted = _read_note(note)
    set_ups = _set_ups(noted)
    before = set_ups.pop(str(changes[0].path), [])
    kept = []
    for change in changes:
        earlier = next((one for one in before if one["path"] == str(change.path)), None)
        # Set up twice, the oldest file counts, unless someone changed it in between.
        original = change.old
        if earlier is not None and change.old is not None and _hash(change.old) == earlier["written"]:
            original = None if earlier["old"] is None else base64.b64decode(earlier["old"])
        kept.append(
            {
                "set_up": str(changes[0].path),
                "path": str(change.path),
                "old": None if original is None else base64.b64encode(original).decode(),
                "written": _hash(change.new),
            }
        )
    done: list[FileChange] = []
    try:
        replace_file(note, json.dumps([*chain(*set_ups.values()), *kept], indent=2).encode())
        for change in changes:
            if change.differs:
                _put(change.path, change.new)
            done.append(change)
    except OSError as error:
        for change in reversed(done):
            _give_back(change.path, change.old)
        with suppress(OSError):  # the note tells of what is there
            _give_back(note, json.dumps(noted, indent=2).encode() if noted else None)
        raise _unwritable(error, note) from error
    return note


def undo(client: SetupClient, place: Place, file: Path | None = None, *, force: bool = False) -> list[Path]:
    """Give every file back as it was before, to the byte; raises SetupError if one was changed since.

    A client that was set up at several files is undone for `file`, else for its usual one at `place`.
    """
    note = _note(client)
    set_ups = _set_ups(_read_note(note))
    if not set_ups:
        raise SetupError(f"{client.name} was not set up from here.", hint="`tray-bridge setup` lists the clients.")
    kept = set_ups.pop(str(file or client.files(place)[0][0]), [])
    if not kept and len(set_ups) == 1 and file is None:
        _, kept = set_ups.popitem()
    if not kept:
        raise SetupError(
            f"{client.name} was not set up at {file or client.files(place)[0][0]}.",
            hint="Name the file with --file. It was set up at: " + ", ".join(set_ups) + ".",
        )
    paths = [Path(str(one["path"])) for one in kept]
    for path, one in zip(paths, kept, strict=True):
        found = _content(path)
        if not force and found is not None and _hash(found) != one["written"]:
            raise SetupError(
                f"{path} was changed since, so those changes would be lost.",
                hint=f"`tray-bridge setup {client.id} --undo --yes` gives the old file back all the same.",
            )
    try:
        for path, one in zip(paths, kept, strict=True):
            old = one["old"]
            _give_back(path, None if old is None else base64.b64decode(old))
        _give_back(note, json.dumps(list(chain(*set_ups.values())), indent=2).encode() if set_ups else None)
    except OSError as error:
        raise _unwritable(error, note) from error
    return paths


def _unwritable(error: OSError, note: Path) -> SetupError:
    problem = f"{error.filename or note} cannot be written: {error.strerror or error}."
    return SetupError(problem, hint=remedy_of(error))


def was_set_up(client: SetupClient) -> bool:
    """Return whether there is something to undo."""
    return bool(_read_note(_note(client)))


def _put(path: Path, content: bytes) -> None:
    """Write in one step; the file keeps its mode and stays where a link leads."""
    mode = None
    with suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)
    if mode is not None:
        path.chmod(mode)


def _give_back(path: Path, old: bytes | None) -> None:
    if old is None:
        path.resolve().unlink(missing_ok=True)  # a link that led nowhere stays
    else:
        _put(path, old)


def _note(client: SetupClient) -> Path:
    return config_folder() / "setup" / f"{client.id}.json"


def _read_note(path: Path) -> list[dict[str, str | None]]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return []
    return found if isinstance(found, list) else []


def _set_ups(noted: Sequence[dict[str, str | None]]) -> dict[str, list[dict[str, str | None]]]:
    """Sort a note's files by set-up: by its first file, since a client can be set up in several folders."""
    found: dict[str, list[dict[str, str | None]]] = {}
    for one in noted:
        found.setdefault(one.get("set_up") or str(noted[0]["path"]), []).append(one)
    return found


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
