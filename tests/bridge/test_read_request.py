"""Parameters do what the table says, and what is wrong is named by its path."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bridge.chat_bodies import USER, ask, read, refusal_of
from tray_bridge.bridge.dialect import Reading
from tray_bridge.bridge.openai_chat.parameters import PARAMETERS
from tray_bridge.bridge.openai_chat.read import read_chat
from tray_bridge.errors import ModelNotFoundError

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}


def param_of(**fields: Any) -> str | None:
    return refusal_of({"messages": [USER], **fields}).param


def test_an_explicit_null_for_every_field_is_the_same_as_none_given() -> None:
    nulls = {parameter.name: None for parameter in PARAMETERS if parameter.name != "messages"}
    assert read({"messages": [USER], **nulls}) == read({"messages": [USER]})


def test_unknown_extras_are_passed_over_in_silence() -> None:
    assert ask(foo=1, options={"num_ctx": 1}, chat_id="x", extra_body={}) == ask()


def test_the_model_is_resolved_and_the_requested_name_kept() -> None:
    chat = read_chat({"messages": [USER], "model": "gpt-4o"}, Reading({"gpt-4o": "sonnet"}.__getitem__))
    assert (chat.turn.model, chat.requested_model) == ("sonnet", "gpt-4o")


@pytest.mark.parametrize("model", [None, ""])
def test_without_a_model_the_default_is_asked_for(model: object) -> None:
    assert read({"messages": [USER], "model": model}).requested_model == "default"


def test_an_unknown_model_is_the_resolvers_own_error() -> None:
    def resolve(name: str) -> str:
        raise ModelNotFoundError(f"No {name}.", param="model", code="model_not_found")

    with pytest.raises(ModelNotFoundError):
        read_chat({"messages": [USER], "model": "x"}, Reading(resolve))


@pytest.mark.parametrize("body", [None, [], "x", 1])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    assert refusal_of(body).param == "body"


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({}, None),
        ({"max_tokens": 100}, 100),
        ({"max_tokens": 100.0}, 100),
        ({"max_completion_tokens": 7, "max_tokens": 100}, 7),
        ({"max_completion_tokens": None, "max_tokens": 100}, 100),
        ({"max_output_tokens": 5}, 5),
        ({"max_tokens": -1}, None),
        ({"max_tokens": 10**30}, 10**30),
    ],
)
def test_the_limit_on_tokens_has_several_names(fields: dict[str, Any], limit: int | None) -> None:
    assert ask(**fields).turn.max_tokens == limit


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("END", ("END",)),
        (["a", "b", "c", "d"], ("a", "b", "c", "d")),
        (["a", "", None, "a"], ("a",)),
        ("", ()),
        ([], ()),
        ("\n", ("\n",)),
    ],
)
def test_stop_is_a_string_or_several(stop: object, expected: tuple[str, ...]) -> None:
    assert ask(stop=stop).turn.stop == expected
    assert ask(stop_sequences=stop if isinstance(stop, list) else [stop]).turn.stop == expected


def test_a_list_of_stops_as_continue_sends_it_is_taken() -> None:
    assert len(ask(stop=[f"<|{n}|>" for n in range(16)]).turn.stop) == 16


@pytest.mark.parametrize(
    ("fields", "effort", "thinking"),
    [
        ({}, None, True),
        ({"reasoning_effort": "none"}, None, False),
        ({"reasoning_effort": "minimal"}, "low", True),
        ({"reasoning_effort": "low"}, "low", True),
        ({"reasoning_effort": "medium"}, "medium", True),
        ({"reasoning_effort": "high"}, "high", True),
        ({"reasoning_effort": "xhigh"}, "xhigh", True),
        ({"reasoning_effort": "max"}, "max", True),
        ({"reasoning": {"effort": "high", "summary": "auto"}}, "high", True),
        ({"reasoning": {"effort": None}}, None, True),
        ({"reasoning": {"enabled": False}}, None, False),
        ({"reasoning": {"max_tokens": 2000}}, None, True),
        ({"reasoning_effort": "low", "reasoning": {"effort": "high"}}, "low", True),
        ({"thinking": {"type": "disabled"}}, None, False),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, None, True),
    ],
)
def test_effort_is_read_in_every_shape(fields: dict[str, Any], effort: str | None, thinking: bool) -> None:
    turn = ask(**fields).turn
    assert (turn.effort, turn.thinking) == (effort, thinking)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"thinking": "much"}, "thinking"),
        ({"reasoning_effort": "much"}, "reasoning_effort"),
        ({"reasoning": {"effort": "much"}}, "reasoning.effort"),
        ({"reasoning": {"enabled": "much"}}, "reasoning.enabled"),
    ],
)
def test_an_effort_that_is_none_is_refused_by_its_field(fields: dict[str, Any], param: str) -> None:
    assert refusal_of({"messages": [USER], **fields}).param == param


@pytest.mark.parametrize("fields", [{"include_reasoning": False}, {"reasoning": {"exclude": True}}])
def test_a_client_may_ask_for_no_reasoning_to_be_shown(fields: dict[str, Any]) -> None:
    assert ask().show_reasoning
    assert not ask(**fields).show_reasoning


@pytest.mark.parametrize(
    ("fields", "schema"),
    [
        ({"response_format": {"type": "text"}}, None),
        ({"response_format": {"type": "json_object"}}, {"type": "object"}),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA, "strict": True}}}, SCHEMA),
        ({"response_format": {"type": "json_schema", "name": "a", "schema": SCHEMA}}, SCHEMA),
        ({"text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}}}, SCHEMA),
        ({"text": {"format": {"type": "text"}, "verbosity": "low"}}, None),
        ({"text": {}}, None),
    ],
)
def test_the_format_of_the_answer_is_a_schema(fields: dict[str, Any], schema: object) -> None:
    assert ask(**fields).turn.output_schema == schema


def test_streaming_usage_and_choices_are_read() -> None:
    chat = ask(stream=True, stream_options={"include_usage": True, "include_obfuscation": False}, n=4.0)
    assert (chat.streamed, chat.options.include_usage, chat.n) == (True, True, 4)
    plain = ask(stream=None, stream_options=None, n=None)
    assert (plain.streamed, plain.options.include_usage, plain.n) == (False, False, 1)


@pytest.mark.parametrize(
    ("fields", "ignored"),
    [
        ({"temperature": 0.1, "top_p": 0.5}, ("temperature", "top_p")),
        ({"temperature": 1.0, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0.0, "logit_bias": {}}, ()),
        ({"temperature": 0}, ("temperature",)),
        ({"seed": 7, "logit_bias": {"50256": -100}}, ("logit_bias",)),
        ({"top_k": 40, "min_p": 0.1, "repetition_penalty": 1.1}, ("top_k", "min_p", "repetition_penalty")),
        ({"verbosity": "low"}, ("verbosity",)),
        ({"verbosity": "medium"}, ()),
        (
            {
                "user": "u",
                "metadata": {"a": "b"},
                "store": True,
                "service_tier": "auto",
                "prompt_cache_key": "k",
                "safety_identifier": "s",
                "prediction": {"type": "content", "content": "x"},
            },
            (),
        ),
        ({"logprobs": False, "top_logprobs": 0, "modalities": ["text"]}, ()),
    ],
)
def test_what_cannot_be_honoured_is_named_unless_it_asks_for_nothing(
    fields: dict[str, Any], ignored: tuple[str, ...]
) -> None:
    assert ask(**fields).ignored == ignored


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": 1}, "model"),
        ({"stream": "true"}, "stream"),
        ({"stream_options": [1]}, "stream_options"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"n": 0}, "n"),
        ({"n": 5}, "n"),
        ({"n": 1.5}, "n"),
        ({"n": True}, "n"),
        ({"n": "2"}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -2}, "max_tokens"),
        ({"max_tokens": "100"}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"max_tokens": float("nan")}, "max_tokens"),
        ({"max_tokens": float("inf")}, "max_tokens"),
        ({"max_tokens": -(10**5000)}, "max_tokens"),
        ({"stop": 1}, "stop"),
        ({"stop": [1]}, "stop[0]"),
        ({"stop": ["x"] * 1001}, "stop"),
        ({"stop": ["x" * 1001]}, "stop[0]"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"reasoning_effort": 1}, "reasoning_effort"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"reasoning": "high"}, "reasoning"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
        ({"response_format": {"name": "x"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "response_format.json_schema.schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "array"}}}},
            "response_format.json_schema.schema",
        ),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
        ({"temperature": "hot"}, "temperature"),
        ({"logit_bias": [1]}, "logit_bias"),
        ({"user": 1}, "user"),
        ({"logprobs": True}, "logprobs"),
        ({"logprobs": "yes"}, "logprobs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "alloy", "format": "wav"}}, "audio"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"parallel_tool_calls": 0}, "parallel_tool_calls"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(fields: dict[str, Any], param: str) -> None:
    assert param_of(**fields) == param


def test_every_treatment_of_the_table_holds() -> None:
    """Sends each parameter a value of its kind that asks for something."""
    samples = {"any": 2, "array": ["x"], "boolean": True, "number": 7, "object": {"a": 1}, "string": "x"}
    for parameter in PARAMETERS:
        sample = samples[parameter.kind]
        if parameter.treatment == "accepted":
            assert ask(**{parameter.name: sample}) == ask()
        elif parameter.treatment == "ignored":
            assert ask(**{parameter.name: sample}).ignored == (parameter.name,)
        elif parameter.treatment == "refused":
            assert param_of(**{parameter.name: sample}) == parameter.name


def test_the_table_names_each_parameter_once() -> None:
    names = [parameter.name for parameter in PARAMETERS]
    assert len(names) == len(set(names))
    assert all(parameter.note.endswith(".") for parameter in PARAMETERS)
