"""Whatever the CLI's program may print: each request is answered or refused, nothing hangs, and nothing grows."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.resilience.fault_report import FaultReport
from tests.resilience.faults import bound
from tests.resilience.test_wrong_program import Program
from tests.resilience.wrong_claude import SCRAPS, WORDS
from tests.running_bridge import RunningBridge
from tray_bridge.bridge.all_dialects import DIALECTS
from tray_bridge.bridge.answer import AnswerShaper, WholeAnswer
from tray_bridge.bridge.dialect import Reading, Stamp
from tray_bridge.claude.answer import AnswerReader
from tray_bridge.claude.process_binding import NOT_UNDERSTOOD
from tray_bridge.errors import TrayBridgeError
from tray_bridge.turns import Event, TurnEnded

Make = Callable[..., RunningBridge]
PROPERTY = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

SCRAP = st.sampled_from(SCRAPS)
TEXT = st.text(max_size=5)
USAGE = st.dictionaries(
    st.sampled_from(["input_tokens", "output_tokens", "cache_read_input_tokens", "output_tokens_details"]),
    st.integers() | st.floats() | SCRAP,
)


def shape(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A mapping with these keys, any of which may be missing or hold a scrap."""
    odd = {key: value | SCRAP for key, value in values.items()}
    return st.fixed_dictionaries({}, optional=odd) | st.fixed_dictionaries(values)


KINDS = st.sampled_from(WORDS["block"])
BLOCK = shape(type=KINDS, text=TEXT, thinking=TEXT, id=TEXT, name=st.sampled_from(["look", "StructuredOutput", "x"]))
DELTA = shape(
    type=KINDS,
    text=TEXT,
    thinking=TEXT,
    partial_json=st.sampled_from(['{"a":', "1}", "{}", "["]),
    stop_reason=st.sampled_from(WORDS["reason"]),
)
EVENT = shape(
    type=st.sampled_from([*WORDS["event"], "message_stop"]),
    message=shape(model=TEXT, usage=USAGE),
    content_block=BLOCK,
    delta=DELTA,
    usage=USAGE,
)
LINE = st.one_of(
    *[shape(type=st.just("stream_event"), event=EVENT)] * 4,
    shape(type=st.just("result"), is_error=st.booleans(), result=TEXT, errors=st.lists(TEXT), api_error_status=SCRAP),
    shape(type=st.just("assistant"), error=TEXT),
    shape(type=st.just("system"), subtype=st.just("api_retry"), retry_delay_ms=st.floats(), error_status=SCRAP),
    shape(type=st.just("system"), subtype=st.just("init"), tools=st.lists(TEXT)),
    shape(type=st.just("rate_limit_event"), rate_limit_info=shape(status=st.just("rejected"), resetsAt=st.floats())),
    st.dictionaries(TEXT, SCRAP),
)


def relay(lines: list[Any], *, structured: bool, demanded: bool) -> tuple[int, str]:
    """From the CLI's lines to what a client gets, as a session and the endpoint do it.

    Gives how many were read, and what came of them.
    """
    body = {"messages": [{"role": "user", "content": "Hello"}], "stream_options": {"include_usage": True}}
    dialect, stamp = DIALECTS[0], Stamp("x", 1)
    asked = dialect.read(body, Reading(lambda name: name))
    shaper, writer, whole = AnswerShaper(asked, streamed=True), dialect.writer(asked, stamp, 0), WholeAnswer(asked)
    reader = AnswerReader(frozenset({"look"}), structured=structured, demanded=demanded)
    events: list[Event] = []
    for count, line in enumerate(lines, 1):
        try:
            found = reader.read(line)
        except (TrayBridgeError, *NOT_UNDERSTOOD):
            return count, "an error that is told"
        events += found
        for event in found:
            whole.add(event)
            for shaped in shaper.shape(event):
                writer.write(shaped)
        if reader.rest is not None:
            assert isinstance(events[-1], TurnEnded)
            reader.answer_message()
            dialect.whole(asked, stamp, [whole.events()])
            return count, "an answer"
    return len(lines), "an answer that goes on"


LINES = st.lists(LINE, max_size=12)


