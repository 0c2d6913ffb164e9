"""After which endings a process serves the next conversation, and after which it is replaced."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.running_bridge import wait_for
from tray_bridge.claude.give_back import GiveBack, can_be_trusted
from tray_bridge.claude.roster import PoolConfig, Roster
from tray_bridge.claude.worker import Worker
from tray_bridge.errors import (
    CliUnavailableError,
    InvalidRequestError,
    ModelNotFoundError,
    OutputSchemaError,
    SessionLostError,
    SignedOutError,
    TurnTimeoutError,
    UpstreamError,
)


def spoken(error: BaseException | None) -> str:
    return f"{type(error).__name__} {getattr(error, 'status', '')}".strip()


@pytest.mark.parametrize(
    "error",
    [
        None,
        asyncio.CancelledError(),
        GeneratorExit(),
        TurnTimeoutError("Nothing came."),
        ModelNotFoundError("No such model."),
        UpstreamError("Overloaded.", status=529),
        UpstreamError("Too many requests.", status=429),
    ],
    ids=spoken,
)
def test_a_process_serves_again_after_an_ending_that_says_nothing_of_it(error: BaseException | None) -> None:
    assert can_be_trusted(error)


@pytest.mark.parametrize(
    "error",
    [
        SessionLostError("It has ended."),
        SignedOutError("Not signed in."),
        CliUnavailableError("It did not start."),
        InvalidRequestError("Refused."),
        OutputSchemaError("Another schema is needed."),
        UpstreamError("Not allowed.", status=401),
        UpstreamError("Not allowed.", status=403),
        ValueError("an error of ours"),
    ],
    ids=spoken,
)
def test_a_process_is_replaced_after_an_ending_that_may_be_its_own(error: BaseException) -> None:
    assert not can_be_trusted(error)


async def test_a_worker_that_a_fault_of_ours_keeps_from_rest_gives_its_place_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: Worker, *, keep: bool) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Worker, "settle", fail)
    roster = Roster(PoolConfig("sonnet", tmp_path, reuse=True), lambda: None, lambda _: None)
    roster.open()
    worker = roster.add()
    worker.move("busy")
    worker.move("parked")
    worker.expires_at = 1.0
    GiveBack(roster).trim()
    assert worker in roster
    await asyncio.to_thread(wait_for, lambda: worker not in roster, 10)
    await roster.close()
