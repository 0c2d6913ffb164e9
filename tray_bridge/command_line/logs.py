"""`tray-bridge logs`: the session log in a table, as it grows, or one exchange in full.

Reads the log's folder, so it works whether a bridge runs or not.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import TrayBridgeError
from ..session_log import LogReader, Summary
from .terminal import printable, write

if TYPE_CHECKING:
    from rich.table import Table

FOLLOW_SECONDS = 0.5
_ID_LENGTH = 8


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

    # Fixed widths, so that rows that follow stand below those before; the last column takes what is left.
    table = Table(
        box=box.SIMPLE_HEAD,
        show_header=header,
        show_edge=False,
        pad_edge=False,
        expand=True,
        padding=(0, 1, 0, 0),
    )
    columns = {"Time": 12, "Id": _ID_LENGTH, "Client": 12, "Model": 10, "Outcome": 12, "First": 6, "Total": 6}
    for title, width in columns.items():
        justify: Literal["left", "right"] = "right" if title in ("First", "Total") else "left"
        table.add_column(title, min_width=width, max_width=width, no_wrap=True, justify=justify)
    table.add_column("Question", no_wrap=True, ratio=1, min_width=8)
    for summary in summaries:
        timings, error = summary["timings"], summary["error"]
        cells = (
            time.strftime("%d %b %H:%M" if header else "%H:%M:%S", time.localtime(summary["at"])),
            summary["id"][-_ID_LENGTH:],
            summary["client"],
            summary["model"] or "",
            summary["outcome"].replace("_", " "),
            _seconds(timings.get("first_token_s")),
            _seconds(timings.get("end_s")),
            f"{error}: {summary['question']}" if error else summary["question"],
        )
        table.add_row(*(printable(cell) for cell in cells))
    return table


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