@PROPERTY
@given(LINES, st.booleans(), st.booleans())
def test_whatever_lines_come_they_are_an_answer_or_an_error(lines: list[Any], structured: bool, demanded: bool) -> None:
    relay(lines, structured=structured, demanded=demanded)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_100_000_arbitrary_lines(report: FaultReport) -> None:
    read = 0
    came: Counter[str] = Counter()

    def relay_and_count(lines: list[Any], structured: bool, demanded: bool) -> None:
        nonlocal read
        count, what = relay(lines, structured=structured, demanded=demanded)
        read += count
        came[what] += 1

    while read < 100_000:  # each time from the beginning: hypothesis keeps all that it has tried
        run = given(LINES, st.booleans(), st.booleans())(relay_and_count)
        settings(PROPERTY, derandomize=False, database=None, max_examples=1_000)(run)()
    told = ", ".join(f"{count:,} × {what}" for what, count in sorted(came.items()))
    assert min(came.values()) > 1000, told
    report.add("fuzz", "lines of Claude Code’s protocol (hypothesis), as answers", told, figure=f"{read:,}")


async def babble(bridge: RunningBridge, turns: int, lines: int) -> Counter[str]:
    """What came of so many turns with a program that talks nonsense."""
    seen: Counter[str] = Counter()
    slots = asyncio.Semaphore(4)

    async def one(client: openai.AsyncOpenAI, number: int) -> None:
        messages: Any = [{"role": "user", "content": f"babble {number} {lines}"}]
        async with slots:
            try:
                if number % 2:
                    await client.chat.completions.create(model="sonnet", messages=messages)
                else:
                    async with await client.chat.completions.create(
                        model="sonnet", messages=messages, stream=True
                    ) as chunks:
                        async for _ in chunks:
                            pass
            except openai.APIConnectionError:  # a hang, or no answer at all
                raise
            except openai.APIStatusError as error:
                assert error.status_code != 500, error
                assert not isinstance(error.body, dict) or error.body["message"]
                seen["refused"] += 1
            except openai.APIError as error:
                assert "error of its own" not in str(error)
                seen["broken off"] += 1
            else:
                seen["answered"] += 1

    async with openai.AsyncOpenAI(base_url=bridge.base_url, api_key="x", max_retries=0, timeout=bound(60)) as client:
        await asyncio.gather(*(one(client, number) for number in range(turns)))
    return seen


async def check_babble(make_bridge: Make, folder: Path, report: FaultReport, turns: int, lines: int) -> None:
    program = Program(folder)
    settings_ = {"pool_size": 2, "claude_timeout": round(bound(5)), "parked_sessions": 0, "log_mode": "off"}
    bridge = await asyncio.to_thread(make_bridge, cli_path=program.path, **settings_)
    began = time.monotonic()
    await babble(bridge, turns // 4, lines)  # what is loaded once is loaded now
    megabytes = psutil.Process().memory_info().rss / 2**20
    seen = await babble(bridge, turns, lines)
    grown = psutil.Process().memory_info().rss / 2**20 - megabytes
    assert grown < 60
    async with openai.AsyncOpenAI(base_url=bridge.base_url, api_key="x", max_retries=0) as client:
        messages: Any = [{"role": "user", "content": "say sense"}]
        answer = await client.chat.completions.create(model="sonnet", messages=messages)
    assert answer.choices[0].message.content == "sense"
    report.add(
        "fuzz",
        f"answers of {lines} lines of nonsense each, through the whole server ({time.monotonic() - began:.0f} s)",
        f"{seen['answered']} answers, {seen['refused']} refusals, {seen['broken off']} streams that end with an error; "
        "no 500, no hang",
        figure=f"{turns:,}",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs programs that are scripts")
async def test_a_program_that_talks_nonsense_harms_nobody(
    make_bridge: Make, tmp_path: Path, report: FaultReport, caplog: pytest.LogCaptureFixture
) -> None:
    await check_babble(make_bridge, tmp_path, report, turns=8, lines=60)
    forgotten = [record.getMessage() for record in caplog.records if record.name == "asyncio"]
    if sys.version_info < (3, 11):  # there asyncio itself forgets the error of a pipe to a process that has ended
        forgotten = [message for message in forgotten if "BrokenPipeError" not in message]
    assert forgotten == []  # a task's error that is not looked at keeps its session in memory


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.skipif(sys.platform == "win32", reason="needs programs that are scripts")
async def test_many_answers_of_nonsense(make_bridge: Make, tmp_path: Path, report: FaultReport) -> None:
    await check_babble(make_bridge, tmp_path, report, turns=400, lines=100)
