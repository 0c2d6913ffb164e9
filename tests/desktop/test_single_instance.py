"""One Tray Bridge for each user: the second shows the first, and a crash blocks no start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.running_bridge import wait_for
from tray_bridge.desktop import single_instance
from tray_bridge.desktop.single_instance import SingleInstance, ask_first_to_show
from tray_bridge.machine.paths import lock_file

HOLD = """
import time
from tray_bridge.desktop.single_instance import SingleInstance
assert SingleInstance.claim(lambda: print("shown", flush=True))
print("held", flush=True)
time.sleep(60)
"""


def nobody() -> None:
    raise AssertionError("nobody should ask")


def test_the_second_gets_nothing_and_can_ask_the_first(own_home: Path) -> None:
    shown = threading.Event()
    first = SingleInstance.claim(shown.set)
    assert first is not None
    with first:
        assert SingleInstance.claim(nobody) is None
        assert ask_first_to_show()
        assert shown.is_set()
    again = SingleInstance.claim(nobody)
    assert again is not None
    again.release()


def test_a_caller_that_says_nothing_does_not_keep_the_next_one_out(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_instance, "ANSWER_SECONDS", 0.5)
    shown = threading.Event()
    first = SingleInstance.claim(shown.set)
    assert first is not None
    port = json.loads(lock_file().with_suffix(".json").read_text())["port"]
    with first, socket.create_connection(("127.0.0.1", port)):
        wait_for(ask_first_to_show, 30)
        assert shown.is_set()


def test_another_process_is_asked_too(own_home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        assert SingleInstance.claim(nobody) is None
        assert ask_first_to_show()
        assert first.stdout.readline() == "shown\n"
        first.kill()


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_the_lock_of_a_crashed_run_blocks_nobody(own_home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert lock_file().with_suffix(".json").exists()
    assert not ask_first_to_show()
    second = SingleInstance.claim(nobody)
    assert second is not None
    second.release()


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_only_the_user_can_read_the_secret(own_home: Path) -> None:
    first = SingleInstance.claim(nobody)
    assert first is not None
    with first:
        assert lock_file().with_suffix(".json").stat().st_mode & 0o777 == 0o600


def test_who_lacks_the_secret_is_not_served(own_home: Path) -> None:
    first = SingleInstance.claim(nobody)
    assert first is not None
    with first:
        note = lock_file().with_suffix(".json")
        note.write_text(json.dumps(json.loads(note.read_text()) | {"secret": "wrong"}))
        assert not ask_first_to_show()


@pytest.mark.parametrize("note", ["", "{}", "[]", '{"port": "x", "secret": 1}', '{"port": 1, "secret": "x"}'])
def test_a_broken_note_is_no_answer(own_home: Path, note: str) -> None:
    path = lock_file().with_suffix(".json")
    path.parent.mkdir(parents=True, exist_ok=True)  # a bridge that runs in this process may have left its note there
    path.write_text(note)
    assert not ask_first_to_show()
