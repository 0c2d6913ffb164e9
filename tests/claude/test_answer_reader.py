"""What the CLI prints → events: a table of the cases that recorded transcripts do not have."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from tray_bridge.claude.answer import MOST_REFUSED, AnswerReader
from tray_bridge.claude.failures import ASSUMED_RETRY_WAIT
from tray_bridge.errors import OutputSchemaError, ToolSchemaError, UpstreamError
from tray_bridge.turns import (
    Event,
    Message,
    RedactedThinking,
    Restarted,
    Text,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolCallDelta,
    ToolCallStarted,
    ToolUse,
    TurnEnded,
    TurnStarted,
    Usage,
)

STARTED, ENDED = TurnStarted("m", Usage(7)), TurnEnded("end_turn", Usage(7, 2))
Line = dict[str, Any]


def stream(kind: str, **fields: Any) -> Line:
    return {"type": "stream_event", "event": {"type": kind, **fields}}


def start() -> Line:
    return stream("message_start", message={"model": "m", "usage": {"input_tokens": 7}})


def block(index: int, kind: str, **fields: Any) -> Line:
    return stream("content_block_start", index=index, content_block={"type": kind, **fields})


def delta(index: int, **fields: Any) -> Line:
    return stream("content_block_delta", index=index, delta=fields)


def stop(index: int) -> Line:
    return stream("content_block_stop", index=index)


def end(reason: str | None = "end_turn") -> list[Line]:
    return [stream("message_delta", delta={"stop_reason": reason}, usage={"output_tokens": 2}), stream("message_stop")]


def text(*pieces: str, index: int = 0) -> list[Line]:
    return [block(index, "text", text=""), *(delta(index, text=piece) for piece in pieces), stop(index)]


def call(index: int, *pieces: str, name: str = "f") -> list[Line]:
    opened = block(index, "tool_use", id=f"toolu_{index}", name=name)
    return [opened, *(delta(index, partial_json=piece) for piece in pieces), stop(index)]


def read(reader: AnswerReader, lines: Sequence[Line]) -> list[Event]:
    return [event for line in lines for event in reader.read(line)]


def reader(**more: bool) -> AnswerReader:
    return AnswerReader(frozenset({"f", "g"}), **more)


def test_each_text_has_its_citations_where_they_are_wanted() -> None:
    place = {"type": "char_location", "cited_text": "b", "document_index": 0}
    cited = [block(1, "text", text=""), delta(1, text="b"), delta(1, type="citations_delta", citation=place), stop(1)]
    lines = [start(), *text("a"), *cited, *text("c", index=2), *end()]
    plain = [STARTED, TextDelta("a"), TextDelta("b"), TextDelta("c"), ENDED]
    assert read(reader(), lines) == plain
    ends = {1: TextEnded(), 2: TextEnded((place,)), 3: TextEnded()}
    wanted = [each for at, event in enumerate(plain) for each in (event, *filter(None, [ends.get(at)]))]
    assert read(reader(cites=True), lines) == wanted


TABLE: dict[str, tuple[list[Line], list[Event], str | None]] = {
    "text": ([start(), *text("a", "b"), *end()], [STARTED, TextDelta("a"), TextDelta("b"), ENDED], "clean"),
    "text that stands in the block's start": (
        [start(), block(0, "text", text="a"), stop(0), *end()],
        [STARTED, TextDelta("a"), ENDED],
        "clean",
    ),
    "an empty piece is no event": ([start(), *text("", "a"), *end()], [STARTED, TextDelta("a"), ENDED], "clean"),
    "only white space is no answer": ([start(), *text(" "), *end()], [STARTED, TextDelta(" "), ENDED], "spent"),
    "thinking with its proof": (
        [
            start(),
            block(0, "thinking", thinking=""),
            delta(0, thinking="h"),
            delta(0, signature="s"),
            delta(0, signature="t"),
            stop(0),
            *text("a", index=1),
            *end(),
        ],
        [STARTED, ThinkingDelta("h"), ThinkingEnded("st"), TextDelta("a"), ENDED],
        "clean",
    ),
    "the proof of one block is not the next one's": (
        [start(), block(0, "thinking", signature="s"), stop(0), block(1, "thinking"), stop(1), *text("a", index=2)],
        [STARTED, ThinkingEnded("s"), ThinkingEnded(""), TextDelta("a")],
        None,
    ),
    "thinking that is encrypted": (
        [start(), block(0, "redacted_thinking", data="x"), stop(0), *text("a", index=1)],
        [STARTED, RedactedThinking("x"), TextDelta("a")],
        None,
    ),
    "calls": (
        [start(), *call(0, '{"a"', ":1}"), *call(1, name="g"), *end("tool_use")],
        [
            STARTED,
            ToolCallStarted(0, "toolu_0", "f"),
            ToolCallDelta(0, '{"a"'),
            ToolCallDelta(0, ":1}"),
            ToolCallStarted(1, "toolu_1", "g"),
            TurnEnded("tool_use", Usage(7, 2)),
        ],
        "suspended",
    ),
    "a call of another tool is not shown": (
        [start(), *call(0, "{}", name="other"), *text("a", index=1)],
        [STARTED, TextDelta("a")],
        None,
    ),
    "blocks that come interleaved are passed on one by one": (
        [
            start(),
            block(0, "text", text=""),
            block(1, "tool_use", id="toolu_1", name="f"),
            delta(1, partial_json="{}"),
            delta(0, text="a"),
            stop(1),
            stop(0),
            *end("tool_use"),
        ],
        [
            STARTED,
            TextDelta("a"),
            ToolCallStarted(0, "toolu_1", "f"),
            ToolCallDelta(0, "{}"),
            TurnEnded("tool_use", Usage(7, 2)),
        ],
        "suspended",
    ),
    "a block that never stopped ends with its message": (
        [start(), block(0, "thinking", thinking="h"), block(1, "text", text="a"), *end()],
        [STARTED, ThinkingDelta("h"), ThinkingEnded(""), TextDelta("a"), ENDED],
        "clean",
    ),
    "a piece of no block is dropped": (
        [start(), delta(3, text="?"), stop(3), *text("a")],
        [STARTED, TextDelta("a")],
        None,
    ),
    "a message that begins while one is open begins the answer again": (
        [start(), *text("a"), start(), *text("b"), *end()],
        [STARTED, TextDelta("a"), Restarted(), TextDelta("b"), ENDED],
        "clean",
    ),
    "nothing was said, so nothing is void": ([start(), start(), *text("b")], [STARTED, TextDelta("b")], None),
    "thinking that had no text is void too when the answer begins again": (
        [start(), block(0, "thinking", signature="s"), stop(0), start(), *text("b")],
        [STARTED, ThinkingEnded("s"), Restarted(), TextDelta("b")],
        None,
    ),
    "encrypted thinking is void too": (
        [start(), block(0, "redacted_thinking", data="x"), stop(0), start(), *text("b")],
        [STARTED, RedactedThinking("x"), Restarted(), TextDelta("b")],
        None,
    ),
    "thinking with a text is void too": (
        [start(), block(0, "thinking", thinking="h"), start(), *text("b")],
        [STARTED, ThinkingDelta("h"), Restarted(), TextDelta("b")],
        None,
    ),
    "the reason of a message that broke off is not the next one's": (
        [start(), *text("a"), end()[0], start(), *text("b"), stream("message_stop")],
        [STARTED, TextDelta("a"), Restarted(), TextDelta("b")],
        None,
    ),
    "a call that was void has left no arguments": (
        [start(), *call(0, '{"a":1}'), start(), *call(0, '{"b":2}'), *end("tool_use")],
        [
            STARTED,
            ToolCallStarted(0, "toolu_0", "f"),
            ToolCallDelta(0, '{"a":1}'),
            Restarted(),
            ToolCallStarted(0, "toolu_0", "f"),
            ToolCallDelta(0, '{"b":2}'),
            TurnEnded("tool_use", Usage(7, 2)),
        ],
        "suspended",
    ),
    "two calls with one id are told apart, and the CLI cannot go on from them": (
        [start(), *call(0), *call(0, name="g"), *end("tool_use")],
        [
            STARTED,
            ToolCallStarted(0, "toolu_0", "f"),
            ToolCallStarted(1, "toolu_0-2", "g"),
            TurnEnded("tool_use", Usage(7, 2)),
        ],
        "spent",
    ),
    "arguments in the start of a call reach the client, and the CLI cannot go on from them": (
        [start(), block(0, "tool_use", id="toolu_0", name="f", input={"a": 1}), stop(0), *end("tool_use")],
        [
            STARTED,
            ToolCallStarted(0, "toolu_0", "f"),
            ToolCallDelta(0, '{"a": 1}'),
            TurnEnded("tool_use", Usage(7, 2)),
        ],
        "spent",
    ),
    "arguments that come in pieces too are not passed on twice": (
        [
            start(),
            block(0, "tool_use", id="toolu_0", name="f", input={"a": 1}),
            delta(0, partial_json="{}"),
            stop(0),
            *end("tool_use"),
        ],
        [STARTED, ToolCallStarted(0, "toolu_0", "f"), ToolCallDelta(0, "{}"), TurnEnded("tool_use", Usage(7, 2))],
        "suspended",
    ),
    "a call that is announced and does not come leaves the text as the answer": (
        [start(), *text("a"), *end("tool_use")],
        [STARTED, TextDelta("a"), ENDED],
        "spent",
    ),
    "a call that is announced, with neither call nor text, is waited for": (
        [start(), *text(" "), *end("tool_use")],
        [STARTED, TextDelta(" ")],
        None,
    ),
    "a text beside a call of another tool is no answer yet": (
        [start(), *text("a"), *call(1, "{}", name="other"), *end("tool_use")],
        [STARTED, TextDelta("a")],
        None,
    ),
    "a message without a reason is not the end": ([start(), *text("a"), *end(None)], [STARTED, TextDelta("a")], None),
    "a reason that is not known is a plain end": (
        [start(), *text("a"), *end("new")],
        [STARTED, TextDelta("a"), ENDED],
        "clean",
    ),
    **{
        reason: ([start(), *text("a"), *end(reason)], [STARTED, TextDelta("a"), TurnEnded(reason, Usage(7, 2))], rest)  # type: ignore[arg-type]
        for reason, rest in {
            "max_tokens": "spent",
            "model_context_window_exceeded": "spent",
            "refusal": "spent",
            "stop_sequence": "clean",
            "pause_turn": "clean",
        }.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_lines_become_these_events(case: str) -> None:
    lines, events, rest = TABLE[case]
    own = reader()
    assert (read(own, lines), own.rest) == (events, rest)


def test_an_answer_is_kept_as_the_client_got_it() -> None:
    own = reader()
    read(own, [start(), *text("a", "b"), *call(1, '{"a":1}'), *call(2, name="g"), *end("tool_use")])
    calls = (ToolUse("toolu_1", "f", {"a": 1}), ToolUse("toolu_2", "g", {}))
    assert own.answer_message() == Message("assistant", (Text("ab"), *calls))
    assert own.calls == {use.id: use for use in calls}


def test_what_was_void_is_not_kept() -> None:
    own = reader()
    read(own, [start(), *text("a"), *call(1, "{}"), start(), *text("b"), *end()])
    assert own.answer_message() == Message("assistant", (Text("b"),))


def test_arguments_that_are_no_object_are_an_error_of_upstream() -> None:
    with pytest.raises(UpstreamError, match="called `f`") as caught:
        read(reader(), [start(), *call(0, "[1"), *end("tool_use")])
    assert caught.value.status == 502


def test_a_model_that_insists_on_a_refused_call_is_given_up() -> None:
    own, refused = reader(), [start(), *call(0, "{}", name="other"), *end("tool_use")]
    assert read(own, refused * MOST_REFUSED) == [STARTED]
    with pytest.raises(UpstreamError, match="not offered"):
        read(own, refused)


def test_a_demanded_call_holds_back_the_text_before_it() -> None:
    own = reader(demanded=True)
    assert read(own, [start(), *text("a", "b")]) == [STARTED]
    assert read(own, call(1)) == [TextDelta("ab"), ToolCallStarted(0, "toolu_1", "f")]
    assert read(own, text("c", index=2)) == [TextDelta("c")]
    assert read(own, call(3)) == [ToolCallStarted(1, "toolu_3", "f")]


def test_a_demanded_call_that_is_announced_is_waited_for() -> None:
    own = reader(demanded=True)
    assert read(own, [start(), *text("a"), *end("tool_use")]) == [STARTED]
    assert own.rest is None


def test_an_answer_without_the_demanded_call_is_read_again_without_its_text() -> None:
    own = reader(demanded=True)
    read(own, [start(), *text("a"), *end()])
    assert own.rest == "clean"
    own.begin_again()
    assert own.rest is None
    assert read(own, [start(), *call(0), *end("tool_use")])[0] == ToolCallStarted(0, "toolu_0", "f")


RESULT = {"type": "result", "subtype": "success", "is_error": False}


def structured(value: str) -> list[Line]:
    return [start(), *text("Sure."), *call(1, value, name="StructuredOutput"), *end("tool_use")]


def test_a_structured_answer_is_text_and_the_result_ends_it() -> None:
    own = reader(structured=True)
    assert read(own, structured("{}")) == [STARTED, TextDelta("{}")]
    assert own.rest is None
    assert read(own, [RESULT]) == [ENDED]
    assert own.rest == "clean"


@pytest.mark.parametrize(("name", "is_structured"), [("Bash", True), ("StructuredOutput", False)])
def test_nothing_but_the_structured_output_of_a_structured_turn_is_its_text(name: str, is_structured: bool) -> None:
    own = reader(structured=is_structured)
    lines = [start(), *call(0, '{"a": 1}', name=name)]
    assert read(own, lines) == [STARTED]


def test_a_structured_answer_that_did_not_fit_begins_again() -> None:
    own = reader(structured=True)
    read(own, structured("{}"))
    assert read(own, structured('{"a":1}')) == [Restarted(), TextDelta('{"a":1}')]


def test_a_result_without_a_structured_answer_is_an_error() -> None:
    own = reader(structured=True)
    assert read(own, [start(), *text("a"), *end()]) == [STARTED]
    with pytest.raises(UpstreamError, match="does not fit") as caught:
        own.read(RESULT)
    assert caught.value.status == 502


def test_a_tool_that_the_cli_left_out_is_named() -> None:
    with pytest.raises(ToolSchemaError, match="`g`"):
        reader().read({"type": "system", "subtype": "init", "tools": ["f"]})
    assert reader().read({"type": "system", "subtype": "init", "tools": ["g", "f", "h"]}) == ()


def test_one_named_agent_may_be_listed_as_task() -> None:
    own = AnswerReader(frozenset({"Agent"}))
    own.read({"type": "system", "subtype": "init", "tools": ["Task"]})
    with pytest.raises(ToolSchemaError):
        own.read({"type": "system", "subtype": "init", "tools": []})


def test_a_schema_that_the_cli_did_not_take_is_an_error() -> None:
    own = AnswerReader(frozenset(), structured=True)
    own.read({"type": "system", "subtype": "init", "tools": ["StructuredOutput"]})
    with pytest.raises(OutputSchemaError):
        own.read({"type": "system", "subtype": "init", "tools": None})


def retry(milliseconds: object, status: int = 529) -> Line:
    return {"type": "system", "subtype": "api_retry", "retry_delay_ms": milliseconds, "error_status": status}


def test_a_short_retry_is_waited_for_and_a_long_one_is_the_clients_to_decide() -> None:
    own = reader()
    assert read(own, [start(), *text("a"), retry(5000)]) == [STARTED, TextDelta("a"), Restarted()]
    with pytest.raises(UpstreamError) as caught:
        own.read(retry(5001, 429))
    assert (caught.value.status, caught.value.retry_after) == (429, 5.001)


def test_a_retry_before_the_answer_voids_nothing() -> None:
    assert reader().read(retry(10)) == ()


def failure(own: AnswerReader, **fields: Any) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        own.read({"type": "result", "subtype": "success", "is_error": True, **fields})
    return caught.value


def test_a_limit_says_when_to_try_again() -> None:
    """By the plan's window if that is known, else by the CLI's last wait, else in a minute."""
    assert failure(reader(), result="Slow", api_error_status=429).retry_after == ASSUMED_RETRY_WAIT
    waited = reader()
    waited.read(retry(1500))
    assert failure(waited, result="Slow", api_error_status=429).retry_after == 1.5
    limited = reader()
    for status, ahead in (("allowed", 9000.0), ("rejected", 100.0)):
        info = {"status": status, "resetsAt": time.time() + ahead}
        limited.read({"type": "rate_limit_event", "rate_limit_info": info})
    wait = failure(limited, result="Slow", api_error_status=429).retry_after
    assert wait is not None and 98 < wait <= 100
    past = reader()
    past.read({"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 5}})
    assert failure(past, result="Slow", api_error_status=429).retry_after == 1.0
    named = reader()
    named.read({"type": "assistant", "error": "rate_limit"})
    assert failure(named, result="Slow").retry_after == ASSUMED_RETRY_WAIT
    named.read({"type": "rate_limit_event", "rate_limit_info": info})
    wait = failure(named, result="Slow").retry_after
    assert wait is not None and 98 < wait <= 100


def test_only_a_limit_says_when_to_try_again() -> None:
    assert failure(reader(), result="Broken", api_error_status=500).retry_after is None
    named = reader()
    named.read({"type": "assistant", "error": "rate_limit"})
    assert failure(named, result="Broken", api_error_status=500).retry_after is None


def test_a_failure_tells_what_the_cli_said() -> None:
    assert "!" not in failure(reader(), api_error_status=500).message
    assert "One; two" in failure(reader(), errors=["One", "two"], api_error_status=500).message
    assert "Broken" in failure(reader(), result="Broken", errors=["no"], api_error_status=500).message


@pytest.mark.parametrize(
    "usage",
    [{"input_tokens": "seven"}, {"output_tokens": float("inf")}, {"cache_read_input_tokens": [1]}],
)
def test_a_count_that_is_no_number_is_not_passed_on(usage: Line) -> None:
    with pytest.raises((TypeError, ValueError)):
        reader().read(stream("message_start", message={"usage": usage}))


def test_the_end_of_a_message_that_never_began_says_nothing() -> None:
    assert read(reader(), [stream("message_stop")]) == []


def test_a_text_that_is_none_is_not_passed_on() -> None:
    own = reader()
    read(own, [start(), block(0, "text", text="")])
    with pytest.raises(TypeError):
        own.read(delta(0, text=1))


def test_every_count_has_its_place() -> None:
    usage = {
        "input_tokens": 1,
        "output_tokens": 2,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 4,
        "output_tokens_details": {"thinking_tokens": 5},
    }
    assert read(reader(), [stream("message_start", message={"usage": usage})]) == [
        TurnStarted("", Usage(1, 2, 3, 4, 5))
    ]
