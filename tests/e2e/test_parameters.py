"""Each parameter does upstream what docs/parameters.md says, or is named as ignored, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.upstream import (
    Wire,
    answer,
    chunks_of,
    deltas,
    finish_reasons,
    newest,
    nothing_went_on,
    post,
)
from tests.running_bridge import RunningBridge, directive, wait_for
from tray_bridge.machine.paths import log_folder
from tray_bridge.session_log import LogReader

Make = Callable[..., RunningBridge]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
AS_SCHEMA = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": SCHEMA}}
# The Messages API takes no pattern, so Claude Code itself holds the answer to this one.
PATTERNED = {**SCHEMA, "properties": {"city": {"type": "string", "pattern": "^."}, "people": {"type": "integer"}}}
AS_PATTERNED = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": PATTERNED}}


def asking(**spec: object) -> Wire:
    return {"messages": [{"role": "user", "content": directive(**spec)}]}


# That `max_completion_tokens` means the same, the tests of reading show.
@pytest.mark.parametrize("name", ["max_tokens", pytest.param("max_completion_tokens", marks=pytest.mark.full)])
def test_a_limit_on_tokens_is_hard_upstream_and_the_cli_does_not_go_on(bridge: RunningBridge, name: str) -> None:
    # Where the CLI goes on, the stand-in reads the same question again, delay included: a model takes its time as well.
    choice = post(bridge, {**asking(words=50, first_delay=1), name: 7.0}).json()["choices"][0]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] == "word1 word2 word3 word4 word5 word6 word7"
    assert newest(bridge)["max_tokens"] == 7
    nothing_went_on(bridge)


def test_a_limit_holds_in_streams_and_the_next_turn_is_free_of_it(bridge: RunningBridge) -> None:
    body = asking(words=50)
    chunks = chunks_of(post(bridge, {**body, "max_tokens": 3, "stream": True}))
    assert deltas(chunks, "content") == "word1 word2 word3"
    assert finish_reasons(chunks) == ["length"]
    said = {"role": "assistant", "content": deltas(chunks, "content")}
    follow_up = {"messages": [*body["messages"], said, {"role": "user", "content": directive(words=9)}]}
    assert len(answer(bridge, follow_up)["content"].split()) == 9
    assert newest(bridge)["max_tokens"] > 1000


@pytest.mark.parametrize(
    ("stop", "stream"),
    [
        ("END", False),
        (["zzz", "END", "NEVER"], True),
        pytest.param("END", True, marks=pytest.mark.full),
        pytest.param(["zzz", "END", "NEVER"], False, marks=pytest.mark.full),
    ],
)
def test_a_stop_string_cuts_exactly_across_deltas_and_ends_the_upstream_work(
    bridge: RunningBridge, stop: object, stream: bool
) -> None:
    pieces = ["One E", "N two E", "N", "D three", *[" more"] * 400]
    response = post(bridge, {**asking(chunks=pieces, rate=100), "stop": stop, "stream": stream})
    if stream:
        chunks = chunks_of(response)
        content, reasons = deltas(chunks, "content"), finish_reasons(chunks)
    else:
        (choice,) = response.json()["choices"]
        content, reasons = choice["message"]["content"], [choice["finish_reason"]]
    assert (content, reasons) == ("One EN two ", ["stop"])
    wait_for(lambda: bridge.standin.requests[-1].aborted)


def test_a_stop_string_that_never_comes_loses_nothing(bridge: RunningBridge) -> None:
    message = answer(bridge, {**asking(chunks=["a E", "N", " E", "N"]), "stop": "END"})
    assert message["content"] == "a EN EN"


EFFORTS = {"none": "low", "minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh"}


# The tests of reading have them all.
@pytest.mark.parametrize(
    "effort", [pytest.param(effort, marks=[pytest.mark.full] * (effort in ("low", "high"))) for effort in EFFORTS]
)
def test_effort_goes_upstream_and_none_shows_no_reasoning(bridge: RunningBridge, effort: str) -> None:
    message = answer(bridge, {**asking(text="ok", thinking="Hm."), "reasoning_effort": effort})
    assert newest(bridge)["output_config"]["effort"] == EFFORTS[effort]
    assert message.get("reasoning_content") == (None if effort == "none" else "Hm.")
    assert message["content"] == "ok"


def test_reasoning_is_apart_from_the_content_in_both_forms(bridge: RunningBridge) -> None:
    body = asking(thinking="First this, then that.", text="The answer.")
    message = answer(bridge, body)
    assert message["reasoning_content"] == "First this, then that."
    assert message["content"] == "The answer."
    chunks = chunks_of(post(bridge, {**body, "stream": True}))
    assert deltas(chunks, "reasoning_content") == "First this, then that."
    assert deltas(chunks, "content") == "The answer."
    first = chunks[0]["choices"][0]["delta"]
    assert first == {"role": "assistant", "content": None}


def test_reasoning_that_comes_back_is_no_error_and_stays_here(bridge: RunningBridge) -> None:
    said = {"role": "assistant", "content": "Before.", "reasoning_content": "My secret.", "reasoning": {"text": "x"}}
    messages = [{"role": "user", "content": "Hello."}, said, {"role": "user", "content": directive(text="ok")}]
    assert answer(bridge, {"messages": messages})["content"] == "ok"
    assert "My secret." not in json.dumps(newest(bridge))


def test_reasoning_can_be_switched_off_in_the_settings(bridge_with: Make) -> None:
    bridge = bridge_with(show_reasoning=False)
    body = asking(thinking="Secret.", text="Shown.")
    assert answer(bridge, body) == {"role": "assistant", "content": "Shown.", "refusal": None}
    assert "Secret" not in post(bridge, {**body, "stream": True}).text


def test_four_choices_are_four_answers_with_one_usage(bridge_with: Make) -> None:
    bridge = bridge_with(max_sessions=3)
    answered = post(bridge, {**asking(words=3), "n": 4})
    completion = answered.json()
    assert [choice["index"] for choice in completion["choices"]] == [0, 1, 2, 3]
    assert [choice["message"]["content"] for choice in completion["choices"]] == ["word1 word2 word3"] * 4
    assert completion["usage"]["completion_tokens"] == 12
    assert len(bridge.standin.requests) == 4
    log, name = LogReader(log_folder()), answered.headers["x-request-id"]
    wait_for(lambda: ((log.get(name) or {}).get("usage") or {}).get("output_tokens") == 12)


def test_several_choices_stream_side_by_side_with_one_usage(bridge: RunningBridge) -> None:
    options = {"n": 3, "stream": True, "stream_options": {"include_usage": True}}
    chunks = chunks_of(post(bridge, {**asking(chunks=["a", "b", "c"], rate=50), **options}))
    for index in range(3):
        own = [chunk for chunk in chunks if chunk["choices"] and chunk["choices"][0]["index"] == index]
        assert own[0]["choices"][0]["delta"]["role"] == "assistant"
        assert deltas(own, "content") == "abc"
        assert finish_reasons(own) == ["stop"]
    assert [len(chunk["choices"]) for chunk in chunks if "usage" in chunk] == [0]
    assert chunks[-1]["usage"]["completion_tokens"] == 9
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert len(bridge.standin.requests) == 3


def test_a_schema_is_native_streams_as_content_and_is_never_fenced(bridge: RunningBridge) -> None:
    city = {"city": "Ulm ```json", "people": 126_000}
    body = {**asking(structured=city), "response_format": AS_PATTERNED}
    message = answer(bridge, body)
    assert json.loads(message["content"]) == city
    assert newest(bridge)["tools"][0]["input_schema"] == PATTERNED
    chunks = chunks_of(post(bridge, {**body, "stream": True}))
    pieces = [c["choices"][0]["delta"]["content"] for c in chunks if c["choices"][0]["delta"].get("content")]
    assert len(pieces) > 1
    assert json.loads("".join(pieces)) == city
    assert finish_reasons(chunks) == ["stop"]


def test_an_answer_that_does_not_fit_the_schema_is_asked_for_again(bridge: RunningBridge) -> None:
    wrong, right = {"city": "Ulm"}, {"city": "Ulm", "people": 1}
    body = {**asking(structured_sequence=[wrong, right]), "response_format": AS_PATTERNED}
    response = post(bridge, body)
    (choice,) = response.json()["choices"]
    assert json.loads(choice["message"]["content"]) == right
    assert choice["finish_reason"] == "stop"
    assert len(bridge.standin.requests) == 2


def test_in_a_stream_such_an_answer_ends_in_an_error_and_no_text_twice(bridge: RunningBridge) -> None:
    wrong, right = {"city": "Ulm"}, {"city": "Ulm", "people": 1}
    body = {**asking(structured_sequence=[wrong, right]), "response_format": AS_PATTERNED, "stream": True}
    response = post(bridge, body)
    *chunks, last = chunks_of(response)
    assert json.loads(deltas(chunks, "content")) == wrong
    assert last["error"]["code"] == "upstream_error"
    assert "[DONE]" not in response.text


def test_an_answer_that_never_fits_is_an_error_and_no_answer(bridge: RunningBridge) -> None:
    response = post(bridge, {**asking(structured_sequence=[{"city": 3}]), "response_format": AS_PATTERNED})
    assert response.status_code == 502, response.text
    assert "schema" in response.json()["error"]["message"]


def test_a_json_object_of_any_form(bridge: RunningBridge) -> None:
    value = {"a": [1, {"b": None}], "ü": "😀"}
    message = answer(bridge, {**asking(structured=value), "response_format": {"type": "json_object"}})
    assert json.loads(message["content"]) == value


def test_text_before_the_json_is_not_part_of_it(bridge: RunningBridge) -> None:
    body = {**asking(text="Here it is:", structured={"a": 1}), "response_format": {"type": "json_object"}}
    assert json.loads(answer(bridge, body)["content"]) == {"a": 1}


CLIENT_SCHEMAS: dict[str, Wire] = {
    "zod 4": {"$schema": "https://json-schema.org/draft/2020-12/schema", **SCHEMA},
    "AI SDK": {"$schema": "http://json-schema.org/draft-07/schema#", **SCHEMA},
    "a tagged union of pydantic": {
        "type": "object",
        "$defs": {"Cat": {"type": "object", "properties": {"kind": {"const": "cat"}}, "required": ["kind"]}},
        "properties": {
            "pet": {
                "discriminator": {"mapping": {"cat": "#/$defs/Cat"}, "propertyName": "kind"},
                "oneOf": [{"$ref": "#/$defs/Cat"}],
            }
        },
        "required": ["pet"],
    },
    "OpenAPI": {"type": "object", "properties": {"a": {"type": "string", "nullable": True, "example": "x"}}},
}


@pytest.mark.parametrize("dialect", [pytest.param("zod 4", marks=pytest.mark.full), *list(CLIENT_SCHEMAS)[1:]])
def test_schemas_in_the_dialects_of_real_clients_are_taken(bridge: RunningBridge, dialect: str) -> None:
    """The stand-in answers by the schema that it was offered."""
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": CLIENT_SCHEMAS[dialect]}}
    message = answer(bridge, {"messages": [{"role": "user", "content": dialect}], "response_format": form})
    assert isinstance(json.loads(message["content"]), dict)


def test_a_schema_that_nobody_can_read_is_a_400_and_asks_nothing(bridge: RunningBridge) -> None:
    form = {
        "type": "json_schema",
        "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}}},
    }
    response = post(bridge, {**asking(text="ok"), "response_format": form})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_schema"
    assert response.json()["error"]["param"] == "response_format.json_schema.schema"


ACCEPTED = {
    "user": "u",
    "metadata": {"a": "b"},
    "seed": 7,
    "store": True,
    "service_tier": "auto",
    "prompt_cache_key": "k",
    "safety_identifier": "s",
    "prediction": {"type": "content", "content": "x"},
    "parallel_tool_calls": True,
    "logprobs": False,
    "modalities": ["text"],
    "something_of_our_own": {"x": 1},
}
IGNORED = {
    "temperature": 0.2,
    "top_p": 0.5,
    "presence_penalty": 1,
    "frequency_penalty": 0.5,
    "logit_bias": {"50256": -100},
    "verbosity": "low",
}
NULLS = [*ACCEPTED, *IGNORED, "stop", "max_tokens", "n", "tools", "tool_choice", "response_format", "stream_options"]


def test_what_changes_nothing_is_accepted_in_silence(bridge: RunningBridge) -> None:
    response = post(bridge, {**asking(text="ok"), **ACCEPTED})
    assert response.status_code == 200, response.text
    assert "x-bridge-ignored" not in response.headers


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_cli_offers_no_setting_for_is_named(bridge: RunningBridge, stream: bool) -> None:
    response = post(bridge, {**asking(text="ok"), **IGNORED, "stream": stream})
    assert response.status_code == 200, response.text
    assert set(response.headers["x-bridge-ignored"].split(", ")) == set(IGNORED)


def test_null_means_not_given(bridge: RunningBridge) -> None:
    response = post(bridge, {**asking(text="ok"), **dict.fromkeys(NULLS)})
    assert response.status_code == 200, response.text
    assert "x-bridge-ignored" not in response.headers


REFUSED: dict[str, Any] = {
    "logprobs": True,
    "audio": {"voice": "alloy", "format": "wav"},
    "modalities": ["text", "audio"],
    "n": 5,
    "max_tokens": 0,
    "reasoning_effort": "huge",
    "stop": 7,
    "response_format": {"type": "xml"},
    "stream": "yes",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_had_is_a_400_that_names_it(bridge: RunningBridge, name: str) -> None:
    response = post(bridge, {**asking(text="ok"), name: REFUSED[name]})
    assert response.status_code == 400
    assert response.json()["error"]["param"].startswith(name)
    assert bridge.standin.requests == []
