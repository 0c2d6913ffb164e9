"""The parser of the command line: the commands, and the arguments of each.

Imports nothing that runs them, so that `--version` and `--help` answer at once.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from .values import moment, plain, seconds, whole

OUTCOMES = ("completed", "error", "cancelled", "disconnected", "unfinished", "in_progress")
SETTING_FLAGS = ("host", "port", "pool_size", "demo")
OVERVIEW = """
tray-bridge                        # the tray; `--demo` needs no account
tray-bridge login                  # sign in to Claude
tray-bridge setup aider            # set a client up
tray-bridge ask "What is Python?"

BRIDGE_URL says where the bridge is, TRAY_BRIDGE_API_KEY opens one that is not yours.
Commands end with 0, or 1 (failed), 2 (wrong usage or setting), 3 (no bridge answers), 130 (interrupted).
"""
ASK_EXAMPLES = """
tray-bridge ask "What is Python?"
git diff | tray-bridge ask "Write a commit message" -s "Be brief"
tray-bridge ask -f plan.pdf "Summarise this"
tray-bridge ask -c "And in German?"
"""
STATUS_EXAMPLES = "tray-bridge status --watch\ntray-bridge status --json"
LOGIN_EXAMPLES = "tray-bridge login\ntray-bridge login --console\ntray-bridge login --show"
SETUP_EXAMPLES = """
tray-bridge setup                  # what is installed here
tray-bridge setup zed              # shows the change, asks, writes, tests
tray-bridge setup zed --undo
"""
LOGS_EXAMPLES = "tray-bridge logs --follow\ntray-bridge logs --outcome error --since 2h\ntray-bridge logs show last"
SHOW_EXAMPLES = "tray-bridge logs show last\ntray-bridge logs show last --curl"
USAGE_EXAMPLES = "tray-bridge usage\ntray-bridge usage --by client --since 7d\ntray-bridge usage --by model --csv"
CONFIG_EXAMPLES = "tray-bridge config\ntray-bridge config get port\ntray-bridge config set port 8123"
CONFIG_SET_EXAMPLES = 'tray-bridge config set port 8123\ntray-bridge config set port ""   # the default again'
COMPLETION_EXAMPLES = 'eval "$(tray-bridge completion bash)"\ntray-bridge completion fish'
VIEWS = ("now", "log", "usage", "try", "connect", "keys", "doctor", "start")
MOST_ROWS = 1_000_000
MOST_AT_ONCE = 1000


class Parser(argparse.ArgumentParser):
    """argparse with examples, and a suggestion for a mistyped word."""

    def __init__(self, *args: Any, examples: str = "", **options: Any) -> None:
        if examples:
            lines = "\n".join(f"  {line}".rstrip() for line in examples.strip().splitlines())
            options["epilog"] = f"examples:\n{lines}"
        options["formatter_class"] = argparse.RawDescriptionHelpFormatter
        super().__init__(*args, **options)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; the command to which unknown arguments were given reports them."""
        found, extra = self.parse_known_args(args, namespace)
        at: argparse.ArgumentParser = self
        for word in ("command", "action"):
            below = next((one.choices for one in at._actions if isinstance(one, argparse._SubParsersAction)), {})
            at = below.get(str(getattr(found, word, "")), at)
        if extra:
            at.error(f"unrecognized arguments: {' '.join(extra)}")
        since, until = (getattr(found, name, None) for name in ("since", "until"))
        if since is not None and until is not None and since >= until:
            at.error("the time of --since is not before that of --until")
        return found

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as argparse does, and keep the words for `error`."""
        self._words = sys.argv[1:] if args is None else args
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Print the usage, the mistake and the correction; exit with 2."""
        known = list(self._option_string_actions)
        wrong = re.match(r"argument (.+?): invalid choice: '([^']*)'", message)
        unknown = [word for word in self._words if word.startswith("--") and not _begins_one_of(word, known)]
        if wrong and not wrong[1].startswith("-") and _follows(wrong[2], unknown, self._words):
            # A wrong option's value was taken for a command: the name of the option is the mistake.
            message, wrong = f"unrecognized arguments: {unknown[0]}", None
        typed = re.findall(r"--[\w-]+", message) if message.startswith("unrecognized") else []
        if wrong:
            typed = [wrong[2]]
            named = (action for action in self._actions if argparse._get_action_name(action) == wrong[1])
            known = [str(choice) for action in named for choice in action.choices or ()]
        close = next((guess for word in typed for guess in difflib.get_close_matches(word, known, 1)), None)
        super().error(f"{message}\nDid you mean `{close}`?" if close and f"`{close}`" not in message else message)


def _begins_one_of(word: str, options: Sequence[str]) -> bool:
    return any(option.startswith(word.partition("=")[0]) for option in options)


