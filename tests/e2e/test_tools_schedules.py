"""Whatever a client does with calls and results, and when, each conversation ends in its own right answer.

A schedule is drawn at random: how many calls a round has, in which order their results come, which come twice or not
at all, whether the client dawdles, leaves, sends a request twice or one that is wrong, and whether the process that
waits is pushed out or killed meanwhile. What must come of it is written down as the schedule is played.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from typing import Any, Literal

import openai
import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.e2e.test_tools_rebuilt import assert_valid
from tests.e2e.upstream import turns
from tests.running_bridge import RunningBridge, directive, running_bridge
from tests.tool_loop import ToolConversation, Wire, call, function, result
from tray_bridge.standin import StandIn

WAIT = 0.6  # seconds that a session of these tests may wait
NO_RESULT = "No result was given for this call."
Event = Literal["nothing", "dawdle", "push out", "kill", "leave", "send twice", "send a wrong one"]
_numbers = itertools.count()


@dataclass(frozen=True)
class Round:
    """What the model calls, and what the client does about it. Numbers in `twice` and `missing` are calls."""

    calls: int
    order: int
    twice: frozenset[int]
    missing: frozenset[int]
    event: Event
    streamed: bool


numbers = st.frozensets(st.integers(0, 3), max_size=2)
events: st.SearchStrategy[Event] = st.sampled_from(
    ["nothing", "nothing", "dawdle", "push out", "kill", "leave", "send twice", "send a wrong one"]
)
rounds = st.builds(Round, st.integers(1, 4), st.integers(0, 99), numbers, numbers, events, st.booleans())
schedules = st.lists(st.lists(rounds, min_size=1, max_size=2), min_size=1, max_size=2)


@pytest.fixture(scope="module")
def hasty_bridge(running_standin: StandIn) -> Iterator[RunningBridge]:
    with running_bridge(running_standin, pool_size=2, suspended_minutes=WAIT / 60) as running:
        yield running


class Client(ToolConversation):
    """One conversation that is played by a schedule."""

    def __init__(self, bridge: RunningBridge, schedule: list[Round]) -> None:
        super().__init__(bridge, function("f"), function("g"))
        self.mark = f"done {next(_numbers)}"
        self.schedule = schedule
        self.expected: list[dict[str, str]] = []
        replies: list[Wire] = [
            {"text": f"{self.mark}: ", "tools": [call("fg"[n % 2], x=n, round=at) for n in range(each.calls)]}
            for at, each in enumerate(schedule)
        ]
        question = directive(**replies[0], then=[*replies[1:], {"text": self.mark}])
        self.messages.append({"role": "user", "content": question})
        self.send()

    def play(self, at: int) -> None:
        """Give the results of one round, and take what comes."""
        round_ = self.schedule[at]
        ids = self.calls
        assert len(ids) == round_.calls, self.messages
        names = [(each["function"]["name"], at) for each in self.messages[-1]["tool_calls"]]
        assert names == [("fg"[n % 2], at) for n in range(round_.calls)]
        missing = {n for n in round_.missing if n < round_.calls}
        if len(missing) == round_.calls:
            missing = set()
        said = {n: f"{self.mark}, round {at}, call {n}" for n in range(round_.calls) if n not in missing}
        given_: list[Wire] = [result(ids[n], text) for n, text in said.items()]
        random.Random(round_.order).shuffle(given_)
        given_[:0] = [result(ids[n], "not this one") for n in round_.twice if n in said]
        self.expected.append({ids[n]: said.get(n, NO_RESULT) for n in range(round_.calls)})
        self.disturb(round_.event, given_)
        self.messages += given_
        twin = copy(self)
        twin.messages = self.messages.copy()
        with ThreadPoolExecutor(1) as thread:
            sent = thread.submit(twin.send) if round_.event == "send twice" else None
            self.send(**({"stream": True} if round_.streamed else {}))
            assert sent is None or sent.result().content == self.messages[-1]["content"]

    def send(self, **options: Any) -> Any:
        """As every client of OpenAI does, try again on a 503: a busy machine can be too slow to start a process."""
        for left in (2, 1, 0):
            try:
                return self.stream() if options.get("stream") else super().send(**options)
            except openai.APIStatusError as error:
                if error.status_code != 503 or not left:
                    raise
        return None

    def stream(self) -> None:
        create: Any = self.bridge.client.chat.completions.create
        stream = create(**self.options, messages=self.messages, stream=True)
        text, calls = "", dict[int, Wire]()
        for chunk in stream:
            delta = chunk.choices[0].delta
            text += delta.content or ""
            for piece in delta.tool_calls or ():
                spec = calls.setdefault(
                    piece.index,
                    {"id": piece.id, "type": "function", "function": {"name": piece.function.name, "arguments": ""}},
                )
                spec["function"]["arguments"] += piece.function.arguments
        message: Wire = {"role": "assistant", "content": text}
        self.messages.append(message | {"tool_calls": list(calls.values())} if calls else message)

    def disturb(self, event: Event, given_: list[Wire]) -> None:
        """What happens between the call and its results."""
        pool = self.bridge.snapshot().pool
        if event == "dawdle":
            time.sleep(WAIT * 1.5)
        elif event == "push out":
            kept = self.bridge.server.settings
            self.bridge.server.apply(kept.model_copy(update={"suspended_sessions": 0}))
            self.bridge.server.apply(kept)
        elif event == "kill":
            for session in pool.sessions:
                if session.state == "suspended" and session.pid:
                    with suppress(psutil.NoSuchProcess):
                        psutil.Process(session.pid).kill()
        elif event == "leave":
            create: Any = self.bridge.client.chat.completions.create
            with create(**self.options, messages=self.messages + given_, stream=True) as stream:
                next(iter(stream))
        elif event == "send a wrong one":
            with pytest.raises(openai.BadRequestError, match="toolu_wrong"):
                ToolConversation.send(self, messages=[*self.messages, *given_, result("toolu_wrong")])

    def assert_right(self) -> None:
        assert self.messages[-1]["content"] == self.mark
        bodies = [dict(received.body) for received in self.bridge.standin.requests]
        mine = [body for body in bodies if turns(body)[0][1][-1]["text"] == self.messages[0]["content"]]
        assert mine
        for body in mine:
            assert_valid(body)
        given_ = [
            {block["tool_use_id"]: block["content"][0]["text"] for block in blocks}
            for role, blocks in turns(mine[-1])[2::2]
        ]
        assert given_ == self.expected


def play(bridge: RunningBridge, schedule: list[list[Round]]) -> None:
    bridge.standin.clear()
    clients = [Client(bridge, each) for each in schedule]
    for at in range(2):
        for client in clients:
            if at < len(client.schedule):
                client.play(at)
    for client in clients:
        client.assert_right()


def in_schedules(count: int) -> settings:
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],  # an example takes too long to be made smaller
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@given(schedule=schedules)
@in_schedules(5)
def test_a_schedule_ends_in_the_right_answer(hasty_bridge: RunningBridge, schedule: list[list[Round]]) -> None:
    play(hasty_bridge, schedule)


@pytest.mark.full
@pytest.mark.timeout(4 * 3600)
@given(schedule=schedules)
@in_schedules(500)
def test_500_schedules_end_in_the_right_answer(hasty_bridge: RunningBridge, schedule: list[list[Round]]) -> None:
    play(hasty_bridge, schedule)
    left = hasty_bridge.wait_for(lambda s: not s.pool.busy and not s.pool.queued)
    assert left.pool.suspended <= 4
