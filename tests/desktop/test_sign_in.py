"""Signing in: Claude Code's own command is run, waited for, and never left behind."""

from __future__ import annotations

import os
import queue
import time
from pathlib import Path

import psutil
import pytest

from tests.running_bridge import wait_for
from tray_bridge.errors import CliUnavailableError, TrayBridgeError
from tray_bridge.machine.sign_in import SignIn

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
    assert ended.get(timeout=30) is success
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
    assert ended.get(timeout=30) is False


def test_asked_again_it_begins_anew(own_home: Path, tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    sign_in = SignIn(lambda success: None)
    for _ in range(2):
        sign_in.start(program(tmp_path, "exec sleep 60"))
    assert len(set(psutil.Process().children()) - before) == 1
    sign_in.cancel()
    assert set(psutil.Process().children()) <= before


def test_the_end_of_one_that_was_begun_anew_is_not_taken_for_the_end_of_the_new_one(
    own_home: Path, tmp_path: Path
) -> None:
    ended: queue.Queue[bool] = queue.Queue()
    sign_in = SignIn(ended.put)
    sign_in.start(program(tmp_path, "exec sleep 60"))
    for _ in range(4):
        time.sleep(0.15)  # one that runs for a while is looked at more seldom, so that its end is seen after the start
        sign_in.start(program(tmp_path, "exec sleep 60"))
        assert ended.get(timeout=30) is False
        assert (sign_in.state.stage, sign_in.state.message) == ("waiting", "")
    sign_in.cancel()


def test_without_the_program_it_says_so(own_home: Path, tmp_path: Path) -> None:
    with pytest.raises(CliUnavailableError, match="not found"):
        SignIn(lambda success: None).start(tmp_path / "gone")


def test_its_link_is_shown_and_a_code_goes_back_to_it(own_home: Path, tmp_path: Path) -> None:
    link = "https://claude.ai/oauth/authorize?code=true&x=y"
    shown = f"Opening browser…\\n\\033[1mvisit: {link}\\033[0m\\n"
    script = f"printf '{shown}'; read code; echo $code > {tmp_path}/code; exit 0"
    ended: queue.Queue[bool] = queue.Queue()
    sign_in = SignIn(ended.put)
    sign_in.start(program(tmp_path, script))
    wait_for(lambda: sign_in.state.link)
    assert (sign_in.state.stage, sign_in.state.link) == ("waiting", link)
    with pytest.raises(TrayBridgeError, match="empty"):
        sign_in.give_code("  ")
    sign_in.give_code(" abc#def ")
    assert ended.get(timeout=30) is True
    assert (tmp_path / "code").read_text() == "abc#def\n"
    assert (sign_in.state.stage, sign_in.state.link) == ("succeeded", "")
    with pytest.raises(TrayBridgeError, match="No sign-in is waiting"):
        sign_in.give_code("late")


def test_a_sign_in_that_fails_says_the_last_that_was_printed(own_home: Path, tmp_path: Path) -> None:
    ended: queue.Queue[bool] = queue.Queue()
    sign_in = SignIn(ended.put)
    sign_in.start(program(tmp_path, "printf 'Paste code here > '; echo Invalid code; exit 1"))
    assert ended.get(timeout=30) is False
    wait_for(lambda: sign_in.state.message == "The sign-in did not succeed. Invalid code")
    assert sign_in.state.stage == "failed"


def test_another_kind_of_account_is_asked_for(own_home: Path, tmp_path: Path) -> None:
    ended: queue.Queue[bool] = queue.Queue()
    SignIn(ended.put).start(program(tmp_path, "exit 0"), "console")
    assert ended.get(timeout=30) is True
    assert (tmp_path / "arguments").read_text() == "auth login --console\n"
