"""Write what the code knows into the pages: settings, parameters, errors, the README's endpoints, a worker's states.

`python docs/write.py` writes them; with `--check` it writes nothing and fails where a page is out of date.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tray_bridge import errors
from tray_bridge.api.errors import LONGEST_ADVISED_WAIT, TABLE, UNEXPECTED, UPSTREAM, Row
from tray_bridge.bridge.all_dialects import DIALECTS
from tray_bridge.bridge.anthropic_messages.failure import TYPES as ANTHROPIC_TYPES
from tray_bridge.bridge.dialect import Dialect
from tray_bridge.bridge.openai_chat.errors import TYPES as OPENAI_TYPES
from tray_bridge.claude.worker_states import MOVES
from tray_bridge.command_line import terminal
from tray_bridge.machine import signals
from tray_bridge.settings.schema import Settings, explain

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
OTHER_ENDPOINTS = (
    ("`/v1/responses/{id}`", "GET, DELETE", "a stored answer"),
    ("`/v1/models`, `/v1/models/{id}`", "GET", "the models that you may ask for"),
    ("`/api/tags`, `/api/show`", "GET, POST", "the same, as Ollama tells them"),
    ("`/health`", "GET", "whether it answers, in one word"),
    ("`/status`", "GET", "everything that the tray shows"),
    ("`/dashboard`", "GET", "the local page"),
)


def settings_page() -> str:
    """Describe every setting."""
    lines = [
        "# Settings",
        "",
        "Flags (a few: `tray-bridge --help`) come before environment variables, these before `settings.toml`, and",
        "that before the defaults. The tray's *Settings* → *Open settings file* opens it. A running tray takes a",
        "change at once, by a restart if need be, `tray-bridge serve` at its next start. `tray-bridge config` shows",
        "them all, `tray-bridge config path` where the file is. In a variable and in `tray-bridge config set`, a list",
        'is `a,b`, and a table `name=model,other=model`; `["a", "b"]` or `{name = "model"}`, as in the file, too.',
        "",
        "| setting | variable | default | takes | what it does |",
        "| --- | --- | --- | --- | --- |",
    ]
    for setting in explain():
        default = "built in" if len(setting.default) > 120 else f"`{setting.default}`"
        cells = (f"`{setting.key}`", f"`{setting.variable}`", default, setting.expected, setting.description)
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## Built-in aliases of models", "", "| a client sends | it gets |", "| --- | --- |"]
    aliases: dict[str, str] = Settings.model_fields["model_aliases"].default
    lines += [f"| `{name}` | `{model}` |" for name, model in aliases.items()]
    lines += [
        "",
        "## Variables for debugging",
        "",
        "| variable | what it does |",
        "| --- | --- |",
        "| `TRAY_BRIDGE_HOME` | one folder for settings, logs, caches and keys |",
        "| `TRAY_BRIDGE_TRACE` | a folder for the lines between the bridge and each CLI process, prompts included |",
        "| `TRAY_BRIDGE_PLAIN_START` | `1` starts without what makes the start fast, `sdk` without that trick alone |",
    ]
    return "\n".join(lines) + "\n"


def parameters_page() -> str:
    """Describe every parameter of every dialect."""
    lines = [
        "# Request parameters",
        "",
        "*Honoured* parameters do what the API's own documentation says. *Accepted* ones change nothing in the answer.",
        "*Ignored* ones would, but Claude Code has no such setting: they are named in the header `x-bridge-ignored`.",
        "*Refused* ones are answered with 400. A value that asks for nothing (`temperature: 1`, `logprobs: false`) is",
        "neither named nor refused. Any other field is passed over.",
        "",
        "`/v1/messages/count_tokens` and `/v1/responses/input_tokens` have the Messages API count where a process is",
        "free for it, or holds a conversation that has rested for a minute; else the number is an estimate, 15 % more",
        "than earlier models would count. The header `x-bridge-token-count` says which: `upstream` or `estimated`.",
        "Neither asks the model.",
    ]
    for dialect in DIALECTS:
        lines += ["", f"## {dialect.title}", "", ", ".join(f"`{path}`" for path in dialect.paths), ""]
        lines += ["| parameter | treatment | what it does |", "| --- | --- | --- |"]
        lines += [f"| `{p.name}` | {p.treatment} | {p.note} |" for p in dialect.parameters]
    return "\n".join(lines) + "\n"


# What to do about errors whose hint depends on the case.
REMEDIES: dict[type[errors.TrayBridgeError], str] = {
    errors.InvalidRequestError: "Correct the field that `param` names.",
    errors.ToolSchemaError: "Correct the tool's schema; the message says what is wrong.",
    errors.OutputSchemaError: "Check the schema against JSON Schema draft-07.",
    errors.BodyTimeoutError: "Send the body without pauses.",
    errors.UnsupportedBodyError: "Send the body as plain UTF-8 JSON.",
    errors.RequestTooLargeError: "Send less, or raise the limit that the message names.",
    errors.ModelNotFoundError: "Choose one of the models that the message lists.",
    errors.AccessDeniedError: "Add the host or page that the message names to `allowed_hosts` or `allowed_origins`.",
    errors.InvalidKeyError: "Send one of the bridge's keys; `tray-bridge key make NAME` makes one.",
    errors.QueueFullError: "Try again in a few seconds, or raise `max_sessions` or `queue_limit`.",
    errors.TurnTimeoutError: "Try again, or raise `claude_timeout`.",
    errors.RequestCancelledError: "Nothing: a person cancelled it.",
    errors.KeyNameError: "Choose a name as the message describes it.",
    errors.KeyTakenError: "Choose another name, or revoke that key first.",
    errors.TrayBridgeError: "Try again; `bridge.log`, beside the session log, has the details.",
    errors.SettingsError: "Correct the setting that the message names.",
    errors.PortTakenError: "Choose another port: `tray-bridge --port 8123`.",
}
EXIT_CODES = {
    terminal.FAILED: "it failed",
    terminal.BAD_USAGE: "the command line or a setting is wrong",
    terminal.UNREACHABLE: "no bridge answers",
    signals.INTERRUPTED: "Ctrl+C",
}
FURTHER_CODES = {
    "context_length_exceeded": (400, "The conversation is longer than the model reads: shorten it."),
    "invalid_image_url": (400, "The picture or file at this address cannot be fetched; the message says why."),
    "method_not_allowed": (405, "The path exists, but not with this method; the message names those that do."),
    "previous_response_not_found": (
        400,
        "`previous_response_id` is not stored (any more): send the whole conversation.",
    ),
    "response_not_found": (404, "No stored answer has this id."),
    "thread_not_found": (404, "The thread is not stored (any more): send the whole conversation."),
    "thread_unsupported_request": (400, "A thread does not take this request; the message says why."),
    "unknown_url": (404, "There is no such path; the message lists those that exist."),
}
UPSTREAM_REMEDIES = {
    401: "Sign in again: `tray-bridge login`.",
    403: "Use an account or a model that is allowed.",
    408: "Try again.",
    409: "Try again.",
    413: "Send less.",
    429: "Wait as long as `Retry-After` says.",
    529: "Try again in a few seconds.",
}


def errors_page() -> str:
    """Describe every error: its HTTP status, codes, and what to do."""
    lines = [
        "# Errors",
        "",
        "Every error has a title, a message and a hint; tray, page and command line show all three. A client gets",
        "message and hint in its own dialect. *Code* is OpenAI's `code`; the types are `type` in OpenAI's and in",
        "Anthropic's shape; Ollama's shape has only the message. *Retry* is the header `x-should-retry`: whether the",
        f"same request may succeed soon, which is *no* where `Retry-After` is above {LONGEST_ADVISED_WAIT:g} s.",
        "",
        "## From Tray Bridge",
        "",
        *_ERROR_HEAD,
    ]
    for cls, row in TABLE.items():
        lines.append(_error_row(cls.title, row, _first_sentence(cls), cls.hint or REMEDIES[cls]))
    lines += ["", "## From Claude", "", "The message is Claude's own.", "", *_ERROR_HEAD]
    for status, row in UPSTREAM.items():
        title = errors.UpstreamError.title
        lines.append(_error_row(title, row, f"The Messages API answered with {status}.", UPSTREAM_REMEDIES[status]))
    refused = Row(400, "invalid_request", None)
    lines.append(
        _error_row(errors.UpstreamError.title, refused, "Any other 4xx, with its status.", "Correct the request.")
    )
    rest = UNEXPECTED._replace(code="upstream_error")
    meaning = "Any other 5xx, with its status; what is no error status becomes 502."
    lines.append(_error_row(errors.UpstreamError.title, rest, meaning, "Try again."))
    lines += ["", "## Codes that say more", "", "They stand in the place of the code above.", ""]
    lines += ["| code | status | meaning |", "| --- | --- | --- |"]
    lines += [f"| `{code}` | {status} | {meaning} |" for code, (status, meaning) in FURTHER_CODES.items()]
    lines += [
        "",
        "## In the tray and the terminal",
        "",
        "These never reach a client. A command prints its error on stderr.",
        "",
        "| error | meaning | what to do |",
        "| --- | --- | --- |",
    ]
    for cls in (errors.PortTakenError, errors.SettingsError, errors.BridgeUnreachableError):
        lines.append(f"| {cls.title} | {_first_sentence(cls)} | {cls.hint or REMEDIES[cls]} |")
    lines += ["", "| exit code of a command | meaning |", "| --- | --- |", "| 0 | it worked |"]
    lines += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join(lines) + "\n"


_ERROR_HEAD = (
    "| error | status | code | OpenAI's type | Anthropic's type | retry | meaning | what to do |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
)


def _error_row(title: str, row: Row, meaning: str, remedy: str) -> str:
    types = f"`{OPENAI_TYPES.get(row.kind, 'invalid_request_error')}` | `{ANTHROPIC_TYPES[row.kind]}`"
    code = f"`{row.code}`" if row.code else ""
    return f"| {title} | {row.status} | {code} | {types} | {'yes' if row.retry else 'no'} | {meaning} | {remedy} |"


def _first_sentence(cls: type[errors.TrayBridgeError]) -> str:
    """The first sentence of the docstring, without what follows a colon or semicolon."""
    if cls is errors.TrayBridgeError:
        return "An unexpected error in Tray Bridge."
    text = " ".join((cls.__doc__ or "").split())
    return re.split(r"[:;.](?: |$)", text)[0] + "."


def endpoints() -> str:
    """The README's table of endpoints."""
    rows = [(_path(dialect), "POST", f"{dialect.title}, streamed and whole") for dialect in DIALECTS]
    lines = ["| endpoint | method | what it is |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in (*rows, *OTHER_ENDPOINTS))])


def states() -> str:
    """A worker's states as a drawing, and each move's reason."""
    drawing = ["```mermaid", "stateDiagram-v2", "    [*] --> starting"]
    table = ["| from | to | because |", "| --- | --- | --- |"]
    for before, moves in MOVES.items():
        drawing += [f"    {before} --> {after}" for after in moves] or [f"    {before} --> [*]"]
        table += [f"| {before} | {after} | {why} |" for after, why in moves.items()]
    return "\n".join([*drawing, "```", "", *table])


def _path(dialect: Dialect) -> str:
    """Its paths, less those that only add a prefix to another."""
    own = [path for path in dialect.paths if not any(path != other and path.endswith(other) for other in dialect.paths)]
    return ", ".join(f"`{path}`" for path in own)


def pages() -> Iterator[tuple[Path, str]]:
    """Each page that is written, with its text."""
    yield ROOT / "docs" / "settings.md", settings_page()
    yield ROOT / "docs" / "parameters.md", parameters_page()
    yield ROOT / "docs" / "errors.md", errors_page()
    yield README, _filled_in(README, "endpoints", endpoints())
    page = ROOT / "docs" / "architecture.md"
    yield page, _filled_in(page, "states", states())


def _filled_in(page: Path, name: str, content: str) -> str:
    """The page with `content` between its two marks."""
    marks = (f"<!-- {name} -->", f"<!-- /{name} -->")
    new = f"{marks[0]}\n{content}\n{marks[1]}"
    return re.sub(f"{marks[0]}.*{marks[1]}", lambda _: new, page.read_text("utf-8"), flags=re.DOTALL)


def outdated() -> list[Path]:
    """The pages whose text is not what the code says."""
    return [path for path, text in pages() if not path.exists() or path.read_text("utf-8") != text]


def main() -> int:
    """Write the pages, or check them; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is out of date")
    if parser.parse_args().check:
        stale = outdated()
        for path in stale:
            sys.stdout.write(f"{path.relative_to(ROOT)} is out of date: run `python docs/write.py`\n")
        return 1 if stale else 0
    for path, text in pages():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
