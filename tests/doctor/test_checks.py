from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tray_bridge.claude.capabilities import FAILED, NOT_PROVED, NOT_YET
from tray_bridge.doctor.checks import Check, run_checks
from tray_bridge.doctor.health import health_of
from tray_bridge.errors import SettingsError
from tray_bridge.machine.paths import config_file, log_folder
from tray_bridge.settings.schema import load_settings
from tray_bridge.snapshots import ServerSnapshot


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAY_BRIDGE_HOME", str(tmp_path / "own"))


def check(title: str, status: dict[str, object] | None = None, **flags: object) -> Check:
    checks = run_checks(load_settings(flags), None, status)
    return next(one for one in checks if one.title == title)


def test_the_bundled_cli_is_found_with_its_version() -> None:
    found = check("Claude Code")
    assert found.status == "ok"
    assert found.message.startswith("Version 2.")


def test_a_cli_path_that_is_wrong_is_told(tmp_path: Path) -> None:
    found = check("Claude Code", cli_path=tmp_path / "nothing")
    assert (found.status, str(tmp_path) in found.message, "cli_path" in found.hint) == ("failed", True, True)
    (tmp_path / "claude").write_text("#!/bin/sh")
    (tmp_path / "claude").chmod(0o600)
    assert check("Claude Code", cli_path=tmp_path / "claude").hint == "Make the file executable."


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, "warning"),
        ({"account": {"signed_in": None}}, "warning"),
        ({"account": {"signed_in": False}}, "failed"),
        ({"account": {"signed_in": True, "plan": "max"}}, "ok"),
        ({"demo": True, "account": {"signed_in": None}}, "ok"),
    ],
)
def test_whether_claude_is_signed_in_is_what_the_bridge_says(status: dict[str, object] | None, expected: str) -> None:
    found = check("Signed in", status)
    assert found.status == expected
    assert found.status != "failed" or "tray-bridge login" in found.hint


def test_a_port_that_another_holds_is_told_with_a_free_one() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        found = check("Server", port=port)
        assert found.status == "failed"
        assert str(port) in found.message
        assert "is free" in found.hint
    assert check("Server", port=port).message == f"Stopped; port {port} is free."


def test_ollama_s_port_is_looked_at_where_it_is_asked_for() -> None:
    assert "Ollama's port" not in [one.title for one in run_checks(load_settings(), None, None)]
    running: dict[str, object] = {"host": "127.0.0.1", "port": 1}
    answers = check("Ollama's port", {**running, "ollama_port": 11434})
    assert (answers.status, answers.message) == ("ok", "It answers at http://127.0.0.1:11434.")
    problem = {"title": "Not open", "message": "Ollama 0.9 listens there.", "hint": "End it."}
    assert check("Ollama's port", {**running, "ollama_problem": problem}).message == problem["message"]
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = check("Ollama's port", ollama_port=port)
        assert (taken.status, str(port) in taken.message) == ("failed", True)
    assert check("Ollama's port", ollama_port=port).status == "ok"


def test_an_address_that_is_not_ours_is_told() -> None:
    found = check("Server", host="192.0.2.1", port=1)
    assert found.status == "failed"
    assert "192.0.2.1" in found.message


def test_the_problem_of_a_running_server_is_shown() -> None:
    problem = {"title": "Port in use", "message": "By x.", "hint": "Do y."}
    found = check("Server", {"host": "127.0.0.1", "port": 1, "problem": problem})
    assert (found.status, found.message, found.hint) == ("failed", "Port in use: By x.", "Do y.")


def test_the_word_of_health_is_told_of_a_running_server() -> None:
    place = {"host": "192.0.2.1", "port": 1}
    ready = check("Server", {**place, "health": health_of(ServerSnapshot(state="ready")).as_json()})
    assert (ready.status, ready.message) == ("ok", "It answers at http://192.0.2.1:1/v1. Health: Ready.")
    paused = check("Server", {**place, "health": health_of(ServerSnapshot(state="ready", paused=True)).as_json()})
    assert (paused.status, paused.message) == ("warning", "Paused. New requests are refused until it is resumed.")
    assert "tray-bridge resume" in paused.hint


def test_broken_settings_and_unknown_keys_are_told() -> None:
    error = SettingsError("`port` is 'x'.", hint="Correct it.")
    checks = {one.title: one for one in run_checks(load_settings(), error, None)}
    assert (checks["Settings"].status, checks["Settings"].message) == ("failed", "`port` is 'x'.")
    config_file().parent.mkdir(parents=True)
    settings = load_settings()
    config_file().write_text("port = [\n")
    broken = next(one for one in run_checks(settings, None, None) if one.title == "Settings")
    assert (broken.status, "is not valid TOML" in broken.message) == ("failed", True)
    config_file().write_text("prot = 1\n")
    found = check("Settings")
    assert found.status == "warning"
    assert "Did you mean `port`?" in found.message


def test_a_log_folder_that_cannot_be_written_is_told() -> None:
    assert check("Session log").status == "ok"
    log_folder().rmdir()
    log_folder().write_text("a file")
    assert check("Session log").status == "failed"
    assert check("Session log", log_mode="off").status == "ok"


def test_every_check_that_is_not_ok_says_what_to_do() -> None:
    for one in run_checks(load_settings(), None, None):
        assert one.message.endswith(".")
        assert one.status == "ok" or one.hint


@pytest.mark.parametrize(
    ("why_not", "expected"),
    [("", "ok"), ("The setting `reuse_workers` says so.", "ok"), (NOT_YET, "ok"), (FAILED + NOT_PROVED, "warning")],
)
def test_whether_processes_are_reset_and_why_not_is_told(why_not: str, expected: str) -> None:
    found = check("Processes", {"account": {"signed_in": True}, "pool": {"no_reuse": why_not}})
    assert found.status == expected
    assert why_not in found.message
    assert found.message.startswith("Each conversation" if why_not else "Each serves")
    assert bool(found.hint) == (expected == "warning")


def test_without_a_bridge_nothing_is_said_of_processes() -> None:
    assert "Processes" not in [one.title for one in run_checks(load_settings({}), None, None)]
