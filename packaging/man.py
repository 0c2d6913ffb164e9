"""Writes the manual page `packaging/tray-bridge.1` from the command line's own parser: run it after a change there."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tray_bridge.command_line.arguments import make_parser  # noqa: E402

PAGE = ROOT / "packaging/tray-bridge.1"


def manual() -> str:
    """Return the page in the macros of man(7)."""
    parser = make_parser()
    lines = [
        '.TH TRAY-BRIDGE 1 "" "Tray Bridge" "User Commands"',
        ".SH NAME",
        r"tray\-bridge \- lets every OpenAI client use the Claude that you are signed in to",
        ".SH SYNOPSIS",
        r".B tray\-bridge",
        "[OPTIONS] [COMMAND]",
        ".SH DESCRIPTION",
        _plain(parser.description or ""),
        ".SH OPTIONS",
        *_options(parser),
        ".SH COMMANDS",
    ]
    for name, command in _commands(parser).items():
        lines += [f".SS {_plain(name)}", _plain(command.description or ""), *_options(command), *_examples(command)]
        for inner, sub in _commands(command).items():
            lines += [f".SS {_plain(f'{name} {inner}')}", *_options(sub)]
    lines += [
        ".SH ENVIRONMENT",
        *_item("BRIDGE_URL", "Where the bridge is, for the commands that talk to one."),
        *_item("TRAY_BRIDGE_API_KEY", "An API key of that bridge. Your own needs none."),
        *_item("OPENROUTER_API_KEY", "The same, but only with a BRIDGE_URL."),
        *_item("TRAY_BRIDGE_HOME", "One folder for settings, logs and caches, in place of the system's own."),
        ".SH EXIT STATUS",
        "0 for success, 1 for a failure, 2 for a wrong usage or setting, 3 if no bridge answers, 130 if interrupted.",
    ]
    return "\n".join(line for line in lines if line) + "\n"


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return next((dict(one.choices) for one in parser._actions if isinstance(one, argparse._SubParsersAction)), {})


def _options(parser: argparse.ArgumentParser) -> list[str]:
    lines: list[str] = []
    for action in parser._actions:
        is_hidden = action.help == argparse.SUPPRESS
        if is_hidden or isinstance(action, (argparse._HelpAction, argparse._SubParsersAction)):
            continue
        value = "" if action.nargs == 0 else str(action.metavar or action.dest).upper()
        name = ", ".join(action.option_strings) + (f" {value}" if value else "") if action.option_strings else value
        told = action.help or (f"one of {', '.join(map(str, action.choices))}" if action.choices else "")
        lines += _item(name, told)
    return lines


def _examples(parser: argparse.ArgumentParser) -> list[str]:
    text = (parser.epilog or "").removeprefix("examples:\n")
    return [".PP", ".nf", *(_plain(line) for line in text.splitlines() if line.strip()), ".fi"] if text else []


def _item(name: str, text: str) -> list[str]:
    return [".TP", f".B {_plain(name)}", _plain(text)]


def _plain(text: str) -> str:
    """A text without what would be a macro or an escape."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"(?m)^(['.])", r"\\&\1", text)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    PAGE.write_text(manual(), encoding="utf-8")
