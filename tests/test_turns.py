"""A call's arguments are read alike, those of a client and the model's."""

from __future__ import annotations

import json

import pytest

from tray_bridge.bridge import tool_history
from tray_bridge.turns import read_arguments


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", {}),
        (" \n", {}),
        ('{"x": 1}', {"x": 1}),
        ('{"x": NaN}', {"_raw": '{"x": NaN}'}),
        ('{"x": -1e999}', {"_raw": '{"x": -1e999}'}),
        ('{"x": ', {"_raw": '{"x": '}),
        ("3", {"_raw": "3"}),
        ('{"x": ' * 100_000, {"_raw": '{"x": ' * 100_000}),
        (f'{{"x": {"[" * 99}{"]" * 99}}}', {"x": json.loads("[" * 99 + "]" * 99)}),
        (f'{{"x": {"[" * 100}{"]" * 100}}}', {"_raw": f'{{"x": {"[" * 100}{"]" * 100}}}'}),
    ],
    ids=range(10),
)
def test_arguments_of_the_past_and_of_the_model_are_read_alike(text: str, read: dict[str, object]) -> None:
    assert read_arguments(text) == read
    assert tool_history.read_arguments(text) == read
