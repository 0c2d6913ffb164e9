"""Each command as a person runs it: a process of its own, against the real bridge."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import openai
import pytest

from tests.commands import run_command, start_command
from tests.running_bridge import RunningBridge, directive, wait_for
from tray_bridge import __version__
from tray_bridge.machine.owner_note import all_notes
from tray_bridge.machine.paths import log_folder
from tray_bridge.session_log import LogReader

Run = Callable[..., "subprocess.CompletedProcess[str]"]
NOBODY = "http://127.0.0.1:9"
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals and terminals of POSIX")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tray_bridge", *arguments]


def environment(**variables: str) -> dict[str, str]:
    return {**os.environ, "PYTHONUTF8": "1", "COLUMNS": "140", **variables}


def run(*arguments: str, stdin: str | bytes = "", **variables: str) -> subprocess.CompletedProcess[str]:
    return run_command(arguments, environment(**variables), stdin=stdin)


def ask(bridge: RunningBridge, question: str, model: str = "haiku") -> None:
    bridge.client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}])


@pytest.fixture
def own(tmp_path: Path) -> Run:
    """Runs a command in a home of this test's own, with no bridge."""
    return lambda *arguments, **variables: run(
        *arguments, **{"TRAY_BRIDGE_HOME": str(tmp_path / "own"), "BRIDGE_URL": NOBODY, **variables}
    )


def test_the_version_is_told_without_loading_anything_heavy() -> None:
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tray_bridge", "--version"], capture_output=True, text=True
    )
    assert told.returncode == 0
    ours, theirs = told.stdout.splitlines()
    assert ours == f"tray-bridge {__version__}"
    assert theirs.startswith("Claude Code 2.")
    loaded = {line.split("|")[-1].strip().split(".")[0] for line in told.stderr.splitlines()}
    assert not loaded & {"pydantic", "fastapi", "openai", "rich", "PIL", "claude_agent_sdk", "psutil", "httpx"}


