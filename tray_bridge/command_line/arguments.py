"""The words of the command line: which commands there are, and what each takes.

Imports nothing of what runs them, so that `--version` and `--help` answer at once.
"""

from __future__ import annotations

import argparse
import re
import time
from datetime import datetime

OUTCOMES = ("completed", "error", "cancelled", "disconnected", "unfinished", "in_progress")
SETTING_FLAGS = ("host", "port", "pool_size", "demo")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def make_parser() -> argparse.ArgumentParser:
    """The parser of `tray-bridge`; `command` is None for the tray."""
    parser = argparse.ArgumentParser(
        "tray-bridge",
        description="Lets every OpenAI client use the Claude that you are signed in to. "
        "Without a command it shows the tray.",
    )
    parser.add_argument("--version", action="store_true", help="print the versions of this and of Claude Code")
    add_setting_flags(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    add_setting_flags(commands.add_parser("serve", help="serve without a tray"))
    add_ask_arguments(commands.add_parser("ask", help="ask a running bridge"))
    commands.add_parser("status", help="show what a running bridge does")
    _add_logs_arguments(commands.add_parser("logs", help="show the session log"))
    commands.add_parser("doctor", help="check all that is needed")
    _add_key_arguments(commands.add_parser("key", help="make, list and revoke API keys"))
    autostart = commands.add_parser("autostart", help="start at login, or not")
    autostart.add_argument("action", choices=("on", "off", "status"), nargs="?", default="status")
    return parser


def add_setting_flags(parser: argparse.ArgumentParser) -> None:
    """The settings that have a flag; what is not given is not in the result. Values are checked later."""
    parser.add_argument("--demo", action="store_const", const=True, default=argparse.SUPPRESS,
                        help="answer from a stand-in model; needs no account")  # fmt: skip
    for flag, help_ in (
        ("host", "address to listen on (127.0.0.1)"),
        ("port", "port to listen on (8000)"),
        ("pool-size", "warm sessions kept (3)"),
    ):
        parser.add_argument(f"--{flag}", default=argparse.SUPPRESS, metavar=flag[-4:].upper(), help=help_)


def add_ask_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompt", nargs="?", help="what to ask; read from standard input when left out")
    parser.add_argument("--model", help="model to ask (OPENROUTER_MODEL; else the bridge's default)")
    parser.add_argument("--no-stream", action="store_true", help="print the answer when it is complete")
    parser.add_argument(
        "--wait", type=float, default=0.0, metavar="S", help="seconds that a bridge may take to start (0)"
    )
    parser.add_argument("-n", type=int, default=1, metavar="N", help="send the request N times at once")


def _add_logs_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--follow", "-f", action="store_true", help="go on to show exchanges as they end")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--model", help="a part of the model's name")
    parser.add_argument("--client", help="a part of the client's or key's name")
    parser.add_argument("--outcome", choices=OUTCOMES)
    parser.add_argument("--since", type=_moment, metavar="TIME", help="such as 2h, 7d or 2025-01-31T12:00")
    parser.add_argument("--until", type=_moment, metavar="TIME", help="like --since")
    parser.add_argument("--text", help="a part of the question, answer, tool calls or error")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many (20)")
    show = parser.add_subparsers(dest="action", metavar="show").add_parser("show", help="one exchange in full")
    show.add_argument("id", help="as the table has it: the end of an id is enough")


def _add_key_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="show the names of all keys")
    for action, help_ in (("make", "make a key and print it, this once"), ("revoke", "make a key worthless")):
        actions.add_parser(action, help=help_).add_argument("name")


def _moment(text: str) -> float:
    """Unix seconds of `2h` (ago) or of an ISO date or time."""
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text):
        return time.time() - float(match[1]) * _UNITS[match[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither an age (2h, 7d) nor a time") from None
