"""Chains of stored answers: each answer is read once, and read on it gives the same turn as if read whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.bridge.chat_bodies import PROPERTY, data_url, picture
from tests.bridge.responses_bodies import Wire
from tray_bridge.bridge.dialect import Asked, Reading, Stamp
from tray_bridge.bridge.messages import Conversation
from tray_bridge.bridge.openai_responses import past
from tray_bridge.bridge.openai_responses.dialect import Responses
from tray_bridge.bridge.openai_responses.items import ItemReader
from tray_bridge.errors import InvalidRequestError
from tray_bridge.turns import Event, TextDelta, TurnEnded, TurnStarted

Stored = dict[str, Wire]


def answered(stored: Stored, id_: str, previous: str | None, items: list[Wire], output: list[Wire]) -> str:
    """Store one answer; gives its id."""
    stored[id_] = {"parent": previous, "input": items, "output": output, "answer": {}}
    return id_


def read(dialect: Responses, stored: Stored, previous: str | None, items: Any, **fields: Any) -> Asked:
    body = {"model": "sonnet", "input": items, "previous_response_id": previous, **fields}
    return dialect.read(body, Reading(resolve_model=lambda name: name, stored=dict(stored)))


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[Wire]:
    """Every item that is read."""
    items: list[Wire] = []
    take = ItemReader.take

    def counted(self: ItemReader, item: Wire, kind: str, param: str) -> None:
        items.append(item)
        take(self, item, kind, param)

    monkeypatch.setattr(ItemReader, "take", counted)
    return items


def user(text: str) -> Wire:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def said(text: str) -> Wire:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def grow(dialect: Responses, stored: Stored, turns: int) -> str:
    """Ask and answer so many turns; gives the id of the last answer."""
    previous = None
    for number in range(turns):
        read(dialect, stored, previous, f"Question {number}")
        previous = answered(stored, f"resp_{number}", previous, [user(f"Question {number}")], [said(f"{number}.")])
    assert previous is not None
    return previous


def test_the_200th_turn_of_a_chain_reads_as_many_items_as_the_third(taken: list[Wire]) -> None:
    dialect, stored = Responses(), Stored()
    grow(dialect, stored, 200)
    read_by_turn = len(taken) / 200
    assert read_by_turn <= 3  # the last answer's question and text, and the new question
    taken.clear()
    turn = read(dialect, stored, "resp_199", "And now?").turn
    assert len(taken) == 3 and len(turn.messages) == 401


def test_of_the_200th_answer_as_much_is_stored_as_of_the_second() -> None:
    dialect, stored = Responses(), Stored()
    sizes, previous = [], None
    for number in range(200):
        asked = read(dialect, stored, previous, f"Question {number:3}")
        stamp = Stamp(f"resp_{number:016x}", 1_700_000_000)
        events: list[Event] = [TurnStarted("claude-sonnet-5-5"), TextDelta(f"Answer {number:3}"), TurnEnded("end_turn")]
        stored.update({id_: dict(record) for id_, record in dialect.kept(asked, stamp, [events]).items()})
        previous = stamp.id
        sizes.append(len(json.dumps(stored[previous])))
    assert sizes[1] == sizes[-1]


def test_a_record_that_is_another_object_is_read_again() -> None:
    dialect, stored = Responses(), Stored()
    grow(dialect, stored, 3)
    read(dialect, stored, "resp_2", "And now?")
    other = {id_: {**record, "output": [said("Other.")]} for id_, record in stored.items()}
    assert said_by(read(dialect, other, "resp_2", "Then?")) == ["Other."] * 3


def said_by(asked: Asked) -> list[str]:
    return [message.content[0].text for message in asked.turn.messages if message.role == "assistant"]  # type: ignore[union-attr]


def test_a_chain_with_a_gap_is_gone_even_if_it_was_read_before() -> None:
    dialect, stored = Responses(), Stored()
    last = grow(dialect, stored, 5)
    read(dialect, stored, last, "And now?")
    del stored["resp_2"]
    with pytest.raises(InvalidRequestError) as caught:
        read(dialect, stored, last, "And now?")
    assert caught.value.code == "previous_response_not_found"


def test_only_the_newest_chains_are_remembered_and_no_more_text_than_allowed() -> None:
    stored = Stored()
    pasts = past.Pasts(count=3, characters=100)

    def continued(id_: str, text: str) -> None:
        answered(stored, id_, None, [user("Hi")], [said(text)])
        pasts.read(id_, [user("More")], None, stored=stored, fetched={}, ignored=[])

    for number in range(5):
        continued(f"resp_{number}", "short")
    assert len(pasts) == 3
    continued("resp_5", "x" * 90)
    assert len(pasts) == 2  # "Hi", "short", "Hi" and these
    continued("resp_6", "x" * 200)  # too long to be remembered at all
    assert len(pasts) == 0


CALL: Wire = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
OUTPUT: Wire = {"type": "function_call_output", "call_id": "c1", "output": "one"}
DEVELOPER: Wire = {"role": "developer", "content": "Mind this."}
PICTURE: Wire = {"type": "input_image", "image_url": data_url(picture())}
ITEMS = st.sampled_from(
    [
        user("Hi"),
        user("  "),
        {
            "role": "user",
            "content": [{"type": "unheard_of"}, {"type": "input_image", "image_url": data_url(picture())}],
        },
        DEVELOPER,
        said("Well."),
        CALL,
        {**CALL, "call_id": "c2"},
        OUTPUT,
        {**OUTPUT, "call_id": "c2"},
        {**OUTPUT, "call_id": "nobody's"},
        {"type": "reasoning", "summary": []},
        {"type": "web_search_call"},
        {"type": "unheard_of"},
    ]
)
TURN = st.tuples(st.lists(ITEMS, min_size=1, max_size=3), st.lists(ITEMS, max_size=3), st.integers(0, 3))


@PROPERTY
@example([([user("Hi")], [{"type": "unheard_of"}], 0), ([DEVELOPER], [], 0)])  # the newest turn lies in the past
@example([([user("Hi")], [CALL, {**OUTPUT, "call_id": "nobody's"}], 0), ([OUTPUT], [], 0)])
@given(st.lists(TURN, min_size=1, max_size=6))
def test_a_chain_that_is_read_on_gives_the_conversation_that_it_gives_read_whole(turns: list[Any]) -> None:
    pasts, stored, ids = past.Pasts(), Stored(), [None]
    for number, (items, output, back) in enumerate(turns):
        previous: Any = ids[max(0, len(ids) - 1 - back)]  # branches too
        chain, at = [*places("input", items)], previous
        while at is not None:
            chain = [*places(past.PLACE, stored[at]["input"] + stored[at]["output"]), *chain]
            at = stored[at]["parent"]
        read_on: list[str] = []
        whole: list[str] = []
        assert outcome(
            partial(pasts.read, previous, items, "Be brief.", stored=stored, fetched={}, ignored=read_on), read_on
        ) == outcome(partial(ItemReader({}, whole).read, chain, "Be brief."), whole)
        ids.append(answered(stored, f"resp_{number}", previous, items, output))  # type: ignore[arg-type]


def places(name: str, items: list[Wire]) -> list[tuple[str, Wire]]:
    return [(name if name == past.PLACE else f"{name}[{at}]", item) for at, item in enumerate(items)]


def outcome(read: Callable[[], Conversation], ignored: list[str]) -> object:
    try:
        return read(), sorted(ignored)
    except InvalidRequestError as error:
        return error.message, error.param