def _follows(value: str, options: Sequence[str], words: Sequence[str]) -> bool:
    return any(pair[0] in options and pair[1] == value for pair in pairwise(words))


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of `tray-bridge`; `command` is None for the tray."""
    parser = Parser(
        "tray-bridge",
        description="Lets programs that speak an LLM API use the Claude that you are signed in to. "
        "Without a command it shows the tray.",
        examples=OVERVIEW,
    )
    parser.add_argument("--version", action="store_true", help="print the versions of this and of Claude Code")
    add_setting_flags(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)

    def command(name: str, help_: str, examples: str, *, flags: bool = True) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help_, description=f"{help_[0].upper()}{help_[1:]}.", examples=examples)
        if flags:
            add_setting_flags(made, serves=name == "serve")
        return made

    command("serve", "serve without a tray", "tray-bridge serve\ntray-bridge serve --demo --port 8123")
    add_ask_arguments(command("ask", "ask a running bridge", ASK_EXAMPLES))
    status = command(
        "status", "show what a running bridge does", "tray-bridge status --watch\ntray-bridge status --json"
    )
    status.add_argument("--watch", "-w", action="store_true", help="show it again each second")
    doctor = command("doctor", "check all that is needed", "tray-bridge doctor\ntray-bridge doctor --json")
    for made in (
        status,
        doctor,
        command("models", "list the models that can be asked for", "tray-bridge models --json"),
    ):
        made.add_argument("--json", action="store_true", help="one JSON object")
    page = command("open", "open the page in the browser", "tray-bridge open\ntray-bridge open connect")
    page.add_argument("view", nargs="?", choices=VIEWS, metavar="VIEW", help=", ".join(VIEWS))
    ending = command("stop", "end the running Tray Bridge", "tray-bridge stop\ntray-bridge stop --now")
    ending.add_argument("--now", action="store_true", help="end the requests under way too")
    command("pause", "refuse new requests for a while", "tray-bridge pause")
    command("resume", "answer requests again", "tray-bridge resume")
    _add_login_arguments(command("login", "sign in to Claude, and ask a test question", LOGIN_EXAMPLES))
    command("logout", "sign out of Claude", "tray-bridge logout")
    _add_setup_arguments(command("setup", "set up a client for the bridge", SETUP_EXAMPLES))
    _add_logs_arguments(command("logs", "show the session log", LOGS_EXAMPLES, flags=False))
    _add_usage_arguments(
        command("usage", "show what was used and what it would have cost", USAGE_EXAMPLES, flags=False)
    )
    keys = command("key", "make, list and revoke API keys", "tray-bridge key make laptop", flags=False)
    _add_key_arguments(keys)
    config = command("config", "read and change the settings", CONFIG_EXAMPLES, flags=False)
    _add_config_arguments(config)
    autostart = command("autostart", "start at login, or not", "tray-bridge autostart on", flags=False)
    autostart.add_argument("action", choices=("on", "off", "status"), nargs="?", default="status")
    menu = "put it into the applications menu, or take it out"
    shortcut = command("shortcut", menu, "tray-bridge shortcut on\ntray-bridge shortcut off", flags=False)
    shortcut.add_argument("action", choices=("on", "off", "status"), nargs="?", default="status")
    completion = command("completion", "print a script for your shell", COMPLETION_EXAMPLES, flags=False)
    completion.add_argument("shell", choices=("bash", "zsh", "fish", "powershell"))
    return parser


def add_setting_flags(parser: argparse.ArgumentParser, *, serves: bool = True) -> None:
    """Add the settings that have a flag. What is not given is missing in the result; values are checked later.

    A command that does not serve takes them all, but its help shows those that say where the bridge is.
    """
    what = "to listen on" if serves else "of the bridge"
    hidden = argparse.SUPPRESS
    parser.add_argument("--demo", action="store_const", const=True, default=argparse.SUPPRESS,
                        help="answer from a stand-in model; needs no account" if serves else hidden)  # fmt: skip
    parser.add_argument("--verbose", "-v", action="store_const", const=True, default=argparse.SUPPRESS,
                        help="show what is logged, with all details" if serves else hidden)  # fmt: skip
    for flag, help_ in (
        ("host", f"address {what} (127.0.0.1)"),
        ("port", f"port {what} (8000)"),
        ("pool-size", "processes kept ready (3)" if serves else hidden),
    ):
        parser.add_argument(f"--{flag}", default=argparse.SUPPRESS, metavar=flag[-4:].upper(), help=help_)


def add_ask_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ask`."""
    parser.add_argument("prompt", nargs="*", help="what to ask; what is piped in is added to it")
    parser.add_argument("--model", "-m", help="model to ask (OPENROUTER_MODEL; else the bridge's default)")
    parser.add_argument("--system", "-s", metavar="TEXT", help="system prompt")
    parser.add_argument(
        "--file", "-f", action="append", default=[], type=Path, metavar="FILE", help="text, picture or PDF to add"
    )
    parser.add_argument("--continue", "-c", dest="go_on", action="store_true", help="go on with the last conversation")
    parser.add_argument("--json", action="store_true", help="print the answer as a JSON object")
    parser.add_argument("--no-stream", action="store_true", help="print the answer when it is complete")
    parser.add_argument(
        "--wait", type=seconds, default=0.0, metavar="S", help="wait up to S seconds for a bridge that starts (0)"
    )
    parser.add_argument(
        "-n", type=whole(1, MOST_AT_ONCE), default=1, metavar="N", help="send the request N times at once"
    )


