"""Ollama: what its requests mean, and what a turn's events become, line by line and whole."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bridge.chat_bodies import PROPERTY, base64_of, data_url, picture
from tests.bridge.test_bridge_properties import JSON, check_turn
from tray_bridge.bridge.answer import AnswerShaper, WholeAnswer
from tray_bridge.bridge.dialect import Asked, Failure, Reading, Stamp
from tray_bridge.bridge.model_names import resolve_model
from tray_bridge.bridge.ollama.dialect import DIALECT
from tray_bridge.bridge.ollama.models import list_models, show_model
from tray_bridge.bridge.ollama.parameters import PARAMETERS
from tray_bridge.errors import InvalidRequestError, ModelNotFoundError
from tray_bridge.snapshots import ModelSnapshot
from tray_bridge.turns import (
    Event,
    Image,
    Message,
    Text,
    TextDelta,
    ThinkingDelta,
    ThinkingEnded,
    ToolCallDelta,
    ToolCallStarted,
    ToolResult,
    ToolUse,
    TurnEnded,
    TurnStarted,
    Usage,
)

USER = {"role": "user", "content": "Hi"}
STAMP = Stamp("ollama-1", 1_700_000_000, elapsed=lambda: 0.5)
STARTED = TurnStarted("claude-sonnet-5", Usage(10, 1, 2, 3))
SONNET = ModelSnapshot("sonnet", "claude-sonnet-5", "Claude Sonnet")
RFC_3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


def read(path: str = "/api/chat", **fields: Any) -> Asked:
    body = {"model": "sonnet:latest", **({"messages": [USER]} if path == "/api/chat" else {}), **fields}
    return DIALECT.read(body, Reading(str, path=path))


def refused(path: str = "/api/chat", **fields: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        read(path, **fields)
    return caught.value


def lines(events: Sequence[Event], asked: Asked) -> list[dict[str, Any]]:
    """The stream's lines, each checked."""
    shaper, writer = AnswerShaper(asked), DIALECT.writer(asked, STAMP, 0)
    frames = [frame for event in events for shaped in shaper.shape(event) for frame in writer.write(shaped)]
    assert all(b"\n" not in frame.data and frame.data for frame in frames)
    found = [json.loads(frame.data) for frame in frames]
    for line in found:
        assert line["model"] == asked.requested_model
        assert re.fullmatch(RFC_3339, line["created_at"])
        assert line["done"] is (line is found[-1])
        assert isinstance(line["response"] if asked.options.generates else line["message"]["content"], str)
    for key in ("total", "load", "prompt_eval", "eval"):
        assert type(found[-1][f"{key}_duration"]) is int
        assert found[-1][f"{key}_duration"] > 0
    assert type(found[-1]["prompt_eval_count"]) is int
    assert type(found[-1]["eval_count"]) is int
    return found


def whole(events: Sequence[Event], asked: Asked) -> dict[str, Any]:
    answer = WholeAnswer(asked)
    for event in events:
        answer.add(event)
    return dict(DIALECT.whole(asked, STAMP, [answer.events()]))


def test_the_plain_request_is_streamed_and_keeps_its_name() -> None:
    asked = read(options={"num_predict": 5, "stop": "END", "temperature": 0.1, "seed": None}, think="high")
    assert (asked.requested_model, asked.streamed, asked.n) == ("sonnet:latest", True, 1)
    assert (asked.turn.max_tokens, asked.turn.stop, asked.turn.effort) == (5, ("END",), "high")
    assert asked.ignored == ("options.temperature",)
    assert read(stream=False).streamed is False
    assert read(stream=None).streamed is True


@pytest.mark.parametrize("limit", [-1, -2, 0, None])
def test_no_limit(limit: int | None) -> None:
    assert read(options={"num_predict": limit}).turn.max_tokens is None


