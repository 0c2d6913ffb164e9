"""Signing in: Claude Code's own command is run, waited for, and never left behind."""

from __future__ import annotations

import os
import queue
import time
from pathlib import Path

import psutil
import pytest
from tray_bridge.desktop.sign_in import SignIn

from tray_bridge.errors import CliUnavailableError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-in for the CLI is a shell script")


def program(folder: Path, script: str) -> Path:
    path = folder / "claude"
    path.write_text(f'#!/bin/sh\necho "$@" > {folder}/arguments\n{script}\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("script", "success"), [("exit 0", True), ("exit 1", False)])
def test_its_end_is_told(own_home: Path, tmp_path: Path, script: str, success: bool) -> None:
    ended: queue.Queue[bool] = queue.Queue()
    sign_in = SignIn(ended.put)
    sign_in.start(program(tmp_path, script))
    assert ended.get(timeout=5) is success
    assert not sign_in.is_under_way
    assert (tmp_path / "arguments").read_text() == "auth login\n"


def test_its_input_stays_open_while_the_person_is_in_the_browser(own_home: Path, tmp_path: Path) -> None:
    ended: queue.Queue[bool] = queue.Queue()
    sign_in = SignIn(ended.put)
    sign_in.start(program(tmp_path, "read code || exit 9; exit 0"))
    time.sleep(0.5)
    assert sign_in.is_under_way
    sign_in.cancel()
    assert not sign_in.is_under_way
    assert ended.get(timeout=5) is False


def test_asked_again_it_begins_anew(own_home: Path, tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    sign_in = SignIn(lambda success: None)
    for _ in range(2):
        sign_in.start(program(tmp_path, "exec sleep 60"))
    assert len(set(psutil.Process().children()) - before) == 1
    sign_in.cancel()
    assert set(psutil.Process().children()) <= before


def test_without_the_program_it_says_so(own_home: Path, tmp_path: Path) -> None:
    with pytest.raises(CliUnavailableError, match="not found"):
        SignIn(lambda success: None).start(tmp_path / "gone")
