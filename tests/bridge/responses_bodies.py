"""Responses requests and answers as the tests of the bridge write them: short."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from tray_bridge.bridge.dialect import Asked, Frame, Reading, Stamp
from tray_bridge.bridge.openai_responses.dialect import Responses
from tray_bridge.errors import InvalidRequestError
from tray_bridge.turns import Event, JsonObject, Turn

Wire = dict[str, Any]
DIALECT = Responses()
STAMP = Stamp("resp_00112233aabbccdd", 1_700_000_000)


def read(body: Mapping[str, Any], stored: Mapping[str, JsonObject] | None = None, **options: Any) -> Asked:
    """Read a body; every model resolves to its own name."""
    reading = Reading(resolve_model=lambda name: name, stored=stored or {}, **options)
    return DIALECT.read({"model": "sonnet", **body}, reading)


def ask(*items: Any, **fields: Any) -> Asked:
    """Read a body with these items, or one plain question."""
    return read({"input": list(items) or "Hello", **fields})


def turn_of(*items: Any, **fields: Any) -> Turn:
    return ask(*items, **fields).turn


def refusal_of(body: Mapping[str, Any], stored: Mapping[str, JsonObject] | None = None) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        read(body, stored)
    return caught.value


def frames_of(asked: Asked, events: Iterable[Event]) -> list[Frame]:
    writer = DIALECT.writer(asked, STAMP, 0)
    return [frame for event in events for frame in writer.write(event)]


def stream_of(asked: Asked, events: Iterable[Event]) -> list[Wire]:
    """The parsed events of a stream."""
    return [json.loads(frame.data) for frame in frames_of(asked, events)]
