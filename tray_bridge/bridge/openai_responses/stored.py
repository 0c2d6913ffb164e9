"""What is stored of an answer, and how a later request continues it.

A record holds the answer as it was sent, the items of its own request, its output with all of Claude's thinking, and
the id of the answer before it: a link, not a copy. Instructions, tools and format of the request are not part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...turns import Event, JsonObject, TextDelta, ThinkingDelta, ToolCallDelta, TurnEnded
from ..dialect import Asked, Stamp
from .ids import answer_of, with_ids
from .items import references
from .request import ResponseOptions
from .write import ResponseWriter


def stored_ids(body: JsonObject) -> Sequence[str]:
    """Give the answers that a request refers to: the one that it continues, and those of its item references."""
    previous = body.get("previous_response_id")
    ids = [previous] if isinstance(previous, str) and previous else []
    owners = (answer_of(id_) for id_ in references(body.get("input")))
    return list(dict.fromkeys([*ids, *(owner for owner in owners if owner)]))


def stored_items(stored: Mapping[str, JsonObject]) -> Mapping[str, JsonObject]:
    """Give every item of these answers by its id."""
    records = [record for record in stored.values() if is_response(record)]
    return {item["id"]: item for record in records for part in ("input", "output") for item in record[part]}


def is_response(record: JsonObject) -> bool:
    """Return whether a record belongs to this dialect: others use the same store."""
    return "answer" in record


def write_record(asked: Asked, stamp: Stamp, events: Sequence[Event]) -> JsonObject | None:
    """Make the record of an answer; None if it is not stored, because of `store: false` or a refusal."""
    options: ResponseOptions = asked.options
    if not options.store or any(isinstance(event, TurnEnded) and event.stop_reason == "refusal" for event in events):
        return None
    writer = written(asked, stamp, events)
    return {
        "parent": options.previous,
        "input": with_ids(options.given, stamp.id),
        "output": writer.items,
        "answer": writer.answer,
    }


def written(asked: Asked, stamp: Stamp, events: Iterable[Event]) -> ResponseWriter:
    """Give a writer that has written these events."""
    writer = ResponseWriter(asked, stamp)
    for event in _joined(events):
        writer.write(event)
    return writer


def _joined(events: Iterable[Event]) -> Iterable[Event]:
    """Join neighbouring deltas: an answer has thousands of them."""
    pieces: list[str] = []
    last: Event | None = None
    for event in events:
        kind = type(event)
        if last is not None and (type(last) is not kind or (kind is ToolCallDelta and _index(last) != _index(event))):
            yield _delta(last, pieces)
            last, pieces = None, []
        if kind is TextDelta or kind is ThinkingDelta or kind is ToolCallDelta:
            last = event
            pieces.append(event.partial_json if isinstance(event, ToolCallDelta) else event.text)  # type: ignore[union-attr]
        else:
            yield event
    if last is not None:
        yield _delta(last, pieces)


def _index(event: Event) -> int:
    return event.index if isinstance(event, ToolCallDelta) else -1


def _delta(event: Event, pieces: Sequence[str]) -> Event:
    text = "".join(pieces)
    if isinstance(event, ToolCallDelta):
        return ToolCallDelta(event.index, text)
    return TextDelta(text) if isinstance(event, TextDelta) else ThinkingDelta(text)
