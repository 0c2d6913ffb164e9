"""`tray-bridge logs`: the session log in a table, as it grows, or one exchange in full.

It reads the log's folder, so it works without a running bridge too.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BridgeUnreachableError, TrayBridgeError
from ..session_log import LogReader, Summary, as_curl, as_json, as_markdown, with_files
from .fetch import find_bridge
from .open_log import open_log
from .terminal import printable, write

if TYPE_CHECKING:
    from rich.table import Table

FOLLOW_SECONDS = 0.5
_ID_LENGTH = 8
_WIDE = 100


def show_logs(arguments: argparse.Namespace, folder: Path, origin: str) -> int:
    """Print what the arguments ask for; `origin` is where a bridge is by the settings. Raises TrayBridgeError."""
    reader = open_log(folder)
    if arguments.action == "show":
        return _show_one(reader, arguments, origin)
    found = _search(reader, arguments, limit=arguments.limit)
    _print(found[::-1], as_json=arguments.json)  # the newest last, next to the prompt
    if not arguments.follow:
        if not found and not arguments.json:
            write(f"No exchange in {folder} is like that.\n")
        return 0
    return _follow(reader, arguments, found)


def _follow(reader: LogReader, arguments: argparse.Namespace, shown: list[Summary]) -> int:
    """Print each exchange once it has ended, until the person interrupts."""
    began = time.time()
    known = {summary["file"] for summary in shown if summary["outcome"] != "in_progress"}
    try:
        while True:
            time.sleep(FOLLOW_SECONDS)
            ended = [
                summary
                for summary in _search(reader, arguments, limit=-1)
                if summary["outcome"] != "in_progress"
                and summary["file"] not in known
                # Rows that the table's limit has left out are not printed later.
                and summary["at"] + summary["timings"].get("end_s", 0) >= began - 1
            ]
            known |= {summary["file"] for summary in ended}
            _print(ended[::-1], as_json=arguments.json, header=False)
    except KeyboardInterrupt:
        return 0


def _search(reader: LogReader, arguments: argparse.Namespace, limit: int) -> list[Summary]:
    return reader.search(
        arguments.text,
        model=arguments.model,
        client=arguments.client,
        outcome=arguments.outcome,
        since=arguments.since,
        until=arguments.until,
        limit=limit,
    ).exchanges


def _show_one(reader: LogReader, arguments: argparse.Namespace, origin: str) -> int:
    sought = arguments.id
    ids = reader.ending_in(sought)
    document = reader.get(ids[0]) if len(ids) == 1 else None
    if document is None:
        if sought == "last":
            raise TrayBridgeError("The log holds no exchange yet.", title="Not found", hint="Ask something first.")
        if ids:
            problem = f"The ids of {len(ids)} exchanges end in `{sought}`."
            raise TrayBridgeError(problem, title="Not found", hint="Give more of the id: `tray-bridge logs` shows it.")
        problem = f"No exchange has an id that ends in `{sought}`." if sought else "The id is empty."
        raise TrayBridgeError(problem, title="Not found", hint="`tray-bridge logs` shows the ids.")
    if arguments.curl:
        if document.get("request") is None:
            raise TrayBridgeError(
                "The log keeps no texts of this exchange.",
                title="Nothing to ask again",
                hint="Only figures were asked for: `tray-bridge config set log_mode full` keeps texts from now on.",
            )
        with suppress(BridgeUnreachableError):
            origin = find_bridge(origin, or_own=True).url
        write(as_curl(with_files(document, reader.blob), origin, ascii_only=not _is_unicode()))
    elif arguments.json:
        write(as_json(document, 2, ascii_only=not _is_unicode()) + "\n")
    else:
        write(as_markdown(document))
    return 0


def _print(summaries: Iterable[Summary], *, as_json: bool, header: bool = True) -> None:
    rows = list(summaries)
    if as_json:
        write("".join(json.dumps(summary) + "\n" for summary in rows))
    elif rows:
        from rich.console import Console

        console = Console(highlight=False, markup=False, emoji=False)
        console.print(_table(rows, header=header, wide=console.width >= _WIDE))


def _table(summaries: list[Summary], *, header: bool, wide: bool) -> Table:
    from rich.table import Table

    table = Table(box=None, show_header=header, pad_edge=False, expand=True, header_style="bold")
    # Fixed widths, so that later rows have the same columns; the last column takes the rest.
    widths = {"Time": 12, "Id": _ID_LENGTH, "Client": 14, "Model": 10, "Outcome": 12, "First": 6, "Total": 6}
    columns = [title for title in widths if wide or title not in ("Client", "First")]
    for title in columns:
        table.add_column(title, min_width=widths[title], max_width=widths[title], no_wrap=True)
    table.add_column("Question", no_wrap=True, ratio=1)
    for summary in summaries:
        cells = _cells(summary)
        table.add_row(*(printable(cells[title]) for title in (*columns, "Question")))
    return table


def _cells(summary: Summary) -> dict[str, str]:
    timings, error = summary["timings"], summary["error"]
    return {
        "Time": time.strftime("%d %b %H:%M", time.localtime(summary["at"])),
        "Id": summary["id"][-_ID_LENGTH:],
        "Client": summary["client"],
        "Model": summary["model"] or "",
        "Outcome": summary["outcome"].replace("_", " "),
        "First": _seconds(timings.get("first_token_s")),
        "Total": _seconds(timings.get("end_s")),
        "Question": f"{error}: {summary['question']}" if error else summary["question"],
    }


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