def test_every_command_has_help() -> None:
    commands = ("serve", "ask", "status", "logs", "doctor", "key", "autostart")
    overview = run("--help").stdout
    for name in commands:
        assert name in overview
    assert "show one exchange" not in run("logs", "--help").stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nonsense",), "invalid choice"),
        (("serve", "--port", "99999"), "`port` is '99999' in the flag --port"),
        (("--pool-size", "many", "serve"), "`pool_size` is 'many' in the flag --pool-size"),
        (("logs", "--since", "yesterday"), "neither an age"),
        (("logs", "--outcome", "odd"), "invalid choice"),
        (("key",), "required"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(own: Run, arguments: tuple[str, ...], told: str) -> None:
    failed = own(*arguments)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert told in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_broken_settings_file_is_told_by_every_command_that_needs_it(own: Run, tmp_path: Path) -> None:
    path = tmp_path / "own" / "config" / "settings.toml"
    path.parent.mkdir(parents=True)
    path.write_text("port = \n")
    for arguments in (("serve",), ("status",), ("logs",), ("ask", "hi")):
        failed = own(*arguments)
        assert failed.returncode == 2
        assert f"{path} is not valid TOML" in failed.stderr
    assert "FAILED  Settings" in own("doctor").stdout


def test_status_shows_what_the_bridge_does(bridge: RunningBridge) -> None:
    pool = bridge.wait_for(lambda s: s.pool.sessions and s.account.cli_version).pool
    shown = run("status", BRIDGE_URL=bridge.url)
    assert shown.returncode == 0, shown.stderr
    assert "State     ready" in shown.stdout
    assert bridge.base_url in shown.stdout
    assert re.search(r"^Processes \d+ (warm|parked|suspended|busy|starting)", shown.stdout, re.MULTILINE), pool
    assert "          Each serves one conversation after another." in shown.stdout
    assert "API key, Claude Code 2." in shown.stdout


def test_status_shows_requests_in_flight(bridge: RunningBridge) -> None:
    with bridge.client.chat.completions.create(
        model="haiku",
        messages=[{"role": "user", "content": directive(text="slow " * 200, rate=20)}],
        stream=True,
    ) as stream:
        next(iter(stream))
        bridge.wait_for(lambda s: s.active)
        shown = run("status", BRIDGE_URL=bridge.url)
    assert "Request " in shown.stdout
    assert "haiku" in shown.stdout


def test_without_a_bridge_status_says_how_to_start_one(own: Run) -> None:
    failed = own("status")
    assert (failed.returncode, failed.stdout) == (3, "")
    assert f"Nothing answers at {NOBODY}" in failed.stderr
    assert "tray-bridge" in failed.stderr


def test_what_is_no_bridge_is_told(own: Run) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        failed = own("status", BRIDGE_URL=f"http://127.0.0.1:{other.getsockname()[1]}")
    assert failed.returncode == 3


def test_ask_is_the_clients_command(bridge: RunningBridge) -> None:
    answered = run("ask", directive(text="Hello there"), BRIDGE_URL=bridge.url)
    assert (answered.returncode, answered.stdout) == (0, "Hello there\n"), answered.stderr
    answered = run("ask", "--no-stream", stdin=directive(text="From a pipe"), BRIDGE_URL=bridge.url)
    assert answered.stdout == "From a pipe\n"


@pytest.mark.parametrize(
    ("encoding", "says"),
    [
        pytest.param("utf-8", "Grüße", marks=pytest.mark.full),
        ("utf-8-sig", "Grüße"),
        ("utf-16", "Grüße"),
        ("latin-1", "Gr\ufffd\ufffde"),
    ],
)
def test_d11_ask_takes_what_is_piped_in_whatever_its_encoding(bridge: RunningBridge, encoding: str, says: str) -> None:
    answered = run("ask", stdin='standin: {"text": "Grüße"}'.encode(encoding), BRIDGE_URL=bridge.url)
    assert answered.stdout == f"{says}\n", answered.stderr


def test_d11_what_is_no_text_is_a_plain_error(bridge: RunningBridge) -> None:
    piped = "Hello".encode("utf-16-le")
    answered = subprocess.run(
        command("ask"), input=piped, capture_output=True, timeout=60, env=environment(BRIDGE_URL=bridge.url)
    )
    assert (answered.returncode, answered.stdout) == (1, b"")
    assert b"The piped input is not a text." in answered.stderr and b"Pipe in UTF-8." in answered.stderr


@posix_only
@pytest.mark.parametrize("option", [(), ("--system",), ("--model",)])
def test_d11_a_byte_on_the_command_line_that_is_no_text_is_a_mark(
    bridge: RunningBridge, option: tuple[str, ...]
) -> None:
    latin, said = 'standin: {"text": "Gr\xfcn"}'.encode("latin-1"), directive(text="said")
    words = [*option, os.fsdecode(b"Gr\xfcn"), said] if option else [os.fsdecode(latin)]
    answered = run("ask", *words, BRIDGE_URL=bridge.url)
    assert "fault of Tray Bridge" not in answered.stderr
    if option != ("--model",):  # a model of no such name may be refused
        assert answered.stdout == ("said\n" if option else "Gr\ufffdn\n"), answered.stderr


def test_ask_finds_the_bridge_by_the_port_it_is_given(bridge: RunningBridge) -> None:
    answered = run("--port", str(bridge.snapshot().port), "ask", directive(text="Found"))
    assert answered.stdout == "Found\n", answered.stderr


@posix_only
def test_an_answer_cannot_steer_the_terminal(bridge: RunningBridge) -> None:
    import pty

    master, slave = pty.openpty()
    question = directive(text="\x1b]0;owned\x07\x1b[2J done")
    with subprocess.Popen(command("ask", question), stdout=slave, env=environment(BRIDGE_URL=bridge.url)) as asked:
        os.close(slave)
        assert asked.wait(60) == 0
    shown = os.read(master, 10_000)
    os.close(master)
    assert b"done" in shown
    assert b"\x1b" not in shown
    assert b"\x07" not in shown


def test_logs_show_exchanges_in_a_table_and_as_json(bridge: RunningBridge) -> None:
    ask(bridge, directive(text="A wombat digs"))
    with pytest.raises(openai.NotFoundError):
        ask(bridge, "a wrong model", model="no-such-model")
    find = ("logs", "--text", "wombat", "--limit", "1")
    wait_for(lambda: '"completed"' in run(*find, "--json").stdout)
    table = run(*find).stdout
    assert "completed" in table
    assert "Question" in table
    found = json.loads(run(*find, "--json").stdout)
    assert (found["outcome"], found["answer"], found["status"]) == ("completed", "A wombat digs", 200)
    assert json.loads(run("logs", "--json", "--model", "no-such", "--limit", "1").stdout)["outcome"] == "error"
    assert run("logs", "--json", "--until", "30d").stdout == ""
    assert json.loads(run("logs", "--json", "--since", "1h", "--client", "openai", "--limit", "1").stdout)
    assert "No exchange" in run("logs", "--text", "never said by anyone").stdout

    shown = run("logs", "show", found["id"][-8:])
    assert "## Answer\n\nA wombat digs\n" in shown.stdout
    assert json.loads(run("logs", "show", found["id"][-8:], "--json").stdout)["answer"] == "A wombat digs"
    curl = run("logs", "show", found["id"][-8:], "--curl").stdout
    asked = re.match(rf"curl -N http://127.0.0.1:(\d+){found['endpoint']} ", curl)
    assert asked
    assert int(asked[1]) in {note.port for note in all_notes()}, "of a bridge that runs, whatever port it was given"
    newest = json.loads(run("logs", "--json", "--limit", "1").stdout)["id"]
    assert newest in run("logs", "show", "last").stdout
    missing = run("logs", "show", "nothing")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "No exchange has an id that ends in `nothing`." in missing.stderr


@posix_only
def test_logs_follow_shows_what_ends_from_now_on(bridge: RunningBridge) -> None:
    ask(bridge, directive(text="A platypus sleeps"))
    wait_for(lambda: LogReader(log_folder()).search("platypus", outcome="completed").total)
    with subprocess.Popen(
        command("logs", "--follow", "--json", "--text", "platypus"),
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as following:
        try:
            assert following.stdout
            listed = json.loads(following.stdout.readline())
            assert listed["answer"] == "A platypus sleeps"
            ask(bridge, directive(text="A platypus swims"))
            shown = json.loads(following.stdout.readline())
            assert (shown["outcome"], shown["answer"]) == ("completed", "A platypus swims"), shown
        finally:
            following.send_signal(signal.SIGINT)
        assert following.wait(30) == 0


@posix_only
def test_logs_follow_shows_the_end_of_what_was_under_way_when_it_began(bridge: RunningBridge) -> None:
    word = uuid.uuid4().hex  # of no other test's exchange
    slow = threading.Thread(target=ask, args=(bridge, directive(text=f"A {word}", first_delay=8)))
    slow.start()
    wait_for(lambda: LogReader(log_folder()).search(word, outcome="in_progress").total)
    with subprocess.Popen(
        command("logs", "--follow", "--json", "--text", word), stdout=subprocess.PIPE, text=True, env=environment()
    ) as following:
        try:
            assert following.stdout
            first, second = (json.loads(following.stdout.readline()) for _ in range(2))
            assert (first["outcome"], second["outcome"]) == ("in_progress", "completed")
            assert (second["id"], second["answer"]) == (first["id"], f"A {word}")
        finally:
            following.send_signal(signal.SIGINT)
        assert following.wait(30) == 0
    slow.join()


@posix_only
def test_a_reader_that_leaves_early_is_no_error(bridge: RunningBridge) -> None:
    ask(bridge, "hi")
    piped = subprocess.run(
        f"{sys.executable} -m tray_bridge logs --json --limit 1000 | head -c 1",
        shell=True,
        capture_output=True,
        env=environment(),
    )
    assert piped.stderr == b""


def test_keys_are_made_listed_and_revoked(own: Run) -> None:
    assert own("key", "list").stdout == "There are no keys.\n"
    made = own("key", "make", "laptop")
    assert made.stdout.startswith("tb-")
    assert "only now" in made.stderr
    (listed,) = json.loads(own("key", "list", "--json").stdout)["keys"]
    assert (listed["name"], listed.keys()) == ("laptop", {"name", "made_at", "limits"})
    assert own("key", "list").stdout.startswith("laptop")
    again = own("key", "make", "laptop")
    assert again.returncode == 2
    assert "already" in again.stderr
    assert "That was the last key" in own("key", "revoke", "laptop").stdout
    assert own("key", "revoke", "laptop").returncode == 2


def test_doctor_checks_all_and_ends_with_1_if_something_failed(own: Run, bridge: RunningBridge) -> None:
    well = own("doctor", BRIDGE_URL=bridge.url)
    for title in ("Claude Code", "Signed in", "Server", "Settings", "Tray", "Session log", "Disk space"):
        assert f" {title}: " in well.stdout
    assert (well.returncode, "FAILED" in well.stdout) == (0, False)
    ill = own("doctor", TRAY_BRIDGE_CLI_PATH="/nowhere/claude")
    assert ill.returncode == 1
    assert "FAILED  Claude Code: There is no program at" in ill.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="would change this person's login elsewhere")
def test_autostart_is_switched_on_and_off(own: Run, tmp_path: Path) -> None:
    folder = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert "does not start" in own("autostart", **folder).stdout
    assert "Bridge starts when" in own("autostart", "on", **folder).stdout
    assert list((tmp_path / "autostart").iterdir())
    assert "does not start" in own("autostart", "off", **folder).stdout


# Of the program's signals the app in the tray is sent SIGHUP and SIGTERM: they are the same.
@pytest.mark.parametrize(
    "ending",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.full),
        *([pytest.param(signal.SIGHUP, marks=pytest.mark.full)] if sys.platform != "win32" else []),
    ],
)
@posix_only
def test_serve_in_the_demo_answers_and_ends_cleanly_at_a_signal(ending: signal.Signals, tmp_path: Path) -> None:
    words, own = ("serve", "--demo", "--port", "0", "--pool-size", "0"), str(tmp_path / "own")
    said, errors = tmp_path / "said", tmp_path / "errors"
    with said.open("w") as output, errors.open("w") as complaints:
        serving = start_command(words, environment(TRAY_BRIDGE_HOME=own), output=output, errors=complaints)
    try:
        wait_for(lambda: "\n" in said.read_text())
        url = said.read_text().splitlines()[0].split()[-1]
        assert "(demo)" in run("status", BRIDGE_URL=url).stdout
    finally:
        serving.send_signal(ending)
    assert (serving.wait(30), errors.read_text()) == (0, "")


def test_serve_at_a_taken_port_ends_with_1_and_names_a_free_one(own: Run) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        failed = own("serve", "--demo", "--port", str(port))
    assert failed.returncode == 1
    assert f"Port {port} is in use" in failed.stderr
    assert "is free" in failed.stderr


def test_serve_to_other_machines_wants_a_key(own: Run) -> None:
    failed = own("serve", "--demo", "--host", "0.0.0.0", "--port", "0")
    assert failed.returncode == 2
    assert "no API key" in failed.stderr


@posix_only
def test_what_the_system_refuses_is_told_in_its_words_and_is_no_fault() -> None:
    program = (
        "from tray_bridge.command_line.terminal import show_error; import errno, os;"
        "raise SystemExit(show_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), '/full')))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert told.returncode == 1
    assert told.stderr.splitlines() == [
        "The system refused: /full: No space left on device.",
        "Make room on the disk, then try again.",
    ]
