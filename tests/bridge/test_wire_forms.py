"""Every field that a dialect reads and writes is as it is kept in `wire_forms.json`: a change of one is meant.

`python -m tests.bridge.wire_forms` says what differs, and keeps what is meant with `--write`.
"""

from __future__ import annotations

import json

import pytest

from tests.bridge.wire_forms import KEPT, differences, form_of
from tests.bridge.wire_requests import REQUESTS
from tray_bridge.bridge.all_dialects import DIALECTS
from tray_bridge.bridge.dialect import Dialect


@pytest.mark.parametrize("dialect", DIALECTS, ids=[dialect.name for dialect in DIALECTS])
def test_every_field_is_read_and_written_as_clients_know_it(dialect: Dialect) -> None:
    kept = json.loads(KEPT.read_text("utf-8"))[dialect.name]
    assert list(differences(kept, form_of(dialect))) == []


def test_every_dialect_has_its_requests() -> None:
    assert list(REQUESTS) == [dialect.name for dialect in DIALECTS]


def test_a_difference_is_named_by_its_place() -> None:
    kept = {"read": {"model": ["a", 1]}, "gone": 1}
    assert list(differences(kept, {"read": {"model": ["a", True]}, "new": 2})) == [
        "/read/model[1]: 1  →  true",
        '/gone: 1  →  "nothing"',
        '/new: "nothing"  →  2',
    ]
