"""Long chains of stored answers, and chains on a full disk."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from openai.types.responses import Response

from tests.e2e.test_responses import create
from tests.e2e.upstream import newest, turns
from tests.resilience.test_machine_faults import SmallDisk, disk  # noqa: F401 - a fixture
from tests.running_bridge import RunningBridge, directive
from tests.tool_loop import Wire, sessions

Make = Callable[..., RunningBridge]
LONG = 200
LOOKED_AT = 20  # turns


def timed(bridge: RunningBridge, **fields: Any) -> tuple[Response, float]:
    """Ask once the process rests; gives the answer and the seconds that it took."""
    bridge.wait_for(lambda s: not s.pool.busy)
    began = time.perf_counter()
    answer = create(bridge, **fields)
    return answer, time.perf_counter() - began


def ask_on(bridge: RunningBridge, text: str, previous: str | None) -> tuple[str, float]:
    """Ask the next question of a chain; gives the answer's id and the seconds that it took."""
    answer, seconds = timed(bridge, input=directive(text=text), previous_response_id=previous)
    assert answer.output_text == text
    return answer.id, seconds


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_chain_of_200_is_stored_by_links_and_costs_no_more_than_the_conversation_itself(
    make_bridge: Make, tmp_path: Path
) -> None:
    bridge = make_bridge(pool_size=1, max_sessions=1, log_folder=tmp_path)
    previous, by_id = None, []
    said: list[Wire] = []
    for number in range(LONG):
        previous, seconds = ask_on(bridge, f"Answer {number}.", previous)
        by_id.append(seconds)
        said += [
            {"role": "user", "content": directive(text=f"Answer {number}.")},
            {"role": "assistant", "content": f"Answer {number}."},
        ]
    assert len(bridge.standin.requests) == LONG and len(set(sessions(bridge))) == 1
    assert len(turns(newest(bridge))) == 2 * LONG - 1
    sent_whole = []
    for number in range(LONG - LOOKED_AT, LONG):
        _, seconds = timed(bridge, input=said[: 2 * number + 1], store=False)
        sent_whole.append(seconds)
    bridge.server.stop(10)
    with sqlite3.connect(tmp_path / "answers.sqlite") as connection:
        sizes = [size for (size,) in connection.execute("SELECT size FROM answers")]
    assert len(sizes) == LONG and max(sizes) < 2 * min(sizes)  # an answer is stored without those before it
    first, late, whole = median(by_id[1:LOOKED_AT]), median(by_id[-LOOKED_AT:]), median(sent_whole)
    print(f"turn 2 {first * 1000:.0f} ms; turn {LONG}: {late * 1000:.0f} ms by id, {whole * 1000:.0f} ms sent whole")
    assert late < 1.2 * whole


def test_a_full_disk_ends_no_chain(make_bridge: Make, disk: SmallDisk) -> None:  # noqa: F811
    bridge = make_bridge(pool_size=1, log_folder=disk.path / "logs")
    first, _ = ask_on(bridge, "One.", None)
    disk.fill()
    second, _ = ask_on(bridge, "Two.", first)
    third, _ = ask_on(bridge, "Three.", second)
    assert bridge.client.responses.retrieve(third).output_text == "Three."
    disk.empty()
    assert ask_on(bridge, "Four.", third)[0]
    assert len(bridge.standin.requests) == 4 and len(set(sessions(bridge))) == 1
