"""Wrong words on the command line: each is refused with what would be right, and nothing else is guessed."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.dashboard.log_filler import answer, question, write_exchange
from tray_bridge.command_line import logs
from tray_bridge.command_line.arguments import make_parser
from tray_bridge.command_line.logs import show_logs
from tray_bridge.errors import SettingsError, TrayBridgeError
from tray_bridge.settings.schema import load_settings

NO_TIME = "is neither an age (30m, 2h, 7d) nor a time (2025-01-31, 2025-01-31T12:00)"


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    """Give what is wrong, and what is guessed; empty if nothing is."""
    with pytest.raises(SystemExit) as ended:
        make_parser().parse_args(words)
    assert ended.value.code == 2
    told, _, guess = capsys.readouterr().err.partition("error: ")[2].partition("\nDid you mean ")
    return told.strip(), guess.strip()


@pytest.mark.parametrize("command", ["logs", "usage"])
@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("abc", NO_TIME),
        ("", NO_TIME),
        ("-5", NO_TIME),
        ("2025-13-45", NO_TIME),
        ("99999999999999d", "is outside of the calendar"),
        (f"{'9' * 400}s", "is outside of the calendar"),
    ],
)
def test_a_wrong_time_is_told_and_its_option_is_not_guessed(
    capsys: pytest.CaptureFixture[str], command: str, option: str, value: str, told: str
) -> None:
    assert refusal(capsys, command, option, value) == (f"argument {option}: {value!r} {told}", "")


@pytest.mark.parametrize("wrong", ["0", "-1", "1.5", "x", "", "9" * 5000])
@pytest.mark.parametrize(("words", "most"), [(("logs", "--limit"), 1_000_000), (("ask", "hi", "-n"), 1000)])
def test_a_number_out_of_its_range_is_told_with_the_range(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], most: int, wrong: str
) -> None:
    told = f"argument {words[-1]}: {wrong!r} is not a whole number from 1 to {most}"
    assert refusal(capsys, *words, wrong) == (told, "")


@pytest.mark.parametrize("wrong", ["-1", "nan", "inf", "x", "86401"])
def test_a_wait_is_a_number_of_seconds(capsys: pytest.CaptureFixture[str], wrong: str) -> None:
    told = f"argument --wait: {wrong!r} is not a number of seconds from 0 to 86400"
    assert refusal(capsys, "ask", "hi", "--wait", wrong) == (told, "")


@pytest.mark.parametrize(
    ("words", "guess"),
    [
        (("logs", "--outcome", "eror"), "`error`?"),
        (("logs", "--outcome", "outcome"), ""),
        (("usage", "--by", "dya"), "`day`?"),
        (("open", "kyes"), "`keys`?"),
        (("lgos",), "`logs`?"),
        (("logs", "--sinse", "2h"), "`--since`?"),
        (("--prot", "8123"), "`--port`?"),
        (("key", "list", "--jsn"), "`--json`?"),
        (("usage", "--csv", "--json"), ""),
        (("logs", "--since", "2h", "--until", "3h"), ""),
    ],
)
def test_only_what_was_mistyped_is_guessed(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], guess: str
) -> None:
    assert refusal(capsys, *words)[1] == guess


@pytest.mark.parametrize(
    ("sought", "told"),
    [
        ("0", "The ids of 2 exchanges end in `0`. Give more of the id"),
        ("", "The id is empty."),
        ("nope", "No exchange has an id that ends in `nope`."),
        (os.fsdecode(b"\xff"), "No exchange has an id that ends in `\ufffd`."),
    ],
)
def test_an_id_that_names_no_one_exchange_is_told(tmp_path: Path, sought: str, told: str) -> None:
    for number in ("a0", "b0"):
        write_exchange(tmp_path, f"req_{number}", client="Zed", request=question("Hm"), events=answer("Ja"))
    with pytest.raises(TrayBridgeError) as refused:
        show_logs(make_parser().parse_args(["logs", "show", sought]), tmp_path, "")
    assert told in str(refused.value)


@pytest.mark.parametrize("option", ["--model", "--client", "--text"])
def test_bytes_that_are_no_text_are_sought_as_marks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert show_logs(make_parser().parse_args(["logs", option, os.fsdecode(b"\xff")]), tmp_path, "") == 0
    assert "No exchange in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "value"),
    [("claude_timeout", "inf"), ("idle_minutes", "inf"), ("keepalive_seconds", "nan"), ("log_days", "9" * 30)],
)
def test_a_setting_without_an_end_is_refused(key: str, value: str) -> None:
    with pytest.raises(SettingsError, match=r"but takes a (whole )?number (from|above) "):
        load_settings({key: value})


def test_what_ends_together_is_followed_from_the_oldest_to_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    began = datetime.now()
    names = ["before", "older", "newer"]

    def write(number: int) -> None:
        received, said = began + timedelta(seconds=number), answer("Ja")
        write_exchange(tmp_path, names[number], client="Zed", request=question("Hm"), events=said, received=received)

    def between_looks(_: float) -> None:
        if len(list(tmp_path.glob("*/*.json"))) == len(names):
            raise KeyboardInterrupt
        for number in (1, 2):
            write(number)

    write(0)
    monkeypatch.setattr(logs, "time", SimpleNamespace(time=time.time, sleep=between_looks))
    assert show_logs(make_parser().parse_args(["logs", "--follow", "--json"]), tmp_path, "") == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == names
