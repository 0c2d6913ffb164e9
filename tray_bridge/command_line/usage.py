"""`tray-bridge usage`: what was used, by day, hour, client, model, key or dialect, and what it would have cost.

It reads `usage.db` in the log's folder, so it works without a running bridge too.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, Literal

from ..session_log import as_csv
from .open_log import open_log
from .terminal import printable, write

COLUMNS = (
    ("name", "{by}"),
    ("requests", "Requests"),
    ("errors", "Errors"),
    ("input_tokens", "In"),
    ("cache_read_tokens", "From cache"),
    ("cache_creation_tokens", "To cache"),
    ("output_tokens", "Out"),
    ("thinking_tokens", "Thinking"),
    ("first_token_median", "First token"),
    ("cost", "Cost"),
    ("saved_by_cache", "Saved"),
)


WIDE = 120  # characters of a terminal that shows every column
NARROW = ("name", "requests", "errors", "input_tokens", "cache_read_tokens", "output_tokens", "cost")


def show_usage(arguments: argparse.Namespace, folder: Path) -> int:
    """Print the report that the arguments ask for."""
    report = open_log(folder).usage.report(arguments.by, arguments.since, arguments.until)
    if arguments.json:
        write(json.dumps(report, indent=2) + "\n")
    elif arguments.csv:
        write(as_csv(report))
    elif not report["rows"]:
        write(f"No request in that time; the log is in {folder}.\n")
    else:
        _print(report)
    return 0


def _print(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False, emoji=False)
    columns = [column for column in COLUMNS if console.width >= WIDE or column[0] in NARROW]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for field, title in columns:
        justify: Literal["left", "right"] = "left" if field == "name" else "right"
        table.add_column(title.format(by=report["by"].capitalize()), justify=justify, no_wrap=True)
    for row in (*report["rows"], {"name": "Total", **report["total"]}):
        table.add_row(*(printable(cell(field, row[field])) for field, _ in columns))
    console.print(table)
    if len(columns) < len(COLUMNS):
        write(f"A terminal of {WIDE} columns shows more, and so do --json and --csv.\n")
    write(printable(prices_note(report)) + "\n")


def cell(field: str, value: Any) -> str:
    """Give a value as the table has it."""
    if field == "name":
        return str(value)
    if value is None:
        return ""
    if field == "first_token_median":
        return f"{value:.2f} s"
    if field in ("cost", "saved_by_cache"):
        return f"${value:,.4f}" if 0 < abs(value) < 0.01 else f"${value:,.2f}"
    return f"{value:,}"


def prices_note(report: dict[str, Any]) -> str:
    """Tell what the costs are based on."""
    told = report["prices_told_at"]
    if told is None:
        return "No prices are known, because Claude Code has reported none, so costs are left out."
    day = time.strftime("%d %B %Y", time.localtime(told))
    note = f"Costs are estimates at the API's prices, as Claude Code named them on {day}; a plan pays no such bill."
    unpriced = report["total"]["unpriced"]
    return note + (f" {unpriced:,} answers are of models without a known price." if unpriced else "")
