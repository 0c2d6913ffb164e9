"""The command: what to measure, how often, and where the figures go."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from .cache import measure_cache
from .chain import measure_chain
from .crowd import measure_crowd
from .dialects import measure_dialects
from .endings import measure_endings
from .figure import Figure
from .first_token import measure_first_token
from .launch import measure_launch
from .memory import measure_memory
from .own_share import measure_own_share
from .person import measure_person
from .programs import Size, StandInProcess, own_home, standin
from .rebuild import measure_rebuild
from .relay import measure_relay
from .report import to_json, to_lines, to_table
from .reuse import measure_reuse
from .soak import TURNS, plot, soak
from .tools import measure_tools
from .tricks import measure_tricks

TABLE_WIDTH = 140  # also where the output goes into a file
# Under a minute on two free cores.
QUICK = Size(runs=1, launches=1, crowds=1, rebuilds=0, exchanges=16, conversations=10, tokens=100, chain=10)

T = TypeVar("T")
Measure = Callable[[StandInProcess, Path, Size], Coroutine[Any, Any, list[Figure]]]
GROUPS: dict[str, Measure] = {
    "first-token": measure_first_token,
    "own-share": measure_own_share,
    "tools": measure_tools,
    "relay": measure_relay,
    "dialects": measure_dialects,
    "chain": measure_chain,
    "crowd": measure_crowd,
    "launch": measure_launch,
    "tricks": measure_tricks,
    "memory": measure_memory,
    "rebuild": measure_rebuild,
    "reuse": measure_reuse,
    "endings": measure_endings,
    "cache": measure_cache,
    "person": measure_person,
}


def main() -> int:
    arguments = make_parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="tray-bridge-bench-") as folder, own_home(Path(folder)):
        if arguments.soak:
            with standin():
                result = run(soak(arguments.soak, console.print, reuse_workers=not arguments.without_reuse))
            Console().print({name: value for name, value in result.items() if name != "looks"})
            if arguments.plot:
                plot(result, arguments.plot)
        else:
            result = measure(arguments, Path(folder), console)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


def measure(arguments: argparse.Namespace, folder: Path, console: Console) -> dict[str, Any]:
    """Measure the groups one after the other, each with a model of its own, and print the table."""
    size = QUICK if arguments.quick else Size()
    if arguments.runs:
        runs = arguments.runs
        size = replace(size, runs=runs, launches=runs, crowds=runs, rebuilds=runs)
    work_folder = folder / "work"
    work_folder.mkdir()
    figures: list[Figure] = []
    for name in arguments.groups or GROUPS:
        console.print(f"Measuring {name} …", style="dim")
        with standin() as model:
            figures += run(GROUPS[name](model, work_folder, size))
    figures = [figure for figure in figures if figure.bridge]
    if arguments.lines:
        print(to_lines(figures))
    else:
        Console(width=max(console.width, TABLE_WIDTH)).print(to_table(figures))
    return to_json(figures, size=size)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="one small run of each, for a first look within a minute")
    parser.add_argument("--runs", type=int, help="samples of each figure; default: 15")
    parser.add_argument("--lines", action="store_true", help="print a line for each figure, to paste, not the table")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    parser.add_argument(
        "--soak",
        type=int,
        nargs="?",
        const=1000,
        metavar="N",
        help=f"instead hold N conversations of {TURNS} turns (default: 1000) and watch memory, processes, descriptors",
    )
    parser.add_argument("--without-reuse", action="store_true", help="soak a process for each conversation")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the soak into this PNG (extra `plots`)")
    return parser


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run in the fastest event loop there is, as the bridge does."""
    if sys.platform != "win32":
        import uvloop

        return uvloop.run(work)
    return asyncio.run(work)


if __name__ == "__main__":
    sys.exit(main())