@pytest.mark.parametrize(
    ("think", "thinks", "shown"), [(None, True, True), (True, True, True), (False, False, False), ("low", True, True)]
)
def test_thinking(think: Any, thinks: bool, shown: bool) -> None:
    asked = read(think=think)
    assert (asked.turn.thinking, asked.show_reasoning) == (thinks, shown)


def test_formats() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}}
    assert read(format=schema).turn.output_schema == schema
    assert read(format="json").turn.output_schema == {"type": "object"}
    assert read(format="").turn.output_schema is None
    assert refused(format="xml").param == "format"


def test_pictures_are_told_by_their_bytes() -> None:
    images = [base64_of(picture()), data_url(picture("jpeg"))]
    asked = read(messages=[{"role": "USER", "content": "What?", "images": images}])
    assert asked.turn.messages[0].content == (
        Image("image/png", base64_of(picture())),
        Image("image/jpeg", base64_of(picture("jpeg"))),
        Text("What?"),
    )
    assert refused(messages=[{**USER, "images": ["https://example.org/x"]}]).param == "messages[0].images[0]"
    assert refused(messages=[{**USER, "images": ["%%%"]}])


CALLS: list[dict[str, Any]] = [
    {"function": {"name": "f", "arguments": {"x": 1}}},
    {"function": {"name": "g", "arguments": '{"y": 2}'}},
    {"function": {"name": "f", "arguments": {}}},
]


@pytest.mark.parametrize(
    "results",
    [
        [("a", {}), ("b", {}), ("c", {})],
        [("b", {"tool_name": "g"}), ("a", {"tool_name": "f"}), ("c", {"tool_name": "f"})],
    ],
    ids=["by position", "by name"],
)
def test_results_without_ids_find_their_calls(results: list[tuple[str, dict[str, str]]]) -> None:
    messages = [
        USER,
        {"role": "assistant", "content": "", "tool_calls": CALLS},
        *({"role": "tool", "content": text, **more} for text, more in results),
    ]
    _, calls, answers = read(messages=messages).turn.messages
    assert [(c.name, c.input) for c in calls.content if isinstance(c, ToolUse)] == [
        ("f", {"x": 1}),
        ("g", {"y": 2}),
        ("f", {}),
    ]
    assert [r.content for r in answers.content if isinstance(r, ToolResult)] == [(Text(t),) for t in "abc"]


def test_the_calls_of_an_assistant_by_another_name_are_read() -> None:
    messages = [USER, {"role": "Model", "tool_calls": CALLS[:1]}, {"role": "tool", "content": "a"}]
    _, call, answer = read(messages=messages).turn.messages
    assert isinstance(call.content[0], ToolUse) and isinstance(answer.content[0], ToolResult)


def test_results_find_their_calls_by_id() -> None:
    calls = [{**call, "id": f"call_{index}"} for index, call in enumerate(CALLS)]
    messages = [
        USER,
        {"role": "assistant", "tool_calls": calls},
        *({"role": "tool", "content": str(index), "tool_call_id": f"call_{index}"} for index in (2, 0, 1)),
    ]
    answers = read(messages=messages).turn.messages[-1]
    assert [r.content for r in answers.content if isinstance(r, ToolResult)] == [(Text(t),) for t in "012"]


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        ("/api/chat", {"model": None}, "model"),
        ("/api/chat", {"messages": [{**USER, "content": [{"type": "text", "text": "Hi"}]}]}, "messages[0].content"),
        ("/api/chat", {"think": "sometimes"}, "think"),
        ("/api/generate", {"prompt": "a", "suffix": "b"}, "suffix"),
        ("/api/chat", {"logprobs": True}, "logprobs"),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_path(path: str, fields: dict[str, Any], param: str) -> None:
    assert refused(path, **fields).param == param


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        ("/api/chat", {"messages": [{**USER, "images": [base64_of(picture()), "&&&"]}]}, "messages[0].images[1]"),
        ("/api/generate", {"prompt": "a", "images": ["&&&"]}, "images[0]"),
        ("/api/generate", {"prompt": "a", "images": 7}, "images"),
        ("/api/generate", {"images": ["https://example.org/x"]}, "images[0]"),
    ],
)
def test_a_bad_picture_is_named_by_its_place(path: str, fields: dict[str, Any], param: str) -> None:
    refusal = refused(path, **fields)
    assert (refusal.param, f"`{param}`" in refusal.message) == (param, True)


