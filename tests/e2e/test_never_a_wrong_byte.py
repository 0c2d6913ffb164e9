"""Conversations of every kind, one after another on one process: each arrives upstream as if it were the only one.

What hypothesis makes up is asked of a pool of one worker. The body that came upstream is compared with the request,
for a sample also with the body that a fresh process sends for it, and it may hold no word of another conversation.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import re
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.e2e.upstream import Wire, plain, system_prompt, turns
from tests.running_bridge import directive
from tray_bridge.claude.pool import PoolConfig, SessionPool
from tray_bridge.claude.prompt import block_to_wire
from tray_bridge.claude.transport import LateBindingTransport
from tray_bridge.errors import TrayBridgeError
from tray_bridge.standin import StandIn
from tray_bridge.turns import Event, Image, Message, Text, TextDelta, Tool, ToolCallStarted, ToolResult, ToolUse, Turn

T = TypeVar("T")
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
IMAGE = Image("image/png", base64.b64encode(PIXEL).decode())
NOBODY = "00000000-0000-4000-8000-000000000000"  # the id of no line
SECRET = re.compile(r"secret-\d+")
SCHEMA: Wire = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
ENDINGS: dict[str, Wire] = {
    "words": {"text": "Fine."},
    "cut": {"text": "Cut", "stop_reason": "max_tokens"},
    "refused": {"refusal": True},
    "call": {"text": "I look.", "tools": [{"name": "look", "input": {"q": "x"}}]},
    "error": {"error": {"status": 400, "type": "invalid_request_error", "message": "no"}},
    "slow": {"words": 60, "rate": 200},
    "silent": {"text": "Late.", "first_delay": 0.2},
}
MOST_STARTS = 5
LATE = 200.0  # seconds: when a question about a rewind is answered at last, where it should not be waited for
NOT_STARTED = "Claude Code did not start"
FIELDS = {"structured": {"q": "x"}}  # what is answered where a schema asks for it
API_SCHEMA: Wire = {**SCHEMA, "additionalProperties": False}  # the Messages API takes it; the other one is bound
FORMATS: dict[str, Wire] = {"api": API_SCHEMA, "bound": SCHEMA}


@dataclass(frozen=True)
class Case:
    """A conversation: `past` rounds before its question, `given_up` after so many seconds, `again` asked once more."""

    system: int
    tools: int
    model: str
    effort: str | None
    limit: int | None
    past: int
    with_call: bool
    with_image: bool
    ending: str
    given_up: float | None
    again: bool
    keep: bool
    form: str = ""

    @property
    def schema(self) -> Wire | None:
        """Only an answer in words is held to a schema."""
        return FORMATS.get(self.form) if self.ending == "words" else None

    def turn(self, number: int) -> Turn:
        """Every text of it names conversation `number`."""
        secret = f"secret-{number}"
        tools = [Tool("look", f"Looks, {secret}.", SCHEMA), Tool(f"f{self.tools}", "Does it.", SCHEMA)]
        offered = tools[: self.tools] if self.ending != "call" else tools
        messages: list[Message] = []
        for i in range(self.past):
            messages += [user(f"{secret}: question {i}"), Message("assistant", (Text(f"{secret}: answer {i}"),))]
        if self.with_call and offered:
            call = ToolUse(f"toolu_{number}", "look", {"q": secret})
            messages += [user(f"{secret}: look"), Message("assistant", (call,))]
            messages += [Message("user", (ToolResult(call.id, (Text(f"{secret}: seen"),)),))]
            messages += [Message("assistant", (Text(f"{secret}: saw"),))]
        picture = (IMAGE,) if self.with_image else ()
        spec = ENDINGS[self.ending] if self.schema is None else FIELDS
        question = Text(f"{secret}: now\n{directive(**spec)}")
        messages += [Message("user", (*picture, question))]
        return Turn(
            self.model,
            tuple(messages),
            system=tuple(f"{secret}: rule {i}" for i in range(1, self.system + 1)),
            tools=tuple(offered),
            output_schema=self.schema,
            effort=self.effort,  # type: ignore[arg-type]
            max_tokens=self.limit,
            keep=self.keep,
        )


def user(text: str) -> Message:
    return Message("user", (Text(text),))


def rarely(usual: st.SearchStrategy[T], other: T) -> st.SearchStrategy[T]:
    """`other` once in eighty times: each time costs the start of a process."""
    return st.integers(0, 79).flatmap(lambda n: st.just(other) if n == 17 else usual)


cases = st.builds(
    Case,
    system=rarely(st.integers(1, 3), 0),  # a process that has had a system prompt never serves one without
    tools=st.integers(0, 2),
    model=st.sampled_from(["sonnet", "opus", "haiku"]),
    effort=st.sampled_from([None, "low", "high"]),
    limit=st.sampled_from([None, 100, 2000]),
    past=st.integers(0, 3),
    with_call=st.booleans(),
    with_image=st.booleans(),
    ending=st.sampled_from(["words", "words", "words", *ENDINGS]),
    given_up=st.sampled_from([None, None, 0.0, 0.002, 0.01, 0.03, 0.1]),
    again=st.integers(0, 3).map(lambda number: number == 3),
    keep=st.booleans(),
    form=rarely(st.sampled_from(["", "", "api"]), "bound"),  # nor does it leave a schema that it was bound to
)


@dataclass
class Bench:
    """Two pools in a loop of their own: `one` has a single worker, `fresh` a new process for each conversation."""

    standin: StandIn
    folder: Path
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    number: int = 0
    compared: int = 0

    def start(self) -> None:
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.one, self.fresh = self.do(self._open(reuse=True)), self.do(self._open(reuse=False))

    def stop(self) -> None:
        for pool in (self.one, self.fresh):
            self.do(pool.close())
        self.loop.call_soon_threadsafe(self.loop.stop)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(600)

    async def _open(self, *, reuse: bool) -> SessionPool:
        environment = {
            "ANTHROPIC_BASE_URL": self.standin.url,
            "ANTHROPIC_API_KEY": "test",
            "CLAUDE_CONFIG_DIR": str(self.folder / "config"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }
        size = 1 if reuse else 0
        config = PoolConfig(
            "sonnet",
            self.folder / "work",
            environment=environment,
            reuse=reuse,
            size=size,
            max_sessions=1,
            parked=size,
        )
        pool = SessionPool(config)
        await pool.open()
        return pool

    def pids(self) -> set[int]:
        return {session.pid for session in self.one.snapshot().sessions if session.pid}

    def run(self, found: list[Case], *, fresh: float = 0.062, most: float = math.inf) -> None:
        """Ask them all, one after the other, and fail for the first wrong byte.

        `fresh` is the share that a fresh process is asked, too, `most` how many that are at most.
        """
        for case in found:
            self.number += 1
            turn = case.turn(self.number)
            for _ in range(1 + case.again):
                body = self.ask(turn, case)
            if body is not None and self.compared < min(most, int(fresh * self.number)):
                self.compared += 1
                for _ in range(MOST_STARTS):
                    self.standin.clear()
                    self.do(_ask(self.fresh, turn, None if case.given_up is None else 5.0))
                    if other := self.question(turn):
                        break
                assert other is not None, "a fresh process asked nothing"
                if case.ending == "error":  # the CLI tries once more, and asks for no thinking to be shown
                    body, other = ({**each, "thinking": None} for each in (body, other))
                assert without_notes(body) == without_notes(other)

    def question(self, turn: Turn) -> Wire | None:
        """The request that asked the question of `turn`.

        Not one of the conversation before that comes late, nor one in which the CLI has begun to go on after a cut
        answer: it comes late, too, where the question is asked again and is given up before it is sent.
        """
        bodies = (dict(request.body) for request in self.standin.requests)
        mine = (body for body in bodies if _is_of(self.number, body))
        return next((body for body in mine if len(turns(body)) == len(turn.messages)), None)

    def ask(self, turn: Turn, case: Case) -> Wire | None:
        for _ in range(MOST_STARTS):
            self.standin.clear()
            said = self.do(_ask(self.one, turn, case.given_up))
            if NOT_STARTED not in said:  # as on a machine that has no time for it
                break
        own = f"secret-{self.number}"
        assert set(SECRET.findall(said)) <= {own}
        bodies = [dict(request.body) for request in self.standin.requests]
        for each in bodies:
            assert len(set(SECRET.findall(json.dumps(each)))) == 1, "a word of another conversation"
        expected = [(m.role, plain([block_to_wire(block) for block in m.content])) for m in turn.messages]
        for each in bodies:  # after a cut answer the CLI may have begun to go on by itself
            assert not _is_of(self.number, each) or turns(each)[: len(expected)] == expected
        if (body := self.question(turn)) is None:
            assert case.given_up is not None, "nothing was asked"
            return None
        assert system_prompt(body) == "\n\n".join(turn.system)
        form = (body.get("output_config") or {}).get("format")
        assert form == ({"type": "json_schema", "schema": API_SCHEMA} if case.schema is API_SCHEMA else None)
        tools = body.get("tools") or ()
        own_way = [tool for tool in tools if tool["name"] in ("StructuredOutput", "DeferredToolPlaceholder")]
        assert bool(own_way) == (case.schema is SCHEMA)
        offered = [(t["name"], t["description"], t["input_schema"]) for t in tools if t not in own_way]
        assert offered == sorted((tool.name, tool.description, tool.input_schema) for tool in turn.tools)
        if turn.max_tokens is not None:
            assert body["max_tokens"] == turn.max_tokens
        assert turn.model in body["model"]
        if case.given_up is None and case.ending == "words":
            assert said == "Fine." if case.schema is None else json.loads(said) == {"q": "x"}
        return body


def _is_of(number: int, body: Any) -> bool:
    return f"secret-{number}" in SECRET.findall(json.dumps(body))


async def _ask(pool: SessionPool, turn: Turn, seconds: float | None) -> str:
    """What was answered, errors included; a turn is given up after so many seconds."""

    async def read() -> None:
        async with aclosing(pool.ask(turn)) as events:
            async for event in events:
                said.append(event)  # noqa: PERF401 - what was said before the end must be there

    said: list[Event | str] = []
    try:
        await asyncio.wait_for(read(), seconds)
    except asyncio.TimeoutError:
        pass
    except TrayBridgeError as error:
        said.append(str(error))
    return "".join(
        event.text if isinstance(event, TextDelta) else event.name if isinstance(event, ToolCallStarted) else event
        for event in said
        if isinstance(event, (TextDelta, ToolCallStarted, str))
    )


def without_notes(body: Any) -> Any:
    """A body without what belongs to the process: the session's id, and where the note on the surroundings stands.

    Nor with what the CLI adds to a tool's own words: it is not there where tools are replaced in the body.
    """
    kept = {key: value for key, value in body.items() if key not in ("metadata", "messages", "tools")}
    tools = [{key: tool[key] for key in ("name", "description", "input_schema")} for tool in body.get("tools") or ()]
    return plain({**kept, "messages": turns(body), "tools": tools})


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with StandIn() as standin:
        found = Bench(standin, tmp_path_factory.mktemp("bench"))
        found.start()
        yield found
        found.stop()


def property_of(found: Bench, examples: int, length: int, fresh: float, most: float = math.inf) -> Callable[[], None]:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(cases, min_size=length, max_size=length))
    def run(made: list[Case]) -> None:
        found.run(made, fresh=fresh, most=most)
        print(f"{found.number} conversations, {found.compared} of them also asked of a fresh worker", flush=True)

    return run


@pytest.mark.timeout(1800)
def test_no_conversation_is_changed_by_those_before_it(bench: Bench) -> None:
    property_of(bench, 20, 25, 0.066, most=30)()  # early enough: of one that is given up at once there is no body
    assert bench.number >= 500
    assert dict(bench.one.snapshot().taken)["reset"] >= 250, "most were answered by a worker that was reset"
    assert bench.compared >= 30


@pytest.mark.full
@pytest.mark.timeout(0)
def test_no_conversation_of_very_many_is_changed_by_those_before_it(bench: Bench) -> None:
    property_of(bench, 800, 25, 0.1)()


SIMPLE = Case(1, 1, "sonnet", None, None, 1, False, False, "words", None, again=False, keep=True)


def lying(control: Any, *, asks: bool) -> Any:
    """`control` that calls every rewind proved: one that was never asked for, or one that the CLI refused."""

    async def lie(self: LateBindingTransport, **request: Any) -> dict[str, Any]:
        if request["subtype"] != "rewind_conversation":
            return dict(await control(self, **request))
        if asks:
            answer = await control(self, **{**request, "last_seen_user_message_uuid": NOBODY})
            assert answer["rewound"] is False, "the CLI refuses with a success"
        return {"rewound": True, "precedingAssistantUuid": None}

    return lie


def refused(control: Any) -> Any:
    async def refuse(self: LateBindingTransport, **request: Any) -> dict[str, Any]:
        if request["subtype"] == "rewind_conversation":
            request["last_seen_user_message_uuid"] = NOBODY
        return dict(await control(self, **request))

    return refuse


@pytest.mark.parametrize(
    "asks", [pytest.param(False, marks=pytest.mark.full), True], ids=["rewind skipped", "success believed"]
)
def test_a_worker_that_is_not_rewound_is_caught(bench: Bench, monkeypatch: pytest.MonkeyPatch, asks: bool) -> None:
    bench.run([SIMPLE])
    with monkeypatch.context() as patch:
        patch.setattr(LateBindingTransport, "control", lying(LateBindingTransport.control, asks=asks))
        with pytest.raises(AssertionError, match="another conversation"):
            bench.run([SIMPLE] * 3)
    for pid in bench.pids():  # what it holds is wrong from now on
        psutil.Process(pid).kill()
    bench.run([SIMPLE] * 3)


def unanswered(control: Any) -> Any:
    async def say_nothing(self: LateBindingTransport, **request: Any) -> dict[str, Any]:
        if request["subtype"] == "rewind_conversation":
            await asyncio.sleep(LATE)
        return dict(await control(self, **request))

    return say_nothing


@pytest.mark.parametrize("way", [refused, pytest.param(unanswered, marks=pytest.mark.full)])
def test_a_rewind_that_is_not_proved_costs_the_process_and_the_client_notices_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, way: Callable[[Any], Any]
) -> None:
    bench.run([SIMPLE])
    before = bench.pids()
    monkeypatch.setattr(LateBindingTransport, "control", way(LateBindingTransport.control))
    began = time.monotonic()
    bench.run([SIMPLE])
    assert time.monotonic() - began < LATE, "the client waited for an answer about the rewind"
    assert before and not before & bench.pids()
