"""Every field that a dialect reads and writes is as it is kept in `wire_forms.json`: a change of one is meant.

`python -m tests.bridge.wire_forms` says what differs, and keeps what is meant with `--write`.
"""

from __future__ import annotations

import json

import pytest

from tests.bridge.wire_forms import KEPT, REPLACED, differences, form_of, told
from tests.bridge.wire_requests import REQUESTS
from tray_bridge.bridge.all_dialects import DIALECTS
from tray_bridge.bridge.dialect import Dialect
from tray_bridge.bridge.parameters import Parameter


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


@pytest.mark.parametrize("dialect", DIALECTS, ids=[dialect.name for dialect in DIALECTS])
def test_a_parameter_that_is_honoured_makes_a_difference_in_a_request_that_has_it(dialect: Dialect) -> None:
    changed = json.loads(KEPT.read_text("utf-8"))[dialect.name]["changed"]
    whole = {request: told(dialect, path, body) for request, (path, body) in REQUESTS[dialect.name].items()}

    def is_read(parameter: Parameter) -> bool:
        changes = [f"{parameter.name} {value}" for value in (REPLACED if parameter.kind == "any" else ["gone"])]
        return any(changed[request].get(change, form) != form for request, form in whole.items() for change in changes)

    honoured = [parameter for parameter in dialect.parameters if parameter.treatment == "honoured"]
    needs_a_stored_answer = {"previous_response_id"}  # see test_responses_past.py
    assert {parameter.name for parameter in honoured if not is_read(parameter)} <= needs_a_stored_answer
