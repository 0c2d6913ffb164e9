"""Legacy completions: prompts, gaps and their markers, echo, choices, and the bare text of an answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bridge.chat_bodies import PROPERTY
from tray_bridge.bridge.dialect import Asked, Reading, Stamp
from tray_bridge.bridge.openai_completions.dialect import Completions
from tray_bridge.bridge.openai_completions.infill import GAP, OPENING_TOKENS, read_document
from tray_bridge.bridge.openai_completions.parameters import PARAMETERS
from tray_bridge.bridge.openai_completions.unwrap import Unwrapper
from tray_bridge.errors import InvalidRequestError
from tray_bridge.turns import Event, Text, TextDelta, TurnEnded, TurnStarted, Usage

Wire = dict[str, Any]
DIALECT = Completions()
STAMP = Stamp("cmpl-1", 1_700_000_000)
STARTED = TurnStarted("claude-haiku-4-5")
BEFORE, AFTER = "def f(x):\n    return ", "\n\nprint(f(1))\n"


def ask(prompt: object = "Once", **fields: Any) -> Asked:
    return DIALECT.read({"model": "haiku", "prompt": prompt, **fields}, Reading(resolve_model=lambda name: name))


def refusal_of(**fields: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        ask(**fields)
    return caught.value


def questions(asked: Asked) -> list[str]:
    found = []
    for index in range(asked.n):
        (message,) = asked.turn_of(index).messages
        (block,) = message.content
        assert isinstance(block, Text)
        found.append(block.text)
    return found


def chunks(asked: Asked, *events: Event, index: int = 0) -> list[Wire]:
    writer = DIALECT.writer(asked, STAMP, index)
    return [json.loads(frame.data) for event in events for frame in writer.write(event)]


def text_of(pieces: Iterable[Wire]) -> str:
    return "".join(chunk["choices"][0]["text"] for chunk in pieces)


@pytest.mark.parametrize(
    "prompt",
    [
        f"<|fim_prefix|>{BEFORE}<|fim_suffix|>{AFTER}<|fim_middle|>",
        f"<|fim_suffix|>{AFTER}<|fim_prefix|>{BEFORE}<|fim_middle|>",
        f"<fim_prefix>{BEFORE}<fim_suffix>{AFTER}<fim_middle>",
        f"<fim_suffix>{AFTER}<fim_prefix>{BEFORE}<fim_middle>",
        f"<｜fim▁begin｜>{BEFORE}<｜fim▁hole｜>{AFTER}<｜fim▁end｜>",
        f"<|code_prefix|>{BEFORE}<|code_suffix|>{AFTER}<|code_middle|>",
        f"<PRE> {BEFORE} <SUF>{AFTER} <MID>",
        f"<PRE>{BEFORE}<SUF>{AFTER}<MID>",
        f"[SUFFIX]{AFTER}[PREFIX]{BEFORE}",
        f"[SUFFIX]{AFTER}[PREFIX]{BEFORE}[MIDDLE]",
        f"[PREFIX]{BEFORE}[SUFFIX]{AFTER}[MIDDLE]",
        f"<[fim-suffix]>{AFTER}<[fim-prefix]>{BEFORE}<[fim-middle]>",
        f"<|fim▁begin|>{BEFORE}<|fim▁hole|>{AFTER}<|fim▁end|>",
        "Fill holes. For example:\n<QUERY>\na{{FILL_HERE}}c\n</QUERY>\n\nTASK: Fill the {{FILL_HERE}} hole.\n"
        f"<COMPLETION>b</COMPLETION>\n\n<QUERY>\n{BEFORE}{{{{FILL_HERE}}}}{AFTER}\n</QUERY>\n"
        "TASK: Fill the {{FILL_HERE}} hole. Answer with nothing else.\n<COMPLETION>",
    ],
)
def test_the_markers_of_each_family_are_a_gap(prompt: str) -> None:
    assert read_document(prompt, None) == (BEFORE, AFTER)


def test_what_precedes_a_marker_stays_before_the_gap() -> None:
    prompt = f"<|file_sep|>a.py\nx = 1\n<|fim_prefix|>{BEFORE}<|fim_suffix|>{AFTER}<|fim_middle|>"
    assert read_document(prompt, None) == (f"<|file_sep|>a.py\nx = 1\n{BEFORE}", AFTER)


@pytest.mark.parametrize("prompt", ["plain", "", "<PRE> half", "the [PREFIX] of it", "fim", "<|fim_prefix|>x"])
def test_a_prompt_without_a_whole_set_of_markers_goes_on_at_its_end(prompt: str) -> None:
    assert read_document(prompt, None) == (prompt, "")


def test_hundreds_of_stop_strings_are_taken() -> None:
    stops = [f"<|{number}|>" for number in range(1_000)]
    assert ask("x", stop=stops).turn.stop == tuple(stops)


def test_a_suffix_is_what_follows_the_gap() -> None:
    assert questions(ask(BEFORE, suffix=AFTER)) == [f"{BEFORE}{GAP}{AFTER}"]


def test_prompts_reach_claude_to_the_byte() -> None:
    prompt = "\n  \tx\r\n ```é\x00\u2028  \n"
    assert questions(ask(prompt)) == [prompt + GAP]


def test_each_prompt_has_n_answers_and_the_index_runs_on() -> None:
    asked = ask(["a", "b"], n=2, echo=True)
    assert asked.n == 4 and questions(asked) == [f"a{GAP}", f"a{GAP}", f"b{GAP}", f"b{GAP}"]
    events: list[Event] = [STARTED, TextDelta("!"), TurnEnded("end_turn", Usage(1, 2))]
    whole: Any = DIALECT.whole(asked, STAMP, [events] * 4)
    assert [(choice["index"], choice["text"]) for choice in whole["choices"]] == [
        (0, "a!"),
        (1, "a!"),
        (2, "b!"),
        (3, "b!"),
    ]
    assert whole["usage"]["total_tokens"] == 12 and whole["object"] == "text_completion"


def test_the_limit_is_for_the_text_and_not_for_the_tag_before_it() -> None:
    assert ask(max_tokens=1).turn.max_tokens == 1 + OPENING_TOKENS


def test_it_is_made_for_every_keystroke() -> None:
    asked = ask(stop=[f"<stop{number}>" for number in range(14)])
    assert not asked.turn.keep and not asked.turn.thinking and asked.turn.max_tokens is None
    assert len(asked.turn.stop) == 14
    assert ask("a").turn.system == ask("b", suffix="c").turn.system  # one binding for all


@pytest.mark.parametrize(
    ("fields", "param", "word"),
    [
        ({"prompt": None}, "prompt", "missing"),
        ({"prompt": []}, "prompt", "empty. It must hold at least one string."),
        ({"prompt": [1, 2]}, "prompt", "token"),
        ({"prompt": [[1, 2]]}, "prompt", "token"),
        ({"prompt": ["a", None]}, "prompt[1]", "string"),
        ({"prompt": {"a": 1}}, "prompt", "object"),
        ({"prompt": ["a"] * 5, "n": 4}, "prompt", "16"),
        ({"n": 5}, "n", "1 to 4"),
        ({"n": 3, "best_of": 2}, "best_of", "at least 3"),
        ({"logprobs": 5}, "logprobs", "not report"),
        ({"max_tokens": 0}, "max_tokens", "at least 1"),
    ],
)
def test_what_cannot_be_done_is_refused(fields: Wire, param: str, word: str) -> None:
    error = refusal_of(**fields)
    assert error.param == param and word in error.message


@pytest.mark.parametrize(
    "fields", [{"logprobs": 0}, {"logprobs": None}, {"best_of": 3, "n": 2}, {"seed": 1}, {"new": 1}]
)
def test_what_asks_for_nothing_is_taken(fields: Wire) -> None:
    assert ask(**fields).ignored == ()


def test_settings_without_a_knob_are_told() -> None:
    assert ask(temperature=0.01).ignored == ("temperature",)


ENDED = TurnEnded("end_turn", Usage(3, 4))


def test_a_stream_has_the_echo_the_text_and_one_finish_reason() -> None:
    written = chunks(ask("Once", echo=True), STARTED, TextDelta(" upon"), TextDelta(" a"), ENDED)
    assert [chunk["choices"][0]["text"] for chunk in written] == ["Once", " upon", " a", ""]
    assert [chunk["choices"][0]["finish_reason"] for chunk in written] == [None, None, None, "stop"]
    assert {chunk["id"] for chunk in written} == {"cmpl-1"} and written[0]["model"] == "claude-haiku-4-5"


@pytest.mark.parametrize(
    ("reason", "told"),
    [("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("refusal", "content_filter")],
)
def test_finish_reasons(reason: Any, told: str) -> None:
    assert chunks(ask(), STARTED, TurnEnded(reason))[-1]["choices"][0]["finish_reason"] == told


def test_usage_comes_in_a_chunk_of_its_own_where_it_is_asked_for() -> None:
    asked = ask(stream_options={"include_usage": True})
    writer = DIALECT.writer(asked, STAMP, 0)
    for event in (STARTED, TextDelta("x"), ENDED):
        writer.write(event)
    (frame,) = DIALECT.closing(asked, STAMP, [writer])
    last = json.loads(frame.data)
    assert last["choices"] == [] and last["usage"]["total_tokens"] == 7
    assert DIALECT.closing(ask(), STAMP, [writer]) == ()


WRAPPED = [
    ("<fill>x + 1</fill>", "x + 1"),
    ("<fill>\n    x\n</fill>", "\n    x\n"),
    ("\n<fill>  x</fill>\nThat is it.", "  x"),
    ("<fill></fill>", ""),
    ("<fill>no end", "no end"),
    ("<fill>cut short</fi", "cut short"),
    ("<fill>a < b </ c</fill>", "a < b </ c"),
    ("<fill>```python\nx = 1\n```</fill>", "x = 1"),
    ("```\nx = 1\n```", "x = 1"),
    ("```js\na\n```\nand\n```js\nb\n```", "```js\na\n```\nand\n```js\nb\n```"),
    ("``` not closed", "``` not closed"),
    ("  plain\n", "  plain\n"),
    ("<fi", "<fi"),
    ("", ""),
    (" \n\t", " \n\t"),
    ("`x`", "`x`"),
    ("<filler>", "<filler>"),
]


@pytest.mark.parametrize(("written", "bare"), WRAPPED)
@pytest.mark.parametrize("cut", [1, 2, 5, 1000])
def test_the_bare_text_however_it_is_cut(written: str, bare: str, cut: int) -> None:
    pieces: list[Event] = [TextDelta(written[at : at + cut]) for at in range(0, len(written), cut)]
    events = [STARTED, *pieces, ENDED]
    assert text_of(chunks(ask(), *events)) == bare
    whole: Any = DIALECT.whole(ask(), STAMP, [events])
    assert whole["choices"][0]["text"] == bare


@given(st.text(), st.lists(st.integers(1, 5)))
@PROPERTY
def test_what_stands_between_the_tags_comes_out_as_it_is(text: str, cuts: list[int]) -> None:
    if "</fill>" in text or text.startswith("```") or text.endswith(("<", "</")):
        return
    written = f"<fill>{text}</fill>"
    unwrapper = Unwrapper()
    out = ""
    for cut in [*cuts, len(written)]:
        out += unwrapper.push(written[:cut])
        written = written[cut:]
    assert out + unwrapper.end() == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([p.name for p in PARAMETERS]), JSON))
@PROPERTY
def test_whatever_the_body_holds_it_is_read_or_refused(body: Wire) -> None:
    try:
        DIALECT.read(body, Reading(resolve_model=lambda name: name))
    except InvalidRequestError as error:
        assert error.param


def test_every_chunk_is_the_apis_own_shape() -> None:
    for chunk in chunks(ask(), TurnStarted("m"), TextDelta("a"), TurnEnded("end_turn", Usage(1, 1))):
        assert {"id", "object", "created", "model", "choices"} <= chunk.keys()
        assert chunk["object"] == "text_completion"
        assert all(choice.keys() == {"index", "text", "logprobs", "finish_reason"} for choice in chunk["choices"])


@pytest.mark.parametrize(
    ("reason", "told"), [("end_turn", "stop"), ("max_tokens", "length"), ("stop_sequence", "stop")]
)
def test_a_whole_answer_says_why_it_ended(reason: Any, told: str) -> None:
    whole: Any = DIALECT.whole(ask(), STAMP, [[STARTED, TextDelta("x"), TurnEnded(reason, Usage(3, 4))]])
    assert whole["choices"][0]["finish_reason"] == told
