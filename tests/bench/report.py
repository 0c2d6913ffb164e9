"""Figures → the table that a person reads and the JSON that a program reads. Measures nothing."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from rich.table import Table

from tray_bridge.machine.cli_program import find_cli

from .figure import Figure, quartiles
from .programs import Size

SHAPES = {"s": "{:.3f} s", "MB": "{:.1f} MB", "": "{:.3g}"}


def to_table(figures: Sequence[Figure]) -> Table:
    """One line for each figure: medians, with quartiles in brackets, and whether the goal is met."""
    table = Table(title="Tray Bridge beside the raw CLI: medians, and quartiles in brackets")
    for heading, justify in (("figure", "left"), ("bridge", "right"), ("raw CLI", "right"), ("÷", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_column("goal", justify="right")
    table.add_column("n", justify="right")
    for figure in figures:
        raw = _cell(figure.raw, SHAPES[figure.unit]) if figure.raw else ""
        ratio = _cell(figure.ratios, "{:.3f}") if figure.ratios else ""
        bridge = _cell(figure.bridge, SHAPES[figure.unit])
        name = f"{figure.name}\n[dim]{figure.note}[/dim]" if figure.note else figure.name
        table.add_row(name, bridge, raw, ratio, _goal(figure), str(len(figure.bridge)))
    return table


def to_lines(figures: Sequence[Figure]) -> str:
    """One line of text for each figure: its name, medians with quartiles, and the number of samples."""
    lines = []
    for figure in figures:
        ratio = f"; ÷ raw CLI {_cell(figure.ratios, '{:.3f}')}" if figure.ratios else ""
        note = f" ({figure.note})" if figure.note else ""
        lines.append(f"{figure.name}: {_cell(figure.bridge, SHAPES[figure.unit])}{ratio}; n {len(figure.bridge)}{note}")
    return "\n".join(lines)


def to_json(figures: Sequence[Figure], *, size: Size) -> dict[str, Any]:
    """All samples too, so that the medians can be checked."""
    cli = find_cli()
    return {
        "when": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "size": asdict(size),
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "load": os.getloadavg() if hasattr(os, "getloadavg") else None,
        },
        "versions": {
            "claude-agent-sdk": version("claude-agent-sdk"),
            "claude-code": cli.version if cli else None,
        },
        "figures": [figure.to_json() for figure in figures],
    }


def _cell(samples: Sequence[float], shape: str) -> str:
    low, middle, high = quartiles(samples)
    if len(samples) < 2:
        return shape.format(middle)
    number = shape.split(" ")[0]
    return f"{shape.format(middle)} [{number.format(low)}-{number.format(high)}]"


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    goal = f"≤ {figure.goal:g}" if figure.ratios else f"≤ {SHAPES[figure.unit].format(figure.goal)}"
    return f"[green]{goal} ✓[/green]" if figure.met else f"[red]{goal} ✗[/red]"