def test_a_model_is_asked_for_with_its_tag_in_every_dialect_and_an_unknown_one_is_not_found() -> None:
    assert resolve_model("sonnet:latest", [SONNET], {}, "sonnet") == "sonnet"
    assert resolve_model("gpt-4o:latest", [SONNET], {"gpt-4o": "sonnet"}, "sonnet") == "sonnet"

    def resolve(name: str) -> str:
        raise ModelNotFoundError("No.", param="model")

    with pytest.raises(ModelNotFoundError, match="model 'llama3:8b' not found"):
        DIALECT.read({"model": "llama3:8b", "messages": [USER]}, Reading(resolve, path="/api/chat"))


@pytest.mark.parametrize(("keep_alive", "reason"), [(None, "load"), ("5m", "load"), (0, "unload"), (-1, "load")])
@pytest.mark.parametrize(
    ("path", "fields"), [("/api/chat", {"messages": []}), ("/api/generate", {"prompt": ""}), ("/api/generate", {})]
)
def test_a_request_without_a_question_asks_no_model(
    path: str, fields: dict[str, Any], keep_alive: Any, reason: str
) -> None:
    asked = read(path, **fields, keep_alive=keep_alive)
    assert asked.n == 0
    [frame] = DIALECT.closing(asked, STAMP, [])
    answer = DIALECT.whole(asked, STAMP, [])
    assert json.loads(frame.data) == answer
    assert (answer["done"], answer["done_reason"]) == (True, reason)
    assert ("response" in answer) is (path == "/api/generate")


def test_a_generation_is_a_question_with_its_system_prompt() -> None:
    asked = read("/api/generate", prompt="Why?", system="Be brief.", images=[base64_of(picture())], context=[1, 2])
    assert asked.turn.system == ("Be brief.",)
    assert asked.turn.messages == (Message("user", (Image("image/png", base64_of(picture())), Text("Why?"))),)
    found = lines([STARTED, ThinkingDelta("Hm."), TextDelta("So."), TurnEnded("max_tokens", Usage(1, 2))], asked)
    assert [line.get("thinking", "") + line["response"] for line in found] == ["Hm.", "So.", ""]
    assert found[-1]["done_reason"] == "length"


def test_calls_go_out_whole_before_the_end() -> None:
    events: list[Event] = [
        STARTED,
        ThinkingDelta("Hm."),
        ThinkingEnded("S"),
        TextDelta("Let me see."),
        ToolCallStarted(0, "toolu_1", "f"),
        ToolCallDelta(0, '{"x":'),
        ToolCallDelta(0, "1}"),
        ToolCallStarted(1, "toolu_2", "g"),
        TurnEnded("tool_use", Usage(10, 7, 2, 3)),
    ]
    calls = [
        {"id": "toolu_1", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}},
        {"id": "toolu_2", "function": {"index": 1, "name": "g", "arguments": {}}},
    ]
    found = lines(events, read())
    assert [line["message"] for line in found] == [
        {"role": "assistant", "content": "", "thinking": "Hm."},
        {"role": "assistant", "content": "Let me see."},
        {"role": "assistant", "content": "", "tool_calls": calls[:1]},
        {"role": "assistant", "content": "", "tool_calls": calls[1:]},
        {"role": "assistant", "content": ""},
    ]
    assert found[-1]["done_reason"] == "stop"
    assert (found[-1]["prompt_eval_count"], found[-1]["eval_count"]) == (15, 7)
    assert whole(events, read())["message"] == {
        "role": "assistant",
        "content": "Let me see.",
        "thinking": "Hm.",
        "tool_calls": calls,
    }


