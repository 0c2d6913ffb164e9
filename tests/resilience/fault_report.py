"""What the tests of this folder did and saw, as the page docs/resilience.md (see `__main__`): a row from each run."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "resilience.md"

OPENING = """\
# What happens when something breaks

This page is written from what the tests in `tests/resilience/` do and see, by

```bash
python -m tests.resilience
```

All of it takes twenty minutes or more; `--short` runs for a few minutes what runs among the other tests too.
This page is of {form}.
Nothing here is imagined: processes are really killed and stopped, disks are full, connections refused. Claude Code is the
real one except where a wrong program *is* the fault; only the model behind it is scripted. While something breaks, other
requests are under way, and each of them must end with its own answer.

*Healthy again* is the time from the fault (or, where it lasts, from its end) until all ready processes are there again and a
new question was answered. The figures are of one run, on {machine}.
"""  # noqa: E501

FAULT = ("What happened", "What the client saw", "Healthy again after")
SECTIONS = {
    "processes": ("A process of Claude Code fails", FAULT),
    "program": ("The program is not what it should be", FAULT),
    "upstream": ("Claude does not answer as it should", FAULT),
    "machine": ("The machine gives trouble", FAULT),
    "app": ("The app itself ends or stands still", ("What happened", "What came of it", "Took")),
    "attacks": ("Requests that must be refused", ("What was tried", "What came of it", "")),
    "load": ("Much at once, and for long", ("What was done", "What came of it", "Took")),
    "fuzz": ("Nonsense of every kind", ("What was sent", "What came of it", "Inputs")),
}


@dataclass(frozen=True)
class Row:
    section: str
    what: str
    seen: str
    figure: str = ""


class FaultReport:
    """Collects rows; `write` makes the page of them."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, section: str, what: str, seen: str, seconds: float | None = None, figure: str = "") -> None:
        """One line of a section's table; `seconds` is its figure where that is a time."""
        assert section in SECTIONS
        self.rows.append(Row(section, what, seen, figure if seconds is None else f"{seconds:.1f} s"))

    def write(self, *, in_full: bool, page: Path = PAGE) -> None:
        parts = [OPENING.format(machine=_machine(), form="all of it" if in_full else "the short form")]
        for name, (title, columns) in SECTIONS.items():
            if rows := [row for row in self.rows if row.section == name]:
                parts.append(f"## {title}\n\n{_table(columns, rows)}")
        page.parent.mkdir(exist_ok=True)
        page.write_text("\n".join(parts), "utf-8")


SEEN = FaultReport()


def _table(columns: tuple[str, str, str], rows: Iterable[Row]) -> str:
    lines = [columns, ("---",) * 3, *((row.what, row.seen, row.figure) for row in rows)]
    width = 3 if columns[2] else 2
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line[:width]) + " |\n" for line in lines)


def _machine() -> str:
    cores = os.cpu_count()
    version = ".".join(platform.python_version_tuple()[:2])
    load = f", a load of {os.getloadavg()[2]:.1f} in its last quarter of an hour" if hasattr(os, "getloadavg") else ""
    return f"a small machine with {cores} cores ({platform.system()}, Python {version}{load})"
