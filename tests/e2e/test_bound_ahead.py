"""A spare is bound ahead of need, whatever requests do meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from tests.running_bridge import directive
from tray_bridge.claude.pool import PoolConfig, SessionPool
from tray_bridge.standin import StandIn
from tray_bridge.turns import Leased, Message, Text, TextDelta, Turn


@asynccontextmanager
async def open_pool(standin: StandIn, tmp_path: Path) -> AsyncIterator[SessionPool]:
    """One worker, which has started and is not yet kept: `fill` lets it be bound ahead."""
    environment = {"ANTHROPIC_BASE_URL": standin.url}
    pool = SessionPool(PoolConfig("sonnet", tmp_path, environment=environment, reuse=True, size=1, max_sessions=1))
    await pool.open()
    try:
        await until(pool, "warm")
        yield pool
    finally:
        await pool.close()


async def until(pool: SessionPool, state: str) -> None:
    async def look() -> None:
        while [session.state for session in pool.snapshot().sessions] != [state]:
            await asyncio.sleep(0.01)

    await asyncio.wait_for(look(), 20)


def turn(text: str) -> Turn:
    return Turn("sonnet", (Message("user", (Text(directive(text=text)),)),), system=("Be brief.",))


async def ask(pool: SessionPool, text: str) -> str:
    async with aclosing(pool.ask(turn(text))) as events:
        return "".join([event.text async for event in events if isinstance(event, TextDelta)])


async def test_a_worker_given_up_before_it_was_bound_is_bound_ahead(
    standin: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_pool(standin, tmp_path) as pool:
        before = pool.snapshot().sessions[0].pid
        async with aclosing(pool.ask(turn("never read"))) as events:
            assert isinstance(await anext(events), Leased)
        await until(pool, "warm")
        pool.fill()
        await until(pool, "fitting")
        assert await ask(pool, "here") == "here"
        assert pool.snapshot().sessions[0].pid == before
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_request_given_up_before_its_process_was_spawned_leaves_a_spare(
    standin: StandIn, tmp_path: Path
) -> None:
    environment = {"ANTHROPIC_BASE_URL": standin.url}
    pool = SessionPool(PoolConfig("sonnet", tmp_path, environment=environment, reuse=True, size=0, max_sessions=1))
    await pool.open()
    try:
        for _ in range(3):
            asking = asyncio.create_task(ask(pool, "never read"))
            await asyncio.sleep(0)
            (session,) = pool.snapshot().sessions
            assert session.state == "busy" and session.pid is None
            asking.cancel()
            await asyncio.wait({asking})
            assert [(each.id, each.state) for each in pool.snapshot().sessions] == [(session.id, "starting")]
        await until(pool, "warm")
        assert await ask(pool, "here") == "here"
        assert pool.snapshot().sessions[0].id == session.id
        assert dict(pool.snapshot().taken)["cold"] == 3
    finally:
        await pool.close()


async def test_a_start_that_fails_after_its_request_was_given_up_leaves_no_worker(
    standin: StandIn, tmp_path: Path
) -> None:
    missing = tmp_path / "no-claude"
    pool = SessionPool(PoolConfig("sonnet", tmp_path, cli_path=missing, reuse=True, size=0, max_sessions=1))
    await pool.open()
    try:
        asking = asyncio.create_task(ask(pool, "never read"))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait({asking})
        for _ in range(5000):
            if not pool.snapshot().sessions:
                break
            await asyncio.sleep(0.01)
        assert pool.snapshot().sessions == ()
    finally:
        await pool.close()
