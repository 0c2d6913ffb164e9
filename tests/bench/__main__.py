"""The command: what to measure, how often, and where the figures go."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console

from .figure import Figure
from .first_token import measure_first_token
from .programs import StandInProcess, own_home, standin
from .report import to_json, to_table

RUNS, QUICK_RUNS = 15, 5

Measure = Callable[[StandInProcess, Path, int], Awaitable[list[Figure]]]
GROUPS: dict[str, Measure] = {"first-token": measure_first_token}


def main() -> int:
    arguments = make_parser().parse_args()
    console = Console(stderr=True)
    runs = arguments.runs or (QUICK_RUNS if arguments.quick else RUNS)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="tray-bridge-bench-") as folder, own_home(Path(folder)):
        work_folder = Path(folder) / "work"
        work_folder.mkdir()
        for name in arguments.groups or GROUPS:
            console.print(f"Measuring {name} …", style="dim")
            with standin() as model:
                figures += run(GROUPS[name](model, work_folder, runs))
    Console().print(to_table(figures))
    if arguments.json:
        arguments.json.write_text(json.dumps(to_json(figures, runs=runs), indent=2) + "\n", encoding="utf-8")
    return 0


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="fewer runs: under a minute, for a first look")
    parser.add_argument("--runs", type=int, help=f"default: {RUNS}, quick: {QUICK_RUNS}")
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
