"""A report for an issue: what is struck out stands nowhere in it, whatever an error quotes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tray_bridge.bridge.fields import shown
from tray_bridge.session_log import as_report
from tray_bridge.session_log.document import checked

MARKS = st.integers(10, 99)
AROUND = st.sampled_from(["", " the ", "Ünï ", "\n", '"', "'", "\\", "`", "_", "漢字", "\ud800", "… "])


@st.composite
def marked(draw: st.DrawFn, kind: str) -> str:
    return f"{draw(AROUND)}{kind}{draw(MARKS)}Q{draw(AROUND)}"


TEXT, NAME = marked("TXT"), marked("NAM")
TOOLS = st.fixed_dictionaries(
    {
        "name": NAME,
        "description": TEXT,
        "parameters": st.fixed_dictionaries(
            {"properties": st.dictionaries(TEXT, TEXT, max_size=1), "enum": st.lists(TEXT)}
        ),
    }
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "tool"]) | TEXT},
    optional={
        "content": TEXT
        | st.lists(
            TEXT.map(lambda text: {"type": "text", "text": text})
            | TEXT.map(
                lambda text: {"type": "image_url", "image_url": {"url": f"https://host.example/{text.strip()}.png"}}
            )
            | TEXT.map(lambda text: {"type": text}),
            max_size=2,
        ),
        "name": NAME,
        "tool_call_id": TEXT,
        "tool_calls": st.lists(st.fixed_dictionaries({"id": TEXT, "function": TOOLS}), max_size=1),
    },
)
REQUESTS = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGES, min_size=1, max_size=3)},
    optional={
        "model": TEXT | st.just("claude-sonnet-4-5-20250929"),
        "tools": st.lists(TOOLS.map(lambda tool: {"type": "function", "function": tool}), max_size=2),
        "tool_choice": st.fixed_dictionaries({"name": NAME}),
        "user": NAME,
        "stop": TEXT,
        "metadata": st.dictionaries(TEXT, TEXT, max_size=2),
        "system": TEXT,
    },
) | st.dictionaries(TEXT, st.integers() | TEXT, min_size=1, max_size=2)
QUOTES: tuple[Callable[[str], str], ...] = (
    shown,
    repr,
    str,
    "`{}`".format,
    "'{}'".format,
    "“{}”".format,
    "https://a.example/{}.".format,
    "mcp__x__{}".format,
)


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for name, item in value.items() for text in (name, *strings(item))]
    return [text for item in value for text in strings(item)] if isinstance(value, list) else []


@settings(max_examples=40, deadline=None)
@given(request=REQUESTS, answer=TEXT, client=NAME, with_turn=st.booleans(), data=st.data())
def test_nothing_that_was_struck_out_is_in_a_report(
    request: dict[str, Any], answer: str, client: str, with_turn: bool, data: st.DataObject
) -> None:
    told = ["The request is wrong: messages[0]"]
    for value in data.draw(st.lists(st.sampled_from([*strings(request), answer, client]), max_size=3)):
        told += [
            data.draw(st.sampled_from(QUOTES))(value),
            data.draw(st.sampled_from(["is not known.", "must be a list, not"])),
        ]
    turn = {
        "model": "claude",
        "system": [answer],
        "messages": [{"role": "user", "content": [{"type": "text", "text": text} for text in strings(request)]}],
    }
    document = checked(
        {
            "id": "req_1",
            "received": "2026-01-01T00:00:00+00:00",
            "endpoint": "/v1/messages",
            "outcome": "error",
            "process": {},
            "client": client,
            "key_name": f"key {client}",
            "model": request.get("model"),
            "error": {"title": "Wrong", "message": " ".join(told), "hint": told[-1]},
            "answer": answer,
            "tool_calls": [{"id": answer, "name": client, "arguments": json.dumps({"x": answer})}],
            "request": request,
            "turn": turn if with_turn else None,
        }
    )
    for texts in (False, True):
        for names in (False, True):
            report = as_report(document, "1.0", texts=texts, names=names)
            assert texts or "TXT" not in report, report
            assert names or "NAM" not in report, report
            assert report.encode()


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ("`messages[0].content` must be a list, not a number.", "`messages[0].content` must be a list, not a number."),
        ('`tool_choice` is "secret plan".', "`tool_choice` is [struck out]."),
        ("Tool mcp__x__secret is not known", "Tool [struck out] is not known"),
        (
            "The picture at https://secret.example/a.png cannot be fetched.",
            "The picture at [struck out] cannot be fetched.",
        ),
        ("There is no model 'secret'. Use `claude update`.", "There is no model [struck out]. Use `claude update`."),
        ('`role` is "secret pl…', "`role` is [struck out]"),
        (
            "Upstream said that secret, plot are odd at 12 of 3456.",
            "Upstream said that [struck out] are odd at 12 of 3456.",
        ),
    ],
)
def test_an_errors_own_words_stay(message: str, left: str) -> None:
    request = {
        "messages": [
            {"role": "user", "content": "The secret plan, the plot: it must be at https://secret.example/a.png a"}
        ]
    }
    whole = {"id": "r", "received": "2026-01-01", "outcome": "error", "process": {}, "request": request}
    report = as_report(checked({**whole, "error": {"title": "Wrong", "message": message}}), "")
    assert left in report
    assert "secret" not in report


def test_the_shape_of_a_request_stays_with_the_roles_that_every_client_has() -> None:
    messages = [{"role": "user", "content": "Four"}, {"role": "my plan", "content": "12"}]
    request = {"stream": True, "max_tokens": 7, "messages": messages, "tools": [{"name": "a"}, {"name": "b"}]}
    whole = {"id": "x", "received": "2026-01-01", "outcome": "completed", "process": {}, "request": request}
    shape = as_report(checked(whole), "").partition("```json")[2].partition("```")[0]
    counts = [{"role": "user", "characters": 4}, {"role": "[struck out]", "characters": 2}]
    assert json.loads(shape) == {"stream": True, "max_tokens": 7, "messages": counts, "tools": 2}
