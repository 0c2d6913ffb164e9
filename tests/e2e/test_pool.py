"""Which session serves which request, seen from outside and in the snapshot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import openai
import psutil
import pytest
from running_bridge import RunningBridge, directive

from tray_bridge.claude import start_slots
from tray_bridge.claude.session import Session
from tray_bridge.claude.start_slots import StartSlots
from tray_bridge.settings.schema import load_settings

Make = Callable[..., RunningBridge]


def ask(bridge: RunningBridge, text: str, **options: Any) -> str:
    messages = [{"role": "user", "content": text}]
    completion = bridge.client.chat.completions.create(**{"model": "sonnet", "messages": messages, **options})
    return str(completion.choices[0].message.content)


def taken(bridge: RunningBridge) -> dict[str, int]:
    return dict(bridge.snapshot().pool.taken)


def test_spares_are_started_before_they_are_asked_for(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=2)
    snapshot = bridge.wait_until_warm(2)
    assert len(bridge.processes()) == 2
    assert snapshot.account.signed_in and snapshot.account.cli_version
    assert {"opus", "sonnet", "haiku"} <= {model.value for model in snapshot.models}
    assert bridge.standin.requests == [], "a spare must not ask the model anything"


def test_a_pool_of_none_starts_a_session_for_each_request(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=0, parked_sessions=0)
    assert ask(bridge, directive(text="cold")) == "cold"
    bridge.wait_for(lambda s: not s.pool.sessions)
    assert taken(bridge)["cold"] == 1


def test_one_process_never_serves_two_conversations(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=2)
    for number in range(4):
        assert ask(bridge, directive(text=f"answer {number}")) == f"answer {number}"
    bodies = [received.body for received in bridge.standin.requests]
    assert len(bodies) == 4
    for body in bodies:
        assert [m["role"] for m in body["messages"] if m["role"] != "system"] == ["user"]
    sessions = {received.headers["x-claude-code-session-id"] for received in bridge.standin.requests}
    assert len(sessions) == 4


def test_a_new_conversation_of_the_same_client_finds_a_spare_bound_ahead(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=2)
    system = {"role": "system", "content": "You are a parrot."}

    def ask_once_more() -> None:
        bridge.wait_until_warm(2)
        before = bridge.wait_for(lambda s: s.pool.fitting == 1).pool.taken
        messages = [system, {"role": "user", "content": directive(echo="system")}]
        text = ask(bridge, "", messages=messages)
        assert "You are a parrot." in text
        bridge.wait_for(lambda s: s.pool.taken != before and not s.pool.busy)

    ask_once_more()
    ask_once_more()
    assert taken(bridge)["fitting"] >= 1


def test_a_prompt_that_differs_each_time_soon_costs_no_spare_any_more(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=2, parked_sessions=0)

    def ask_with(system: str) -> None:
        bridge.wait_until_warm(2)
        messages = [{"role": "system", "content": system}, {"role": "user", "content": directive(text="ok")}]
        ask(bridge, "", messages=messages)

    for number in range(4):
        ask_with(f"It is {number} o'clock.")
    bridge.wait_for(lambda s: s.pool.warm == 2 and not s.pool.fitting)
    for _ in range(2):
        ask_with("You are a parrot.")
    bridge.wait_for(lambda s: s.pool.fitting == 1)


async def test_a_burst_starts_more_sessions_up_to_the_limit(make_bridge: Make) -> None:
    bridge = await asyncio.to_thread(make_bridge, pool_size=1, max_sessions=3)
    client = bridge.async_client()
    messages: Any = [{"role": "user", "content": directive(text="ok", first_delay=2.0)}]
    work = asyncio.gather(*(client.chat.completions.create(model="sonnet", messages=messages) for _ in range(5)))
    await asyncio.to_thread(bridge.wait_for, lambda s: s.pool.busy == 3 and s.pool.queued == 2)
    assert len(bridge.processes()) <= 3
    assert [answer.choices[0].message.content for answer in await work] == ["ok"] * 5
    await client.close()


async def test_of_a_burst_only_so_many_processes_start_at_a_time(
    make_bridge: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_slots, "LONGEST_HOLD", 60.0)  # on a slow machine too
    bridge = await asyncio.to_thread(make_bridge, pool_size=0, max_sessions=6)
    sessions = with_start_slots(bridge, 2)
    client = bridge.async_client()
    messages: Any = [{"role": "user", "content": directive(text="ok")}]
    work = [asyncio.create_task(client.chat.completions.create(model="sonnet", messages=messages)) for _ in range(6)]
    seen: list[tuple[int, int]] = []
    while not all(task.done() for task in work):
        starting = [s for s in sessions.copy() if s.is_getting_ready]
        seen.append((len(starting), sum(s.snapshot().pid is not None for s in starting)))
        await asyncio.sleep(0.01)
    assert [(await task).choices[0].message.content for task in work] == ["ok"] * 6
    assert max(waiting for waiting, _ in seen) == 6, "who waits for its turn has its place already"
    assert max(started for _, started in seen) == 2
    await client.close()


async def test_who_leaves_before_its_process_may_start_leaves_nothing_behind(make_bridge: Make) -> None:
    bridge = await asyncio.to_thread(make_bridge, pool_size=0, max_sessions=4)
    sessions = with_start_slots(bridge, 0)
    client = bridge.async_client()
    messages: Any = [{"role": "user", "content": directive(text="ok")}]
    work = [asyncio.create_task(client.chat.completions.create(model="sonnet", messages=messages)) for _ in range(3)]
    while len(sessions) < 3:
        await asyncio.sleep(0.01)
    left = sessions.copy()
    for task in work:
        task.cancel()
    await asyncio.to_thread(bridge.wait_for, lambda s: not s.pool.sessions)
    assert {session.snapshot().pid for session in left} == {None}
    with_start_slots(bridge, 1)
    answer = await client.chat.completions.create(model="sonnet", messages=messages)
    assert answer.choices[0].message.content == "ok"
    assert len(bridge.standin.requests) == 1
    await client.close()


def with_start_slots(bridge: RunningBridge, count: int) -> set[Session]:
    """Have so many on any machine; gives the pool's own set of sessions."""
    pool = bridge.server._running._pool  # type: ignore[union-attr]
    assert pool is not None
    pool._start_slots = StartSlots(count)
    return pool._sessions


