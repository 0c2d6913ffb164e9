"""A client that leaves in mid-answer costs nothing: the worker is free again at once, after every kind of ending."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.bench.endings import ENDINGS, FREE_AGAIN, TIMED_OUT, Pool, ask, open_pool
from tests.resilience.faults import bound
from tray_bridge.standin import StandIn

TIMES = 3
LIMIT = 2.0  # seconds, the time limit of a turn here


def pids(pool: Pool) -> list[int | None]:
    return [session.pid for session in pool.snapshot().sessions]


@pytest.mark.usefixtures("short_silence")
async def test_a_worker_is_free_again_in_a_moment_after_every_ending(standin: StandIn, tmp_path: Path) -> None:
    async with open_pool(tmp_path, LIMIT) as pool:
        worker = pids(pool)
        for ending in (*ENDINGS, TIMED_OUT):
            seconds = []
            standin.clear()
            for number in range(1 if ending is TIMED_OUT else TIMES):
                ended = await ask(pool, ending, number)
                await pool.until_free()
                seconds.append(time.perf_counter() - ended)
            # The quickest: others on the machine make single ones slow, a fault all of them.
            assert min(seconds) < bound(2 * FREE_AGAIN), ending.name
            assert pids(pool) == worker, ending.name
            if ending.name == "refused":
                assert len(standin.requests) == TIMES, "Claude Code asks no other model, and not again"
