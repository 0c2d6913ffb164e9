"""The set of infills: each case has one meaning, and its middle comes through the real CLI to the byte."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.infill.fill_gaps import asker, fill
from tests.infill.infill_cases import CASES, MEANINGS, Case
from tests.running_bridge import RunningBridge, directive

IDS = [f"{case.language}-{number}" for number, case in enumerate(CASES)]


def test_there_are_thirty_in_five_languages() -> None:
    assert Counter(case.language for case in CASES) == dict.fromkeys(MEANINGS, 6)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_only_the_right_middle_is_right(case: Case) -> None:
    assert case.is_right(case.parts[1])
    for wrong in ("", "Here is the code:\n" + case.parts[1], f"```\n{case.parts[1]}\n```", case.parts[1] * 2):
        assert not case.is_right(wrong), wrong


def test_each_middle_comes_through_to_the_byte(bridge: RunningBridge) -> None:
    plain = asker(bridge.base_url, "haiku")
    for case in CASES:
        script = directive(text=f"<fill>{case.parts[1]}</fill>")
        middle = fill(case, lambda before, after, script=script: plain(f"{script}\n{before}", after))  # type: ignore[misc]
        assert middle == case.parts[1] and case.is_right(middle)
