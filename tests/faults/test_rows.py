"""Every fault has a decision in docs/faults.md and a test that bears its id."""

from __future__ import annotations

from tests.faults.rows import IDS, rows, without_a_test


def test_every_row_has_its_test() -> None:
    assert without_a_test() == []


def test_every_row_has_its_decision() -> None:
    found = rows()
    assert found.keys() == IDS
    assert not [id_ for id_, (decision, _) in found.items() if len(decision) < 20]
