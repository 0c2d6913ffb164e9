"""The page docs/test-strength.md, which `measure_coverage` and `mutants` fill in between marks."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "test-strength.md"


def _place(part: str) -> re.Pattern[str]:
    return re.compile(f"(?<=<!-- {part} -->\n).*(?=<!-- /{part} -->)", re.DOTALL)


def fill_in(part: str, content: str) -> None:
    """Put `content` between the two marks of `part`."""
    text, count = _place(part).subn(lambda _: f"{content}\n", PAGE.read_text("utf-8"))
    assert count == 1, f"{PAGE} has no place for {part!r}"
    PAGE.write_text(text, "utf-8")


def replace_rows(part: str, head: Sequence[str], rows: Sequence[str], names: Collection[str]) -> None:
    """Replace the rows of a table whose first cell is one of `names`; all rows where no name is given."""
    kept = [row for row in rows_of(part, head) if names and row.split("|")[1].strip() not in names]
    fill_in(part, "\n".join([*head, *kept, *rows]))


def rows_of(part: str, head: Sequence[str]) -> list[str]:
    """Give the rows of a table without its head."""
    found = _place(part).search(PAGE.read_text("utf-8"))
    return [row for row in (found[0].splitlines() if found else ()) if row not in head]
