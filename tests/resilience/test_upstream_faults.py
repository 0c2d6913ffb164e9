"""The Messages API behind the CLI is away, slow, breaks off, or has too much to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from tests.resilience.fault_report import FaultReport
from tests.resilience.faults import ask, bystander, healthy_again, question, refusal, stream, told
from tests.running_bridge import RunningBridge, running_bridge
from tray_bridge.standin import StandIn

Make = Callable[..., RunningBridge]


@pytest.fixture
def own_standin(home: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """One that may be stopped: the others' tests need theirs."""
    with StandIn() as running:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        yield running


def test_upstream_down_and_back(own_standin: StandIn, report: FaultReport) -> None:
    port = int(own_standin.url.rpartition(":")[2])
    with running_bridge(own_standin, pool_size=1) as bridge:
        bridge.wait_until_warm(1)
        with stream(bridge) as texts:
            own_standin.stop()
            with pytest.raises(openai.APIError) as broken:
                list(texts)
        error = refusal(lambda: ask(bridge))
        assert error.status_code >= 500
        assert error.response.headers["x-should-retry"] == "true"
        since = time.monotonic()
        with StandIn(port):
            seconds = healthy_again(bridge, since, spares=1)
    report.add("upstream", "goes away in the middle of an answer", told(broken.value), seconds)
    report.add("upstream", "refuses connections", told(error), seconds)


def test_upstream_slow(steady: RunningBridge, report: FaultReport) -> None:
    began = time.monotonic()
    with bystander(steady):
        assert ask(steady, question(text="at last", first_delay=3)) == "at last"
        seconds = healthy_again(steady, time.monotonic())
    assert time.monotonic() - began >= 3
    report.add("upstream", "says nothing for 3 s", "its answer", seconds)


@pytest.mark.usefixtures("short_silence")
def test_upstream_silent(steady: RunningBridge, bridge_with: Make, report: FaultReport) -> None:
    limit = 4
    bridge = bridge_with(claude_timeout=limit)  # processes that run already keep to it, too
    assert bridge is steady
    with bystander(bridge), stream(bridge, hang_after=3) as texts:
        with pytest.raises(openai.APIError, match="Nothing came") as caught:
            list(texts)
        seconds = healthy_again(bridge, time.monotonic())
    report.add("upstream", f"falls silent in mid-stream (the limit was {limit} s)", told(caught.value), seconds)


@pytest.mark.full
def test_upstream_resets_once(steady: RunningBridge, report: FaultReport) -> None:
    with bystander(steady):
        asked = question(words=30, break_after=10, break_times=1)
        assert ask(steady, asked).split() == [f"word{n}" for n in range(1, 31)]
        seconds = healthy_again(steady, time.monotonic())
    report.add("upstream", "resets the connection once in the middle of a whole answer", "its answer, once", seconds)


def test_upstream_resets_a_stream_once(steady: RunningBridge, report: FaultReport) -> None:
    """The CLI asks again and gets the same answer: the client sees each word once, or some of them and an error.

    Which of the two depends on how many words the CLI had passed on when the connection broke.
    """
    words = [f"word{n}" for n in range(1, 31)]
    texts: list[str] = []
    broken: openai.APIError | None = None
    with bystander(steady):
        asked: Any = question(words=30, break_after=10, break_times=1)
        chunks: Any = steady.client.chat.completions.create(model="sonnet", messages=asked, stream=True)
        try:
            texts.extend(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        except openai.APIError as error:
            broken = error
        got = "".join(texts).split()
        assert got == words[: len(got)]
        assert broken is not None or got == words
        seconds = healthy_again(steady, time.monotonic())
    report.add("upstream", "resets the connection once in mid-stream", "each word once, or an error", seconds)


def test_upstream_resets_each_time(steady: RunningBridge, report: FaultReport) -> None:
    with bystander(steady), stream(steady, words=30, break_after=10) as texts:
        with pytest.raises(openai.APIError) as caught:
            list(texts)
        seconds = healthy_again(steady, time.monotonic())
    report.add("upstream", "resets the connection in mid-stream each time", told(caught.value), seconds)


def test_upstream_fails_in_mid_stream(steady: RunningBridge, report: FaultReport) -> None:
    failing = {"error_event_after": 10, "error": {"type": "api_error", "message": "Internal server error"}}
    with bystander(steady), stream(steady, words=30, **failing) as texts:
        with pytest.raises(openai.APIError) as caught:
            list(texts)
        seconds = healthy_again(steady, time.monotonic())
    report.add("upstream", "ends the stream with an error", told(caught.value), seconds)


@pytest.mark.parametrize(
    ("status", "kind"), [(429, "rate_limit_error"), pytest.param(529, "overloaded_error", marks=pytest.mark.full)]
)
async def test_a_storm_of_refusals_hits_each_and_nobody_else(
    steady: RunningBridge, report: FaultReport, status: int, kind: str
) -> None:
    error = {"status": status, "type": kind, "message": "Too much at once", "retry_after": 20}
    storm, others = 4, 2

    async def one(client: openai.AsyncOpenAI, number: int) -> str | openai.APIStatusError:
        spec: dict[str, Any] = {"error": error} if number < storm else {"text": f"answer {number}"}
        try:
            answer = await client.chat.completions.create(model="sonnet", messages=question(**spec))
        except openai.APIStatusError as refused:
            return refused
        return str(answer.choices[0].message.content)

    async with steady.async_client() as client:
        results = await asyncio.gather(*(one(client, number) for number in range(storm + others)))
    for refused in results[:storm]:
        assert isinstance(refused, openai.APIStatusError)
        assert refused.status_code == status
        assert 20 <= int(refused.response.headers["retry-after"]) <= 26
    assert results[storm:] == [f"answer {number}" for number in range(storm, storm + others)]
    seconds = await asyncio.to_thread(healthy_again, steady, time.monotonic())
    first = results[0]
    assert isinstance(first, openai.APIStatusError)
    seen = f"{told(first)}, with `retry-after`; {others} others under way, each its own answer"
    report.add("upstream", f"answers {storm} requests at once with {status}", seen, seconds)
