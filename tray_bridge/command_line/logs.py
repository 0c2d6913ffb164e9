"""`tray-bridge logs`: the session log in a table, as it grows, or one exchange in full.

Reads the log's folder, so it works whether a bridge runs or not.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import TrayBridgeError
from ..session_log import LogReader, Summary
from .terminal import printable, write

if TYPE_CHECKING:
    from rich.table import Table

FOLLOW_SECONDS = 0.5


def show_logs(arguments: argparse.Namespace, folder: Path) -> int:
    """Print what the arguments ask for; raises TrayBridgeError."""
    reader = LogReader(folder)
    if arguments.action == "show":
        return _show_one(reader, arguments.id)
    found = _search(reader, arguments, limit=arguments.limit)
    _print(found[::-1], as_json=arguments.json)  # the newest last, next to the prompt
    if not arguments.follow:
        if not found and not arguments.json:
            write(f"No exchange in {folder} fits.\n")
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
                for summary in _search(reader, arguments, limit=sys.maxsize)
                if summary["outcome"] != "in_progress"
                and summary["file"] not in known
                # What was left out of the table before by its limit stays out.
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


def _show_one(reader: LogReader, sought: str) -> int:
    ids = [summary["id"] for summary in reader.all() if summary["id"].endswith(sought)]
    document = reader.get(ids[0]) if len(ids) == 1 else None
    if document is None:
        problem = f"{len(ids)} exchanges end in {sought}." if ids else f"There is no exchange {sought}."
        raise TrayBridgeError(problem, title="Not found", hint="`tray-bridge logs` shows their ids.")
    write(printable(json.dumps(document, indent=2, ensure_ascii=not _is_unicode())) + "\n")
    return 0


def _print(summaries: Iterable[Summary], *, as_json: bool, header: bool = True) -> None:
    rows = list(summaries)
    if as_json:
        write("".join(json.dumps(summary) + "\n" for summary in rows))
    elif rows:
        from rich.console import Console

        Console(highlight=False, markup=False, emoji=False).print(_table(rows, header=header))


def _table(summaries: list[Summary], *, header: bool) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD if header else None, show_header=header, pad_edge=False)
    for title, width in (("Time", 14), ("Id", 12), ("Client", 14), ("Model", 12), ("Outcome", 12)):
        table.add_column(title, width=width, no_wrap=True)
    table.add_column("First", width=7, justify="right")
    table.add_column("Total", width=7, justify="right")
    table.add_column("Question", no_wrap=True, ratio=1, min_width=10)
    for summary in summaries:
        timings = summary["timings"]
        cells = (
            datetime.fromtimestamp(summary["at"]).strftime("%d %b %H:%M:%S").lstrip("0"),
            summary["id"][-12:],
            summary["client"],
            summary["model"] or "",
            summary["error"] or summary["outcome"].replace("_", " "),
            _seconds(timings.get("first_token_s")),
            _seconds(timings.get("end_s")),
            summary["question"],
        )
        table.add_row(*(printable(cell) for cell in cells))
    table.expand = True
    return table


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