async def test_the_queue_is_fair(make_bridge: Make) -> None:
    bridge = await asyncio.to_thread(make_bridge, pool_size=0, max_sessions=1)
    client = bridge.async_client()

    async def one(number: int) -> None:
        await asyncio.sleep(number * 0.2)
        text = f"number {number}\n{directive(text='ok', first_delay=0.3)}"
        await client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": text}])

    await asyncio.gather(*(one(n) for n in range(5)))
    texts = [str(received.body["messages"][0]["content"]) for received in bridge.standin.requests]
    assert [text.split("number ")[1][0] for text in texts] == list("01234")
    await client.close()


async def test_a_full_queue_is_a_429_that_says_when_to_come_back(make_bridge: Make) -> None:
    bridge = await asyncio.to_thread(make_bridge, pool_size=0, max_sessions=1, queue_limit=1)
    client = bridge.async_client()

    async def one() -> str:
        answer = await client.chat.completions.create(
            model="sonnet", messages=[{"role": "user", "content": directive(text="ok", first_delay=2.0)}]
        )
        return str(answer.choices[0].message.content)

    first = asyncio.create_task(one())
    await asyncio.to_thread(bridge.wait_for, lambda s: s.pool.busy == 1)
    second = asyncio.create_task(one())
    await asyncio.to_thread(bridge.wait_for, lambda s: s.pool.queued == 1)
    with pytest.raises(openai.RateLimitError) as caught:
        await one()
    assert int(caught.value.response.headers["retry-after"]) > 0
    assert list(await asyncio.gather(first, second)) == ["ok", "ok"]
    await client.close()


def test_waiting_too_long_in_the_queue_is_a_429(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=0, max_sessions=1, queue_timeout=0.3)
    stream = bridge.client.chat.completions.create(
        model="sonnet", messages=[{"role": "user", "content": directive(words=1000, rate=20)}], stream=True
    )
    next(iter(stream))
    began = time.monotonic()
    with pytest.raises(openai.RateLimitError):
        ask(bridge, "hello")
    assert time.monotonic() - began < 2
    stream.close()


def test_nothing_from_claude_for_the_whole_time_limit_is_a_504(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=1, claude_timeout=1.0)
    with pytest.raises(openai.InternalServerError) as caught:
        ask(bridge, directive(hang=True))
    assert caught.value.status_code == 504
    assert ask(bridge, directive(text="fine")) == "fine"


def test_a_slow_answer_that_goes_on_is_not_timed_out(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=1, claude_timeout=1.5)
    assert len(ask(bridge, directive(words=8, rate=3)).split()) == 8


def test_a_parked_session_gives_way_to_new_work(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=0, max_sessions=1)
    for text in ("one", "two"):
        assert ask(bridge, directive(text=text)) == text
        bridge.wait_for(lambda s: s.pool.parked == 1)
    assert len(bridge.processes()) == 1


def test_parked_sessions_are_bounded(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=0, parked_sessions=2)
    for number in range(4):
        ask(bridge, directive(text=str(number)))
    bridge.wait_for(lambda s: s.pool.parked == 2 and len(s.pool.sessions) == 2)


def test_a_parked_session_expires(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=0, parked_minutes=1 / 60)
    ask(bridge, directive(text="once"))
    bridge.wait_for(lambda s: dict(s.pool.taken)["cold"] == 1 and not s.pool.sessions)


def test_an_idle_pool_shrinks_to_one_spare_and_grows_again(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=2, parked_sessions=0)
    bridge.wait_until_warm(2)
    bridge.server.apply(load_settings({"port": 0, "pool_size": 2, "parked_sessions": 0, "idle_minutes": 1 / 60}))
    bridge.wait_for(lambda s: len(s.pool.sessions) == 1)
    bridge.server.apply(load_settings({"port": 0, "pool_size": 2, "parked_sessions": 0}))
    ask(bridge, directive(text="awake"))
    bridge.wait_until_warm(2)


def test_a_spare_that_dies_is_replaced(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=1)
    bridge.wait_until_warm(1)
    (victim,) = bridge.processes()
    victim.kill()
    bridge.wait_for(lambda s: [p.pid for p in bridge.processes()] not in ([], [victim.pid]), 5)
    bridge.wait_until_warm(1)
    assert ask(bridge, directive(text="alive")) == "alive"


def test_a_session_killed_in_mid_stream_is_one_error_and_nothing_else(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=2)
    stream = bridge.client.chat.completions.create(
        model="sonnet", messages=[{"role": "user", "content": directive(words=1000, rate=20)}], stream=True
    )
    next(iter(stream))
    snapshot = bridge.wait_for(lambda s: s.pool.busy == 1)
    (busy,) = [s.pid for s in snapshot.pool.sessions if s.state == "busy"]
    assert busy is not None
    psutil.Process(busy).kill()
    with pytest.raises(openai.APIError, match="ended"):
        list(stream)
    assert ask(bridge, directive(text="next")) == "next"
