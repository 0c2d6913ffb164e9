"""How a fault is watched: who else was under way, what the client saw, and how long until all was well."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import openai
import psutil
import pytest

from tests.running_bridge import RunningBridge, directive, wait_for
from tray_bridge.server.run import PUBLISH_SECONDS
from tray_bridge.snapshots import PoolSnapshot, SessionSnapshot, SessionState

HEALTHY_SECONDS = 5.0
_numbers = itertools.count(1)


def bound(seconds: float) -> float:
    """`seconds` on a quiet machine; on one with more work than cores, as much longer as everything takes there."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return seconds * max(1.0, 1.5 * load / (os.cpu_count() or 1))


def question(**spec: object) -> list[Any]:
    """A conversation that no other is like."""
    return [{"role": "user", "content": f"Question {next(_numbers)}\n{directive(**spec)}"}]


def ask(bridge: RunningBridge, messages: list[Any] | None = None, **options: Any) -> str:
    """One question and its answer; without messages, one whose answer is known."""
    asked = messages or question(text="well")
    with openai.OpenAI(base_url=bridge.base_url, api_key="x", max_retries=0, timeout=bound(60)) as client:
        completion = client.chat.completions.create(**{"model": "sonnet", "messages": asked, **options})
    return str(completion.choices[0].message.content)


@contextmanager
def stream(bridge: RunningBridge, **spec: object) -> Iterator[Iterator[str]]:
    """A slow answer under way; gives the texts that follow the first."""
    asked = question(**{"words": 400, "rate": 20, **spec})
    with openai.OpenAI(base_url=bridge.base_url, api_key="x", max_retries=0, timeout=bound(60)) as client:
        chunks: Any = client.chat.completions.create(model="sonnet", messages=asked, stream=True)
        texts = (chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        while not next(texts):
            pass
        yield texts
        chunks.close()


@contextmanager
def bystander(bridge: RunningBridge, words: int = 40) -> Iterator[None]:
    """Another client's answer under way the while: it must arrive whole."""
    got: list[str] = []
    began = threading.Event()

    def read() -> None:
        with openai.OpenAI(base_url=bridge.base_url, api_key="x", max_retries=0, timeout=bound(60)) as client:
            asked: Any = question(words=words, rate=20)
            chunks: Any = client.chat.completions.create(model="sonnet", messages=asked, stream=True)
            for chunk in chunks:
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    got.append(text)
                    began.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert began.wait(bound(30))
    try:
        yield
    finally:
        reader.join(bound(60))
    assert "".join(got).split() == [f"word{n}" for n in range(1, words + 1)]


def pool_now(bridge: RunningBridge) -> PoolSnapshot:
    """The pool with all that had changed before this call: a change is told after a tenth of a second at most."""
    time.sleep(1.5 * PUBLISH_SECONDS)
    return bridge.snapshot().pool


def session_process(bridge: RunningBridge, *states: SessionState) -> psutil.Process:
    """The process of the session that was the last to enter one of these states."""

    def in_state() -> list[SessionSnapshot]:
        return [s for s in pool_now(bridge).sessions if s.state in states and s.pid]

    sessions = wait_for(in_state, bound(20))
    return psutil.Process(max(sessions, key=lambda session: session.since).pid)


def ready(pool: PoolSnapshot) -> int:
    """How many processes could take a request: those that rest after one could, too."""
    return pool.warm + pool.fitting + pool.parked + pool.suspended


def healthy_again(bridge: RunningBridge, since: float, spares: int = 2, asked: list[Any] | None = None) -> float:
    """Seconds from `since` until all spares are there, nothing is amiss and a new question was answered.

    To be called while the others are still under way: it is not their time that is measured.
    """
    limit = bound(HEALTHY_SECONDS)

    def is_healthy() -> bool:
        pool = pool_now(bridge)
        return ready(pool) >= spares and not pool.problem and not pool.queued

    wait_for(is_healthy, since + limit - time.monotonic())
    assert ask(bridge, asked) == "well"
    seconds = time.monotonic() - since
    assert seconds < limit
    return seconds


def refusal(call: Callable[[], object]) -> openai.APIStatusError:
    """The error that a client gets."""
    with pytest.raises(openai.APIStatusError) as caught:
        call()
    return caught.value


def told(error: openai.APIError) -> str:
    """An error as the report tells it."""
    status = getattr(error, "status_code", None)
    words = str(error.body["message"]) if isinstance(error.body, dict) else error.message
    words = words if len(words) < 250 else f"{words[:100]}…{words[-100:]}"
    return f"{status} “{words}”" if status else f"an error event: “{words}”"
