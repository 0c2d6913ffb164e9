"""The table of error texts (faults C2, C4) against the bundled program, which changes weekly."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path

import claude_agent_sdk
import pytest

from tests.faults.error_texts import OF_OTHERS, SORTS, fragments
from tray_bridge.claude.failures import error_of
from tray_bridge.errors import PlanLimitError, UpstreamError

BUNDLED = Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude"
pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def program() -> Iterator[mmap.mmap]:
    with BUNDLED.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content


def in_source(text: str) -> bytes:
    """As the program's source has it."""
    return text.replace("—", "\\u2014").replace("’", "\\u2019").encode()


def test_c4_the_program_has_the_texts_of_the_table(program: mmap.mmap) -> None:
    own = [text for _, texts in SORTS for _, _, text in texts if not OF_OTHERS.search(text)]
    missing = [text for text in own if not any(program.find(in_source(part)) >= 0 for part in fragments(text))]
    assert len(own) > 70 and not missing


def test_c4_the_table_sorts_each_limit_that_the_program_knows(program: mmap.mmap) -> None:
    listed = re.search(rb'\["You\'ve hit your",[^\]]{50,2000}\]', program)
    assert listed is not None
    texts = re.findall(rb'"([^"]+)"', listed[0])
    assert len(texts) > 5
    for text in texts:
        words = text.decode().replace("\\xB7", "·")
        words += " limit · resets 3pm" if words.endswith(" your") else ""
        error = error_of("rate_limit", 429, words)
        long_wait = isinstance(error, UpstreamError) and (error.retry_after or 0) > 60
        assert long_wait or isinstance(error, PlanLimitError), words


def test_c4_the_program_has_no_kind_of_error_that_is_unknown_here(program: mmap.mmap) -> None:
    made = re.findall(rb'_i\(\{(?:content:[^{}]{1,300},)?error:"(\w+)"', program)
    known = {kind for _, texts in SORTS for kind, _, _ in texts}
    assert "billing_error" in {kind.decode() for kind in made}
    assert {kind.decode() for kind in made} - known <= {"max_output_tokens"}
