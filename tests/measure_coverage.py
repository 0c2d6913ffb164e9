"""Which lines and branches the tests run, in this process and in every one that they start.

    python -m tests.measure_coverage                 the default tests; the figures for each folder
    python -m tests.measure_coverage --write         the same, into docs/test-strength.md
    python -m tests.measure_coverage tests/bridge    some of the tests; --add counts them to what was measured before

The settings are in pyproject.toml. The measured program is slower, so that a test of a time limit may fail: the
figures count all the same, and the command says how the tests ended.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.strength_page import fill_in

ROOT = Path(__file__).parents[1]
COVERAGE = [sys.executable, "-m", "coverage"]


class Count:
    """Branches and lines: how many there are, and how many were run."""

    def __init__(self) -> None:
        self.branches = self.branches_run = self.lines = self.lines_run = 0

    def add(self, summary: dict[str, int]) -> None:
        self.branches += summary["num_branches"]
        self.branches_run += summary["covered_branches"]
        self.lines += summary["num_statements"]
        self.lines_run += summary["covered_lines"]

    def row(self, name: str) -> str:
        branches = f"{self.branches_run / max(1, self.branches):.1%}"
        return f"| {name} | {branches} of {self.branches} | {self.lines_run / max(1, self.lines):.1%} of {self.lines} |"


def table(report: dict[str, Any]) -> str:
    """Make a row for each folder of the package, the whole last."""
    rooms: dict[str, Count] = defaultdict(Count)
    whole = Count()
    for name, file in report["files"].items():
        parts = Path(name).parts
        place = parts[parts.index("tray_bridge") + 1 :]
        for count in (rooms[f"`{place[0]}/`" if len(place) > 1 else "modules at the top"], whole):
            count.add(file["summary"])
    rows = [rooms[name].row(name) for name in sorted(rooms)]
    return "\n".join(["| room | branches | lines |", "| --- | --- | --- |", *rows, whole.row("**all**")])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="*", default=["tests"])
    parser.add_argument("--add", action="store_true", help="keep what was measured before")
    parser.add_argument("--processes", default="2", help="of pytest, side by side")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/test-strength.md")
    options = parser.parse_args()
    if not options.add:
        subprocess.run([*COVERAGE, "erase"], cwd=ROOT, check=True)
    tests = ["-m", "pytest", "-q", "-n", options.processes, *options.tests]
    ended = subprocess.run([*COVERAGE, "run", *tests], cwd=ROOT, check=False).returncode
    subprocess.run([*COVERAGE, "combine", "--append", "-q"], cwd=ROOT, check=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        subprocess.run([*COVERAGE, "json", "-q", "-o", str(path)], cwd=ROOT, check=True)
        figures = table(json.loads(path.read_text("utf-8")))
    print(figures)
    if options.write:
        fill_in("coverage", figures)
    return ended


if __name__ == "__main__":
    sys.exit(main())
