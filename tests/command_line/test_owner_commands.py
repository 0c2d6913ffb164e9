"""The owner's commands: they know a bridge from another program, and need no key of their own."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.commands import run_command
from tests.running_bridge import RunningBridge, directive, wait_for
from tray_bridge.command_line import arguments
from tray_bridge.command_line.fetch import find_bridge
from tray_bridge.errors import TrayBridgeError
from tray_bridge.machine.api_keys import ApiKeys
from tray_bridge.machine.owner_note import read_note


def run(*arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    return run_command(arguments, {**os.environ, **variables}, stdin=stdin)


def at(bridge: RunningBridge) -> tuple[str, str]:
    return ("--port", str(bridge.snapshot().port))


class Listener(http.server.BaseHTTPRequestHandler):
    """A program that is no bridge, and keeps whatever key is sent to it."""

    keys: list[str | None] = []  # noqa: RUF012 - emptied by each test
    pretends = False

    def do_GET(self) -> None:
        self.keys.append(self.headers.get("authorization"))
        body = b'{"service": "tray-bridge"}' if self.pretends else b"<html>hello</html>"
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that http.server wants

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def foreign_program(pretends: bool = False) -> Iterator[str]:
    Listener.keys, Listener.pretends = [], pretends
    server = http.server.HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield str(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def test_another_user_s_bridge_on_the_usual_port_does_not_hide_one_s_own(bridge: RunningBridge) -> None:
    with foreign_program(pretends=True) as port:
        found = find_bridge(f"http://127.0.0.1:{port}", or_own=True)
        assert found.is_own
        assert not find_bridge(f"http://127.0.0.1:{port}").is_own


# `models` and `stop` find the bridge as `status` does.
@pytest.mark.parametrize(
    "command",
    [("status",), ("ask", "hi"), *(pytest.param((name,), marks=pytest.mark.full) for name in ("models", "stop"))],
)
def test_a_foreign_program_is_named_and_gets_no_key(command: tuple[str, ...]) -> None:
    keys = {"OPENROUTER_API_KEY": "sk-or-real", "TRAY_BRIDGE_API_KEY": "tb-mine"}
    with foreign_program() as port:
        failed = run("--port", port, *command, **keys)
        named = run(*command, BRIDGE_URL=f"http://127.0.0.1:{port}", **keys)
    for result in (failed, named):
        assert (result.returncode, result.stdout) == (3, "")
        assert "not Tray Bridge" in result.stderr
        assert "--port" in result.stderr
    assert set(Listener.keys) == {None}


def test_a_bridge_whose_state_cannot_be_read_is_told_as_another_version() -> None:
    with foreign_program(pretends=True) as port:
        told = run("--port", port, "status")
    assert (told.returncode, told.stdout) == (1, "")
    assert "in another way than this version" in told.stderr
    assert "Restart the bridge" in told.stderr


def test_openrouter_s_key_goes_only_to_an_address_that_the_person_named() -> None:
    with foreign_program(pretends=True) as port:
        run("--port", port, "status", OPENROUTER_API_KEY="sk-or-real")
        assert set(Listener.keys) == {None}
        run("status", BRIDGE_URL=f"http://127.0.0.1:{port}", OPENROUTER_API_KEY="sk-or-real")
        assert "Bearer sk-or-real" in Listener.keys
        Listener.keys.clear()
        run("--port", port, "status", OPENROUTER_API_KEY="sk-or-real", TRAY_BRIDGE_API_KEY="tb-mine")
        assert "Bearer tb-mine" in Listener.keys
        assert "Bearer sk-or-real" not in Listener.keys


def test_the_owner_needs_no_key_though_there_are_keys(bridge: RunningBridge) -> None:
    ApiKeys().make("someone")
    try:
        assert httpx.get(f"{bridge.url}/status").status_code == 401
        assert "Health    Ready" in run(*at(bridge), "status").stdout
        answered = run(*at(bridge), "ask", directive(text="Still here"))
        assert answered.stdout == "Still here\n", answered.stderr
        assert "sonnet" in run(*at(bridge), "models").stdout
    finally:
        ApiKeys().revoke("someone")


def test_another_user_s_command_has_no_token(bridge: RunningBridge, tmp_path: Path) -> None:
    ApiKeys().make("someone")
    try:
        refused = run(*at(bridge), "status", TRAY_BRIDGE_HOME=str(tmp_path))
        assert refused.returncode == 1
        assert "TRAY_BRIDGE_API_KEY" in refused.stderr
    finally:
        ApiKeys().revoke("someone")
    stopped = run(*at(bridge), "stop", TRAY_BRIDGE_HOME=str(tmp_path))
    assert "Only the user that runs the bridge" in stopped.stderr
    assert httpx.post(f"{bridge.url}/owner/end", json={"drain": False}).status_code == 401
    assert bridge.snapshot().state == "ready"


def test_only_a_refusal_for_want_of_a_key_hints_at_one(bridge: RunningBridge) -> None:
    with pytest.raises(TrayBridgeError) as refused:
        find_bridge(bridge.url).get("/nothing")
    assert (refused.value.title, refused.value.hint) == ("The bridge refused", "")


def test_a_stale_note_is_no_reason_to_trust_what_answers() -> None:
    from tray_bridge.machine.owner_note import OwnerNote, remove_note, write_note

    with foreign_program(pretends=True) as port:
        note = OwnerNote("127.0.0.1", int(port), os.getpid(), "owner-secret")
        write_note(note)
        try:
            assert read_note(int(port)) == note
            run("--port", port, "status")
            assert set(Listener.keys) == {None}
        finally:
            remove_note(note)
    assert read_note(int(port)) is None


def test_pause_refuses_with_retry_after_and_resume_answers_again(bridge: RunningBridge) -> None:
    assert "Paused" in run(*at(bridge), "pause").stdout
    try:
        body = {"model": "haiku", "messages": [{"role": "user", "content": "hi"}]}
        refused = httpx.post(f"{bridge.url}/v1/chat/completions", json=body)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
        assert httpx.get(f"{bridge.url}/health").json()["status"] == "paused"
        assert "Health    Paused" in run(*at(bridge), "status").stdout
    finally:
        assert "again" in run(*at(bridge), "resume").stdout
    assert run(*at(bridge), "ask", directive(text="Back")).stdout == "Back\n"


def test_status_and_models_speak_json(bridge: RunningBridge) -> None:
    assert json.loads(run(*at(bridge), "status", "--json").stdout)["health"]["word"] in ("ready", "busy")
    assert "haiku" in {model["id"] for model in json.loads(run(*at(bridge), "models", "--json").stdout)}


def test_what_is_piped_in_joins_the_prompt(bridge: RunningBridge) -> None:
    run(*at(bridge), "ask", "Summarise", "this", "-s", "Be brief", stdin="The text of the file\n")
    sent = bridge.standin.requests[-1]
    assert "Summarise this" in json.dumps(asdict(sent), default=str)
    assert "The text of the file" in json.dumps(asdict(sent), default=str)
    assert "Be brief" in json.dumps(asdict(sent), default=str)


def test_lines_that_are_piped_in_end_as_on_every_system(bridge: RunningBridge) -> None:
    run(*at(bridge), "ask", stdin="One.\r\nTwo.\n")
    assert r"One.\nTwo." in json.dumps(asdict(bridge.standin.requests[-1]), default=str)


def test_files_go_along_and_a_conversation_goes_on(bridge: RunningBridge, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("Wombats dig.\n")
    first = run(*at(bridge), "ask", directive(text="They do."), "-f", str(notes), "--json", "-s", "Be long")
    assert json.loads(first.stdout)["answer"] == "They do."
    run(*at(bridge), "ask", "-c", "And then?")
    sent = json.dumps(asdict(bridge.standin.requests[-1]), default=str)
    assert all(text in sent for text in ("Wombats dig.", "They do.", "And then?", "Be long"))
    run(*at(bridge), "ask", "-c", "And now?", "-s", "Be brief")
    sent = json.dumps(asdict(bridge.standin.requests[-1]), default=str)
    assert "Be brief" in sent and "Be long" not in sent
    missing = run(*at(bridge), "ask", "-f", str(tmp_path / "gone.txt"), "What?")
    assert "gone.txt cannot be read" in missing.stderr


def test_stop_ends_what_runs_and_waits_for_it(tmp_path: Path) -> None:
    own = {"TRAY_BRIDGE_HOME": str(tmp_path / "own")}
    with subprocess.Popen(
        [sys.executable, "-m", "tray_bridge", "serve", "--demo", "--port", "0", "--pool-size", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **own},
    ) as serving:
        assert serving.stdout
        lines = [serving.stdout.readline() for _ in range(3)]
        assert lines[0].startswith("Tray Bridge serves at http://127.0.0.1:")
        assert lines[1].startswith("Page: http://127.0.0.1:")
        assert "stop" in lines[2]
        # Found without a port: it is this user's own.
        wait_for(lambda: run("status", **own).returncode == 0)
        stopped = run("stop", **own)
        assert (stopped.returncode, stopped.stdout) == (0, "Tray Bridge has stopped.\n"), stopped.stderr
        assert serving.wait(30) == 0
    assert list((tmp_path / "own" / "run").glob("bridge-*.json")) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [(("satus",), "`status`"), (("ask", "--mdel", "x"), "--model"), (("config", "get", "prot"), "`port`")],
)
def test_a_typing_mistake_is_guessed(words: tuple[str, ...], told: str) -> None:
    failed = run(*words)
    assert failed.returncode == 2
    assert told in failed.stderr


@pytest.mark.parametrize(
    ("words", "told", "not_told"),
    [
        (("config", "set", "port", "abc"), "`port` takes a whole number from 0 to 65535, not 'abc'.", "flag"),
        (("completion", "tcsh"), "invalid choice: 'tcsh'", "Did you mean"),
        (("logs", "show", "last"), "The log holds no exchange yet.", "exchange last"),
        (("setup", "nonsense"), "Unknown client: 'nonsense' is not a client", "Bad setting"),
        (("setup", "zedd"), "Did you mean `zed`?", "Bad setting"),
        (("setup", "vscode"), "This is no terminal to ask in.", "nobody"),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_command(
    words: tuple[str, ...], told: str, not_told: str, tmp_path: Path
) -> None:
    failed = run(*words, TRAY_BRIDGE_HOME=str(tmp_path), HOME=str(tmp_path))
    assert failed.returncode in (1, 2)
    assert told in failed.stderr
    assert not_told not in failed.stderr


def test_who_is_signed_out_is_sent_to_a_command_that_exists(tmp_path: Path) -> None:
    own = {"TRAY_BRIDGE_HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": str(tmp_path)}
    own |= {"ANTHROPIC_API_KEY": "", "ANTHROPIC_BASE_URL": ""}
    shown, doctor = run("login", "--show", **own), run("--port", "0", "doctor", **own)
    assert (shown.returncode, shown.stdout) == (1, "Not signed in. `tray-bridge login` signs in.\n")
    assert "FAILED  Signed in: Claude Code is not signed in.\n        Run `tray-bridge login`." in doctor.stdout
    keyed = run("--port", "0", "doctor", **{**own, "ANTHROPIC_API_KEY": "sk-ant-1"})
    assert "ok      Signed in: Claude Code is signed in (api key)." in keyed.stdout


def test_a_command_that_does_not_serve_has_no_flags_of_the_server() -> None:
    asked, serving = run("status", "--help").stdout, run("serve", "--help").stdout
    assert "port of the bridge (8000)" in asked
    assert "--pool-size" in serving
    assert "--pool-size" not in asked


def test_every_help_has_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[arguments.Parser] = []

    class Kept(arguments.Parser):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(arguments, "Parser", Kept)
    arguments.make_parser()
    assert len(made) > 20
    assert [parser.prog for parser in made if "examples:\n  " not in parser.format_help()] == []


def test_settings_are_read_and_written(tmp_path: Path) -> None:
    own = {"TRAY_BRIDGE_HOME": str(tmp_path)}
    assert run("config", "get", "port", **own).stdout == "8000\n"
    assert run("config", "set", "port", "8123", **own).stdout == "port = 8123\n"
    assert json.loads(run("config", "--json", **own).stdout)["port"] == 8123
    assert (tmp_path / "config" / "settings.toml").read_text().count("port = 8123") == 1
    assert run("config", "set", "port", "far", **own).returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
def test_completion_completes_in_bash() -> None:
    script = run("completion", "bash").stdout
    tried = subprocess.run(
        ["bash", "-c", f'{script}\nCOMP_WORDS=(tray-bridge se); COMP_CWORD=1; _tray_bridge; echo "${{COMPREPLY[*]}}"'],
        capture_output=True,
        text=True,
    )
    assert tried.stdout.split() == ["serve", "setup"], tried.stderr
    for shell in ("zsh", "fish", "powershell"):
        assert "tray-bridge" in run("completion", shell).stdout


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for the CLI is a shell script")
def test_login_runs_claude_code_s_own_sign_in_and_asks_a_test_question(tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {tmp_path}/asked\n'
        'if [ "$2" = login ]; then echo "visit: https://claude.ai/oauth/x"; read code; [ "$code" = right ]; exit; fi\n'
        'if [ "$1" = -p ]; then echo ready; fi\n'
    )
    program.chmod(0o755)
    own = {"TRAY_BRIDGE_HOME": str(tmp_path / "own"), "TRAY_BRIDGE_CLI_PATH": str(program)}
    done = run("login", stdin="right\n", **own)
    assert done.returncode == 0, done.stderr
    assert "https://claude.ai/oauth/x" in done.stdout
    assert "Claude answered: ready" in done.stdout
    failed = run("login", "--console", stdin="wrong\n", **own)
    assert failed.returncode == 1
    assert "tray-bridge login" in failed.stderr
    assert run("logout", **own).returncode == 0
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [line.split(" Reply")[0] for line in asked if not line.startswith("-p")] == [
        "auth login",
        "auth login --console",
        "auth logout",
    ]


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for the CLI is a shell script")
def test_a_logout_reaches_the_bridge_that_runs(make_bridge: Callable[..., RunningBridge], tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    bridge = make_bridge(pool_size=0)
    began = bridge.snapshot().started_at
    assert run("logout", *at(bridge), TRAY_BRIDGE_CLI_PATH=str(program)).returncode == 0
    bridge.wait_for(lambda s: s.state == "ready" and s.started_at != began)
