"""The command: what to measure, how often, and where the figures go."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from .crowd import measure_crowd
from .figure import Figure
from .first_token import measure_first_token
from .launch import measure_launch
from .memory import measure_memory
from .programs import Size, StandInProcess, own_home, standin
from .relay import measure_relay
from .report import to_json, to_table

TABLE_WIDTH = 140  # also where the output goes into a file
QUICK = Size(runs=5, heavy_runs=1, launches=3, exchanges=100)

Measure = Callable[[StandInProcess, Path, Size], Awaitable[list[Figure]]]
GROUPS: dict[str, Measure] = {
    "first-token": measure_first_token,
    "relay": measure_relay,
    "crowd": measure_crowd,
    "launch": measure_launch,
    "memory": measure_memory,
}


def main() -> int:
    arguments = make_parser().parse_args()
    console = Console(stderr=True)
    size = QUICK if arguments.quick else Size()
    if arguments.runs:
        size = replace(size, runs=arguments.runs, heavy_runs=arguments.runs, launches=arguments.runs)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="tray-bridge-bench-") as folder, own_home(Path(folder)):
        work_folder = Path(folder) / "work"
        work_folder.mkdir()
        for name in arguments.groups or GROUPS:
            console.print(f"Measuring {name} …", style="dim")
            with standin() as model:
                figures += run(GROUPS[name](model, work_folder, size))
    Console(width=max(console.width, TABLE_WIDTH)).print(to_table(figures))
    if arguments.json:
        arguments.json.write_text(json.dumps(to_json(figures, size=size), indent=2) + "\n", encoding="utf-8")
    return 0


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="fewer runs: under a minute, for a first look")
    parser.add_argument("--runs", type=int, help="samples of each figure; default: 15")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    return parser


def run(measuring: Awaitable[list[Figure]]) -> list[Figure]:
    """Run in the fastest event loop there is, as the bridge does."""

    async def whole() -> list[Figure]:
        return await measuring

    if sys.platform != "win32":
        import uvloop

        return uvloop.run(whole())
    return asyncio.run(whole())


if __name__ == "__main__":
    sys.exit(main())