def _add_login_arguments(parser: argparse.ArgumentParser) -> None:
    kind = parser.add_mutually_exclusive_group()
    for flag, help_ in (
        ("claudeai", "a Claude subscription (default)"),
        ("console", "an Anthropic Console account, billed by use"),
        ("sso", "single sign-on"),
    ):
        kind.add_argument(f"--{flag}", dest="kind", action="store_const", const=flag, default="claudeai", help=help_)
    parser.add_argument("--email", help="fill this in on the sign-in page")
    parser.add_argument("--no-test", action="store_true", help="ask no test question afterwards")
    parser.add_argument("--show", action="store_true", help="only show how Claude Code is signed in")


def _add_setup_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("client", nargs="?", help="the client to set up; without it, list what is installed")
    parser.add_argument("--undo", action="store_true", help="give the client its old file back")
    parser.add_argument("--yes", "-y", action="store_true", help="write without asking")
    parser.add_argument("--show", action="store_true", help="only show the change")
    parser.add_argument("--file", type=Path, help="the client's file, if it is not at its usual place")
    parser.add_argument("--model", help="model that the client asks for (the bridge's default)")
    parser.add_argument("--no-test", action="store_true", help="send no request as that client would")
    parser.add_argument("--json", action="store_true", help="list the clients as JSON")


def _add_config_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", parser_class=Parser)
    get = actions.add_parser("get", help="show one setting, or all", examples="tray-bridge config get port")
    get.add_argument("key", nargs="?", help="such as port")
    for made in (get, parser):
        made.add_argument("--json", action="store_true", help="all settings as one JSON object")
    parser.set_defaults(key=None)
    change = actions.add_parser("set", help="write one setting", examples=CONFIG_SET_EXAMPLES)
    change.add_argument("key", help="such as port")
    change.add_argument("value", help="the new value; an empty text goes back to the default")
    actions.add_parser("path", help="print where the settings file is", examples="tray-bridge config path")


def _add_logs_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--follow", "-f", action="store_true", help="go on to show exchanges as they end")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--model", type=plain, help="a part of the model's name")
    parser.add_argument("--client", type=plain, help="a part of the client's or key's name")
    parser.add_argument("--outcome", choices=OUTCOMES, metavar="OUTCOME", help=", ".join(OUTCOMES))
    parser.add_argument("--since", type=moment, metavar="TIME", help="such as 2h, 7d or 2025-01-31T12:00")
    parser.add_argument("--until", type=moment, metavar="TIME", help="like --since")
    parser.add_argument("--text", type=plain, help="a part of the question, answer, tool calls or error")
    parser.add_argument("--limit", type=whole(1, MOST_ROWS), default=20, metavar="N", help="at most so many (20)")
    actions = parser.add_subparsers(dest="action", metavar="show ID", parser_class=Parser)
    show = actions.add_parser("show", help="one exchange in full", examples=SHOW_EXAMPLES)
    show.add_argument("id", type=plain, help="as the table has it: the end of an id is enough; `last` is the newest")
    forms = show.add_mutually_exclusive_group()
    forms.add_argument("--curl", action="store_true", help="a command that asks the same again")
    forms.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="all that the log has of it")


def _add_usage_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", choices=("day", "hour", "client", "model", "key", "dialect"), default="day",
                        help="a row for each of these (day)")  # fmt: skip
    parser.add_argument("--since", type=moment, metavar="TIME", help="such as 2h, 7d or 2025-01-31T12:00")
    parser.add_argument("--until", type=moment, metavar="TIME", help="like --since")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="one JSON object")
    forms.add_argument("--csv", action="store_true", help="a line for each row")


def _add_key_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=Parser)
    shown = actions.add_parser("list", help="show all keys and their limits", examples="tray-bridge key list --json")
    shown.add_argument("--json", action="store_true", help="one JSON object")
    for action, help_ in (("make", "make a key and print it once"), ("revoke", "revoke a key")):
        made = actions.add_parser(action, help=help_, examples=f"tray-bridge key {action} laptop")
        made.add_argument("name", help="such as laptop")
