"""Which session serves which request, seen from outside and in the snapshot."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import openai
import psutil
import pytest

from tests.e2e.upstream import system_prompt, turns
from tests.resilience.faults import bound
from tests.running_bridge import RunningBridge, directive, running_bridge, wait_for
from tray_bridge.settings.schema import load_settings
from tray_bridge.standin import StandIn

Make = Callable[..., RunningBridge]
ONE_WORKER: dict[str, Any] = {"port": 0, "pool_size": 1, "max_sessions": 1}


@pytest.fixture(scope="module")
def bridge_of_one(running_standin: StandIn) -> Iterator[RunningBridge]:
    with running_bridge(running_standin, **ONE_WORKER) as running:
        yield running


@pytest.fixture
def one_worker(bridge_of_one: RunningBridge, standin: StandIn) -> Iterator[Make]:
    """Give the bridge of one worker, free, with some settings changed: most tests need no processes of their own."""

    def set_up(**settings: Any) -> RunningBridge:
        bridge_of_one.server.apply(load_settings({**ONE_WORKER, "parked_sessions": 0}))
        bridge_of_one.wait_for(lambda s: s.pool.warm + s.pool.fitting == len(s.pool.sessions) == 1)
        standin.clear()
        bridge_of_one.server.apply(load_settings({**ONE_WORKER, **settings}))
        return bridge_of_one

    yield set_up
    bridge_of_one.server.apply(load_settings(ONE_WORKER))


@pytest.fixture(scope="module")
def impatient(running_standin: StandIn) -> Iterator[RunningBridge]:
    with running_bridge(running_standin, pool_size=1, claude_timeout=2.0) as running:
        yield running


@pytest.fixture(scope="module")
def bridge_of_none(running_standin: StandIn) -> Iterator[RunningBridge]:
    with running_bridge(running_standin, pool_size=0, parked_sessions=0) as running:
        yield running


def ask(bridge: RunningBridge, text: str, **options: Any) -> str:
    messages = [{"role": "user", "content": text}]
    completion = bridge.client.chat.completions.create(**{"model": "sonnet", "messages": messages, **options})
    return str(completion.choices[0].message.content)


def taken(bridge: RunningBridge) -> dict[str, int]:
    return dict(bridge.snapshot().pool.taken)


def test_a_pool_of_none_starts_a_session_for_each_request(bridge_of_none: RunningBridge) -> None:
    bridge, before = bridge_of_none, taken(bridge_of_none)["cold"]
    assert ask(bridge, directive(text="cold")) == "cold"
    bridge.wait_for(lambda s: not s.pool.sessions)
    assert taken(bridge)["cold"] == before + 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_process_that_is_killed_while_it_starts_costs_the_request_time_only(bridge_of_none: RunningBridge) -> None:
    bridge = bridge_of_none
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(ask(bridge, directive(text="second try"))))
    asking.start()
    bridge.wait_for(lambda s: any(session.pid for session in s.pool.sessions))
    (process,) = bridge.processes()
    process.kill()
    asking.join(60)
    assert answers == ["second try"]
    bridge.wait_for(lambda s: not s.pool.sessions)


def test_without_reuse_one_process_never_serves_two_conversations_and_few_rest(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=0, parked_sessions=1, reuse_workers=False)
    for number in range(2):
        assert ask(bridge, directive(text=f"answer {number}")) == f"answer {number}"
    bodies = [received.body for received in bridge.standin.requests]
    assert len(bodies) == 2
    for body in bodies:
        assert [m["role"] for m in body["messages"] if m["role"] != "system"] == ["user"]
    sessions = {received.headers["x-claude-code-session-id"] for received in bridge.standin.requests}
    assert len(sessions) == 2
    bridge.wait_for(lambda s: s.pool.parked == 1 and len(s.pool.sessions) == 1)


def test_one_process_serves_one_conversation_after_another_and_mixes_none(one_worker: Make) -> None:
    bridge = one_worker()
    (worker,) = bridge.processes()
    resets = taken(bridge)["reset"]
    for number in range(4):
        system = {"role": "system", "content": f"You are number {number}."}
        messages = [system, {"role": "user", "content": directive(text=f"answer {number}")}]
        assert ask(bridge, "", messages=messages) == f"answer {number}"
    for number, received in enumerate(bridge.standin.requests):
        assert [m["role"] for m in received.body["messages"] if m["role"] != "system"] == ["user"]
        assert system_prompt(received.body) == f"You are number {number}."
        assert f"answer {number - 1}" not in str(received.body)
    assert len(bridge.standin.requests) == 4
    assert [process.pid for process in bridge.processes()] == [worker.pid]
    bridge.wait_for(lambda s: dict(s.pool.taken)["reset"] >= resets + 3)


def test_a_request_without_system_prompt_gets_a_process_that_has_had_none(one_worker: Make) -> None:
    bridge = one_worker()
    messages = [{"role": "system", "content": "A secret."}, {"role": "user", "content": directive(text="one")}]
    assert ask(bridge, "", messages=messages) == "one"
    assert ask(bridge, directive(text="two")) == "two"
    assert system_prompt(bridge.standin.requests[-1].body) == ""


def test_an_answer_asked_for_again_rewinds_the_conversation_to_its_question(one_worker: Make) -> None:
    bridge = one_worker()
    before = taken(bridge)
    asked = [{"role": "user", "content": directive(text="one")}]
    asked += [{"role": "assistant", "content": ask(bridge, "", messages=asked)}]
    asked += [{"role": "user", "content": directive(text="two")}]
    assert [ask(bridge, "", messages=asked) for _ in range(3)] == ["two"] * 3
    edited = [*asked[:-1], {"role": "user", "content": directive(text="edited")}]
    assert ask(bridge, "", messages=edited) == "edited"
    bodies = [turns(received.body) for received in bridge.standin.requests]
    assert [role for role, _ in bodies[1]] == ["user", "assistant", "user"]
    assert bodies[1] == bodies[2] == bodies[3]
    assert bodies[4][:-1] == bodies[1][:-1]
    wanted = (before["rewound"] + 3, before["parked"] + 1)
    bridge.wait_for(lambda s: (dict(s.pool.taken)["rewound"], dict(s.pool.taken)["parked"]) == wanted)


def test_a_model_that_upstream_does_not_know_costs_no_process(one_worker: Make) -> None:
    bridge = one_worker()
    (worker,) = bridge.processes()
    unknown = {"status": 404, "type": "not_found_error", "message": "model: claude-sonnet-9"}
    with pytest.raises(openai.NotFoundError):
        ask(bridge, directive(error=unknown))
    assert ask(bridge, directive(text="next")) == "next"
    assert bridge.processes() == [worker]


def test_an_answer_given_up_leaves_its_conversation_and_its_process_as_they_were(one_worker: Make) -> None:
    bridge = one_worker()
    asked = [{"role": "user", "content": directive(text="one")}]
    asked += [{"role": "assistant", "content": ask(bridge, "", messages=asked)}]
    pids = [process.pid for process in bridge.processes()]
    for number in range(3):
        given_up: Any = [*asked, {"role": "user", "content": f"secret {number}\n{directive(words=500, rate=50)}"}]
        stream = bridge.client.chat.completions.create(model="sonnet", messages=given_up, stream=True)
        next(iter(stream))
        stream.close()
        last = [*asked, {"role": "user", "content": directive(text=f"after {number}")}]
        assert ask(bridge, "", messages=last) == f"after {number}"
        assert "secret" not in str(bridge.standin.requests[-1].body)
        assert [role for role, _ in turns(bridge.standin.requests[-1].body)] == ["user", "assistant", "user"]
    assert [process.pid for process in bridge.processes()] == pids


async def test_requests_given_up_one_after_the_other_start_no_process(one_worker: Make) -> None:
    bridge = await asyncio.to_thread(one_worker)
    pids = sorted(process.pid for process in bridge.processes())
    client = bridge.async_client()

    async def one(number: int, seconds: float | None) -> str:
        text = f"number {number}\n{directive(text=f'answer {number}', first_delay=0.02 if number % 5 == 0 else 0.5)}"
        asking = client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": text}])
        return str((await asyncio.wait_for(asking, seconds)).choices[0].message.content)

    read_to_the_end = 0
    for number in range(20):
        if number % 5 == 0:
            assert await one(number, None) == f"answer {number}"
            read_to_the_end += 1
        else:
            with pytest.raises(asyncio.TimeoutError):
                await one(number, 0.1)
    assert read_to_the_end == 4
    assert sorted(process.pid for process in bridge.processes()) == pids
    await client.close()


@pytest.mark.full  # the keeper's own tests show which spare is bound, and those of `test_bound_ahead` that it is used
def test_without_reuse_a_new_conversation_of_the_same_client_finds_a_spare_bound_ahead(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=1, reuse_workers=False)
    system = {"role": "system", "content": "You are a parrot."}

    def ask_once_more() -> None:
        before = bridge.wait_for(lambda s: s.pool.fitting == 1).pool.taken
        messages = [system, {"role": "user", "content": directive(echo="system")}]
        text = ask(bridge, "", messages=messages)
        assert "You are a parrot." in text
        bridge.wait_for(lambda s: s.pool.taken != before and not s.pool.busy)

    ask_once_more()
    ask_once_more()
    assert taken(bridge)["fitting"] >= 1


@pytest.mark.full  # the keeper's own tests show it without a process
def test_without_reuse_a_prompt_that_differs_each_time_soon_costs_no_spare_any_more(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=2, parked_sessions=0, reuse_workers=False)

    def ask_with(system: str) -> None:
        bridge.wait_for(lambda s: s.pool.warm + s.pool.fitting == 2)
        messages = [{"role": "system", "content": system}, {"role": "user", "content": directive(text="ok")}]
        ask(bridge, "", messages=messages)

    for number in range(4):
        ask_with(f"It is {number} o'clock.")
    bridge.wait_for(lambda s: s.pool.warm == 2 and not s.pool.fitting)
    for _ in range(2):
        ask_with("You are a parrot.")
    bridge.wait_for(lambda s: s.pool.fitting == 1)


async def test_a_burst_starts_more_sessions_up_to_the_limit(one_worker: Make) -> None:
    bridge = await asyncio.to_thread(one_worker, max_sessions=2)
    client = bridge.async_client()
    messages: Any = [{"role": "user", "content": directive(text="ok", first_delay=2.0)}]
    work = asyncio.gather(*(client.chat.completions.create(model="sonnet", messages=messages) for _ in range(4)))
    await asyncio.to_thread(bridge.wait_for, lambda s: s.pool.busy == 2 and s.pool.queued == 2)
    assert len(bridge.processes()) <= 2
    assert [answer.choices[0].message.content for answer in await work] == ["ok"] * 4
    await client.close()


async def test_the_queue_is_fair(one_worker: Make) -> None:
    bridge = await asyncio.to_thread(one_worker)
    client = bridge.async_client()

    def asked(number: int, **spec: object) -> Any:
        return [{"role": "user", "content": f"number {number}\n{directive(**spec)}"}]

    first = await client.chat.completions.create(model="sonnet", messages=asked(0, words=1000, rate=20), stream=True)
    await anext(aiter(first))
    waiting = []
    for number in range(1, 5):
        answer = client.chat.completions.create(model="sonnet", messages=asked(number, text="ok"))
        waiting.append(asyncio.create_task(answer))
        await asyncio.to_thread(bridge.wait_for, lambda s: s.pool.queued == len(waiting))
    await first.close()
    await asyncio.gather(*waiting)
    texts = [str(received.body["messages"][0]["content"]) for received in bridge.standin.requests]
    assert [text.split("number ")[1][0] for text in texts] == list("01234")
    await client.close()


async def test_a_full_queue_is_a_429_that_says_when_to_come_back(one_worker: Make) -> None:
    bridge = await asyncio.to_thread(one_worker, queue_limit=1)
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


def test_waiting_too_long_in_the_queue_is_a_429(one_worker: Make) -> None:
    bridge = one_worker(queue_timeout=0.3)
    stream = bridge.client.chat.completions.create(
        model="sonnet", messages=[{"role": "user", "content": directive(words=1000, rate=20)}], stream=True
    )
    next(iter(stream))
    began = time.monotonic()
    with pytest.raises(openai.RateLimitError):
        ask(bridge, "hello")
    assert time.monotonic() - began < bound(2)
    stream.close()


@pytest.mark.usefixtures("short_silence")
def test_nothing_from_claude_for_the_whole_time_limit_is_a_504(impatient: RunningBridge, standin: StandIn) -> None:
    bridge = impatient
    with pytest.raises(openai.InternalServerError) as caught:
        ask(bridge, directive(hang=True))
    assert caught.value.status_code == 504
    assert ask(bridge, directive(text="fine")) == "fine"


@pytest.mark.usefixtures("short_silence")
def test_a_slow_answer_that_goes_on_is_not_timed_out(impatient: RunningBridge, standin: StandIn) -> None:
    assert len(ask(impatient, directive(words=9, rate=3)).split()) == 9


@pytest.mark.usefixtures("short_silence")
def test_a_conversation_that_rested_longer_than_the_time_limit_goes_on(impatient: RunningBridge) -> None:
    question = {"role": "user", "content": directive(text="one")}
    assert ask(impatient, "", messages=[question]) == "one"
    time.sleep(2.5)  # longer than the time limit
    more = [question, {"role": "assistant", "content": "one"}, {"role": "user", "content": directive(text="two")}]
    parked = taken(impatient)["parked"]
    assert ask(impatient, "", messages=more) == "two"
    impatient.wait_for(lambda s: dict(s.pool.taken)["parked"] == parked + 1)


@pytest.mark.full
@pytest.mark.usefixtures("short_silence")
def test_a_client_that_reads_slowly_costs_neither_its_answer_nor_the_next_one(
    impatient: RunningBridge, standin: StandIn
) -> None:
    question = {"role": "user", "content": directive(words=20_000)}  # no buffer on the way holds the answer
    body = json.dumps({"model": "sonnet", "stream": True, "messages": [question]}).encode()
    host, port = impatient.url.removeprefix("http://").split(":")
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {len(body)}"
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((host, int(port)))
        client.sendall(f"{head}\r\n\r\n".encode() + body)
        wait_for(lambda: standin.requests and standin.requests[-1].ended)
        time.sleep(4)  # longer than the time limit
        assert b"[DONE]" in b"".join(iter(lambda: client.recv(65536), b""))
    answer = " ".join(f"word{number}" for number in range(1, 20_001))
    more = [question, {"role": "assistant", "content": answer}, {"role": "user", "content": directive(text="two")}]
    parked = taken(impatient)["parked"]
    assert ask(impatient, "", messages=more) == "two"
    impatient.wait_for(lambda s: dict(s.pool.taken)["parked"] == parked + 1)


def test_a_parked_session_gives_way_to_new_work(one_worker: Make) -> None:
    bridge = one_worker()
    for text in ("one", "two"):
        assert ask(bridge, directive(text=text)) == text
        bridge.wait_for(lambda s: s.pool.parked == 1)
    assert len(bridge.processes()) == 1


def test_a_parked_session_expires_and_leaves_its_worker(one_worker: Make) -> None:
    bridge = one_worker(parked_minutes=1 / 60)
    (worker,) = bridge.processes()
    ask(bridge, directive(text="once"))
    bridge.wait_for(lambda s: s.pool.parked == 1)
    bridge.wait_for(lambda s: s.pool.warm == 1)
    assert bridge.processes() == [worker]


def test_spares_are_started_ahead_and_an_idle_pool_shrinks_to_one_and_grows_again(make_bridge: Make) -> None:
    bridge = make_bridge(pool_size=2, parked_sessions=0)
    snapshot = bridge.wait_until_warm(2)
    assert len(bridge.processes()) == 2
    assert snapshot.account.signed_in and snapshot.account.cli_version
    assert {"opus", "sonnet", "haiku"} <= {model.value for model in snapshot.models}
    assert bridge.standin.requests == [], "a spare must not ask the model anything"
    bridge.server.apply(load_settings({"port": 0, "pool_size": 2, "parked_sessions": 0, "idle_minutes": 1 / 60}))
    bridge.wait_for(lambda s: len(s.pool.sessions) == 1)
    bridge.server.apply(load_settings({"port": 0, "pool_size": 2, "parked_sessions": 0}))
    ask(bridge, directive(text="awake"))
    bridge.wait_until_warm(2)


def test_a_spare_that_dies_is_replaced(one_worker: Make) -> None:
    bridge = one_worker()
    (victim,) = bridge.processes()
    victim.kill()
    bridge.wait_for(lambda s: [p.pid for p in bridge.processes()] not in ([], [victim.pid]))
    bridge.wait_until_warm(1)
    assert ask(bridge, directive(text="alive")) == "alive"


def test_a_session_killed_in_mid_stream_is_one_error_and_nothing_else(one_worker: Make) -> None:
    bridge = one_worker()
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