@pytest.mark.parametrize(("begun", "told"), [("Well", "Well\n\n"), ("", "")])
def test_a_refusal_is_told_in_a_paragraph_of_its_own(begun: str, told: str) -> None:
    events: list[Event] = [STARTED, *([TextDelta(begun)] if begun else []), TurnEnded("refusal", Usage(10, 5))]
    said = told + "Claude declined to answer this request."
    assert "".join(line["message"]["content"] for line in lines(events, read())) == said
    assert whole(events, read())["message"]["content"] == said


def test_an_answer_in_one_piece_has_a_believable_speed() -> None:
    events: list[Event] = [STARTED, TextDelta("a b c"), TurnEnded("end_turn", Usage(10, 5))]
    whole = DIALECT.whole(read(stream=False), STAMP, [events])
    assert whole["eval_duration"] == whole["total_duration"] == 500_000_000
    assert whole["prompt_eval_duration"] == 1


def test_the_lines_of_text_say_the_time_of_each() -> None:
    elapsed = iter((0.25, 1.999_999_5, 60.0))
    writer = DIALECT.writer(read(), Stamp("ollama-1", 1_700_000_000, elapsed=lambda: next(elapsed)), 0)
    frames = [frame for text in ("a", 'ä"\n') for frame in writer.write(TextDelta(text))]
    found = [json.loads(frame.data) for frame in frames]
    assert [line["message"]["content"] for line in found] == ["a", 'ä"\n']
    # The first line's JSON is made before its time is asked.
    assert [line["created_at"][-10:] for line in found] == ["21.999999Z", "20.000000Z"]


def test_errors_are_a_text() -> None:
    failure = Failure(529, "overloaded", "Busy.")
    assert DIALECT.error(failure) == {"error": "Busy."}
    assert json.loads(DIALECT.error_frames(failure, [])[0].data) == {"error": "Busy."}


def test_a_silence_is_filled_by_a_line_that_says_nothing() -> None:
    frame = DIALECT.keep_alive(read(), STAMP)
    assert frame is not None
    line = json.loads(frame.data)
    assert (line["message"], line["done"]) == ({"role": "assistant", "content": ""}, False)


def test_models_have_every_field_that_strict_clients_read() -> None:
    [entry] = list_models([SONNET])["models"]
    assert entry["name"] == entry["model"] == "sonnet:latest"
    assert entry["size"] > 0
    assert all(isinstance(entry["details"][key], str) for key in ("parent_model", "format", "family"))
    shown = show_model("sonnet", SONNET)
    assert set(shown["capabilities"]) == {"completion", "tools", "vision", "thinking"}
    assert shown["model_info"]["claude.context_length"] == 200_000
    assert all(re.fullmatch(r'(\S+)\s+((?:".*")|\S+)', line) for line in shown["parameters"].splitlines())
    assert ".Suffix" not in shown["template"]


@pytest.mark.parametrize("names", [("opus[1m]", "claude-opus-5"), ("opus", "claude-opus-5[1m]")])
def test_a_model_with_a_long_context_says_so_whichever_of_its_names_tells_it(names: tuple[str, str]) -> None:
    shown = show_model("opus", ModelSnapshot(*names, "Claude Opus"))
    assert shown["model_info"]["claude.context_length"] == 1_000_000
    assert shown["parameters"] == "num_ctx 1000000"


FIELDS = st.dictionaries(st.sampled_from([parameter.name for parameter in PARAMETERS]), JSON, max_size=6)


@PROPERTY
@given(FIELDS, st.sampled_from(["/api/chat", "/api/generate"]))
def test_anything_is_understood_or_refused_by_its_path(body: dict[str, Any], path: str) -> None:
    try:
        asked = DIALECT.read({"model": "sonnet", **body}, Reading(str, path=path))
    except InvalidRequestError as error:
        assert error.param
    else:
        check_turn(asked.turn)
