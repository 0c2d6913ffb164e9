"""`tray-bridge setup CLIENT`, for each client: the change is shown and asked about, kept, tried out and undone."""

from __future__ import annotations

import argparse
import base64
import io
import json
import re
from pathlib import Path

import pytest

from tests.running_bridge import RunningBridge, directive
from tray_bridge.command_line.fetch import Address
from tray_bridge.command_line.setup import set_up
from tray_bridge.setup import trial
from tray_bridge.setup.change import SetupError
from tray_bridge.setup.clients import SETUP_CLIENTS, SetupClient, Values
from tray_bridge.setup.place import Place

README = Path(__file__).parents[2] / "README.md"
TRIED = {"continue": "/v1/chat/completions", "codex": "/v1/responses", "claude-code": "/v1/messages"}  # one a dialect
BEFORE = {".json": b'{\n  // mine\n  "mine": 1\n}\n', ".toml": b"# mine\nmine = 1\n", ".yaml": b"# mine\n"}


def options(client: str, **more: object) -> argparse.Namespace:
    wanted = {"client": client, "file": None, "model": None, "json": False, "undo": False, "show": False}
    return argparse.Namespace(**{**wanted, "yes": False, "no_test": False, **more})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "CLINE_DIR", "CLINE_DATA_DIR", "LLM_USER_PATH", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return Place.here()


@pytest.mark.parametrize("client", SETUP_CLIENTS, ids=lambda client: client.id)
def test_a_client_is_set_up_tried_out_and_undone(
    client: SetupClient, place: Place, bridge: RunningBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    address = Address(bridge.url)
    path = client.files(place)[0][0]
    old = BEFORE.get(path.suffix, b"# mine\n") if client.id != "vscode" else b"[]\n"  # a list of what is offered
    old = b"" if client.id == "llm" else old  # a list, too
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(old)

    assert set_up(options(client.id, show=True), address, "sonnet") == 0
    shown = capsys.readouterr().out
    assert f"+++ {path}" in shown or str(path) in shown
    assert bridge.url in shown
    with pytest.raises(SetupError, match="no terminal to ask in"):
        set_up(options(client.id), address, "sonnet")
    assert path.read_bytes() == old, "nothing is written without an answer"
    capsys.readouterr()

    assert set_up(options(client.id, yes=True, no_test=client.id not in TRIED), address, "sonnet") == 0
    told = capsys.readouterr().out
    assert bridge.url.encode() in path.read_bytes()
    backup = re.search(r"\(backup: (.+)\)", told)
    assert backup and base64.b64decode(json.loads(Path(backup[1]).read_bytes())[0]["old"]) == old
    assert client.next_step.split("{")[0].strip() in told
    assert (f"A request like those of {client.name} was answered." in told) == (client.id in TRIED)

    assert set_up(options(client.id, undo=True), address, "sonnet") == 0
    assert path.read_bytes() == old


@pytest.mark.parametrize(("answer", "code", "is_written"), [("n", 130, False), ("", 130, False), ("y", 0, True)])
def test_a_person_is_asked_before_anything_is_written(
    place: Place, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, is_written: bool
) -> None:
    terminal = io.StringIO(f"{answer}\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    nowhere = Address("http://127.0.0.1:9")
    assert set_up(options("aider", no_test=True), nowhere, "sonnet") == code
    assert (place.home / ".aider.conf.yml").exists() == is_written
    if is_written:
        set_up(options("aider", undo=True), nowhere, "sonnet")


@pytest.mark.parametrize("name", TRIED)
def test_an_answer_that_breaks_off_is_not_taken_for_an_answer(
    name: str, bridge: RunningBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    (client,) = (client for client in SETUP_CLIENTS if client.id == name)
    error = {"status": 529, "type": "overloaded_error", "message": "Too busy."}
    monkeypatch.setattr(trial, "QUESTION", directive(chunks=["One", " two"], error_event_after=1, error=error))
    with pytest.raises(SetupError, match="Too busy"):
        trial.try_out(client, Values(bridge.base_url, "sonnet", "not-needed"))


def test_the_readme_names_every_client_that_can_be_set_up() -> None:
    text = " ".join(README.read_text("utf-8").split())
    named = text.partition("It knows ")[2].partition(".env")[0]
    for client in SETUP_CLIENTS:
        assert client.name in named or client.id == "sdk", client.name  # which is the project's .env
