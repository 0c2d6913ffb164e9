"""Workers that are replaced, and workers that are bound ahead, while requests come."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from tests.e2e.upstream import system_prompt
from tests.running_bridge import directive
from tray_bridge.claude import keeper, wear
from tray_bridge.claude import pool as pool_module
from tray_bridge.claude.pool import PoolConfig, SessionPool
from tray_bridge.claude.process_binding import ProcessBinding
from tray_bridge.claude.start_failures import StartFailures
from tray_bridge.errors import CliUnavailableError
from tray_bridge.machine.cli_program import find_cli
from tray_bridge.standin import StandIn
from tray_bridge.turns import Message, Text, TextDelta, Turn

MakePool = Callable[..., Coroutine[Any, Any, SessionPool]]


@pytest_asyncio.fixture
async def make_pool(standin: StandIn, tmp_path: Path) -> AsyncIterator[MakePool]:
    pools: list[SessionPool] = []

    async def make(**sizes: Any) -> SessionPool:
        environment = {
            "ANTHROPIC_BASE_URL": standin.url,
            "ANTHROPIC_API_KEY": "test",
            "CLAUDE_CONFIG_DIR": str(tmp_path / "config"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }
        pools.append(SessionPool(PoolConfig("sonnet", tmp_path / "work", environment=environment, reuse=True, **sizes)))
        await pools[-1].open()
        pools[-1].fill()
        return pools[-1]

    yield make
    for pool in pools:
        await pool.close()


async def ask(pool: SessionPool, number: int, *, has_system: bool = True) -> str:
    question = Message("user", (Text(directive(text=f"answer {number}")),))
    turn = Turn("sonnet", (question,), system=(f"Rule {number}.",) if has_system else (), keep=False)
    async with aclosing(pool.ask(turn)) as events:
        return "".join([event.text async for event in events if isinstance(event, TextDelta)])


async def until(condition: Callable[[], object]) -> None:
    for _ in range(5000):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("It never came about.")


async def test_a_worn_worker_serves_on_and_is_replaced_in_a_quiet_moment(
    make_pool: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wear, "MOST_CONVERSATIONS", 3)
    monkeypatch.setattr(keeper, "QUIET_SECONDS", 0.5)
    pool = await make_pool(size=1, max_sessions=2)
    await until(lambda: pool.snapshot().warm + pool.snapshot().fitting)
    (first,) = pool.snapshot().sessions
    for number in range(8):  # far more than it should serve, without a pause
        assert await ask(pool, number) == f"answer {number}"
    assert [session.id for session in pool.snapshot().sessions] == [first.id]

    def is_replaced() -> bool:
        pool_now = pool.snapshot()
        assert pool_now.warm + pool_now.fitting + pool_now.busy, "a worker is there all the time"
        return first.id not in [session.id for session in pool_now.sessions]

    await until(is_replaced)
    assert first.pid is not None
    await until(lambda: not psutil.pid_exists(first.pid or 0))
    assert await ask(pool, 9) == "answer 9"
    taken = dict(pool.snapshot().taken)
    assert taken["cold"] == 0


async def test_a_worn_worker_is_replaced_where_there_is_no_room_for_two(
    make_pool: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wear, "MOST_CONVERSATIONS", 2)
    monkeypatch.setattr(keeper, "QUIET_SECONDS", 0.2)
    pool = await make_pool(size=1, max_sessions=1)
    for number in range(2):
        await ask(pool, number)
    (first,) = pool.snapshot().sessions
    await until(lambda: first.id not in [session.id for session in pool.snapshot().sessions])
    assert await ask(pool, 3) == "answer 3"
    assert len(pool.snapshot().sessions) == 1


async def test_no_request_takes_a_worker_that_is_just_being_bound_ahead(
    make_pool: MakePool, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind, entered, goes_on = ProcessBinding.bind, asyncio.Event(), asyncio.Event()

    async def bind_late(self: ProcessBinding, binding: Any) -> None:
        if not entered.is_set():  # the keeper's: nothing has been said to the process yet
            entered.set()
            await goes_on.wait()
        await bind(self, binding)

    monkeypatch.setattr(ProcessBinding, "bind", bind_late)
    pool = await make_pool(size=1, max_sessions=2)
    await asyncio.wait_for(entered.wait(), 30)
    asyncio.get_running_loop().call_later(2.0, goes_on.set)
    assert await ask(pool, 1) == "answer 1"
    assert system_prompt(dict(standin.requests[-1].body)) == "Rule 1."
    assert len(pool.snapshot().sessions) == 2
    await until(lambda: not pool.snapshot().starting)
    assert await ask(pool, 2) == "answer 2"


@pytest.mark.skipif(sys.platform == "win32", reason="a program of two lines of shell")
@pytest.mark.parametrize("is_bound_ahead", [True, False])
async def test_while_processes_do_not_start_requests_wait_for_one_that_runs(
    make_pool: MakePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_bound_ahead: bool
) -> None:
    program, broken, found = tmp_path / "claude", tmp_path / "broken", find_cli()
    assert found is not None
    program.write_text(f'#!/bin/sh\n[ -e "{broken}" ] && echo >>"{broken}" && exit 1\nexec "{found.path}" "$@"\n')
    program.chmod(0o700)
    failures = StartFailures()
    monkeypatch.setattr("tray_bridge.claude.roster.StartFailures", lambda: failures)
    if not is_bound_ahead:
        monkeypatch.setattr(keeper.Keeper, "spare_to_bind", lambda self: None)
    pool = await make_pool(size=1, max_sessions=3, cli_path=program)
    await until(lambda: pool.snapshot().fitting if is_bound_ahead else pool.snapshot().warm)
    broken.touch()
    if not is_bound_ahead:  # a request binds it, and the others fail before it has said what it is
        bind = ProcessBinding.bind

        async def bind_late(self: ProcessBinding, binding: Any) -> None:
            await until(lambda: failures)
            await bind(self, binding)

        monkeypatch.setattr(ProcessBinding, "bind", bind_late)
    counted = []

    async def count() -> None:
        while True:
            now = pool.snapshot()
            there = now.warm + now.fitting + now.starting + now.busy + now.parked + now.suspended
            counted.append(there == len(now.sessions))
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    assert await asyncio.gather(*(ask(pool, number) for number in range(4))) == [f"answer {n}" for n in range(4)]
    assert dict(pool.snapshot().taken)["cold"], "processes were to be started"
    counting.cancel()
    assert all(counted)

    # No process that runs can serve one without a system prompt; a first failure is tried again all the same.
    # A spare that fails meanwhile would be the first: none is tried any more once the keeper has looked again.
    looked = asyncio.Event()
    monkeypatch.setattr(keeper.Keeper, "spare_to_start", lambda self: looked.set())
    assert await ask(pool, 4) == "answer 4"
    await asyncio.wait_for(looked.wait(), 60)
    await until(lambda: not pool.snapshot().busy)
    failures.clear()
    broken.write_bytes(b"")
    with pytest.raises(CliUnavailableError):
        await ask(pool, 5, has_system=False)
    assert len(broken.read_bytes()) >= 2
    with pytest.raises(CliUnavailableError):  # it is known by now
        await ask(pool, 6, has_system=False)
    # After the last try the reason is told, not that a process was lost.
    failures.clear()
    monkeypatch.setattr(pool_module, "MOST_LOST", 1)
    with pytest.raises(CliUnavailableError):
        await ask(pool, 7, has_system=False)
