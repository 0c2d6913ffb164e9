"""The rows of docs/faults.md and the tests that hold them. `python -m tests.faults.rows` lists rows without a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"
# Every fault that was tried.
IDS = frozenset(
    """
    A1 A2 A3 A4 A5 A9 A12 A13 A14 A15 A16 A17 A18 A19 A20 A21 A25 A26 B1 B2 B3 B7 B8 B9 B10 B12
    C2 C3 C4 C5 C6 C7 C8 C15 C17 C18 C19 C20 D1 D3 D4 D9 D11 D13 D15 D17 E1 E2 E5 E8 F7 G1 G2 G3
    H1 H2 H3 H4 H5 H6 H7 H8 H9 H10 H11 H12 H13 H14 H15
    """.split()
)


def rows() -> dict[str, tuple[str, list[Path]]]:
    """Each id with what is decided of it and the files that the page names for it."""
    found: dict[str, tuple[str, list[Path]]] = {}
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 3 or not re.fullmatch(r"[A-H]\d+(, [A-H]\d+)*", cells[0]):
            continue
        names = re.findall(r"`([\w/]+\.py)`", cells[2])
        paths = [ROOT / name if "/" in name else ROOT / "tests" / "faults" / name for name in names]
        found.update(dict.fromkeys(cells[0].split(", "), (cells[1], paths)))
    return found


def without_a_test() -> list[str]:
    """The ids that no test bears, and those of which the page names no file, or one that does not hold them."""
    held = rows()
    return [id_ for id_ in sorted(IDS) if id_ not in held or not _is_tested(id_, held[id_][1])]


def _is_tested(id_: str, paths: list[Path]) -> bool:
    """Whether each file has a test that bears the id in its name, or in its first words."""
    return bool(paths) and all(path.is_file() and _bears(id_, path.read_text("utf-8")) for path in paths)


def _bears(id_: str, text: str) -> bool:
    names = re.findall(r"^(?:async )?def test_((?:[a-h]\d+_)+)", text, re.MULTILINE)
    first = text.partition('"""')[2].partition('"""')[0]
    return any(id_.lower() in name.split("_") for name in names) or re.search(rf"\b{id_}\b", first) is not None


if __name__ == "__main__":
    missing = without_a_test()
    print(f"{len(IDS) - len(missing)} of {len(IDS)} rows have a test.", *missing)
    raise SystemExit(1 if missing else 0)
