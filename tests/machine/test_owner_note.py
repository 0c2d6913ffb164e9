"""The note by which a user's own commands find a server, and prove themselves to it.

The bridge that other tests share runs in this process, and may leave its own note again in the folder of a test. So
each looks at the notes of its own ports alone.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tray_bridge.machine.owner_note import all_notes, has_note, new_note, read_note, remove_note, write_note


def test_a_server_that_ends_leaves_the_note_of_the_one_that_has_its_port_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAY_BRIDGE_HOME", str(tmp_path))
    old, new = new_note("127.0.0.1", 8000), new_note("127.0.0.1", 8000)
    for note in (old, new):
        write_note(note)
    remove_note(old)
    assert read_note(8000) == new
    assert has_note(new)
    remove_note(new)
    assert not has_note(new)
    assert 8000 not in [note.port for note in all_notes()]


def test_the_bridge_that_was_started_last_is_found_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAY_BRIDGE_HOME", str(tmp_path))
    ports = [8002, 8000, 8001]
    for started, port in enumerate(ports):
        write_note(new_note("127.0.0.1", port))
        (path,) = tmp_path.rglob(f"bridge-{port}.json")
        os.utime(path, (started, started))
    assert [note.port for note in all_notes() if note.port in ports] == ports[::-1]
