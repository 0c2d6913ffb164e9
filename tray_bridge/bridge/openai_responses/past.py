"""The stored answers that a request continues, each read once: a turn reads what is new, however long its chain is.

Safe from several threads. Must not know where answers are stored.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import NamedTuple

from ...turns import JsonObject
from ..fields import refuse, shown
from ..messages import Conversation
from .items import ItemReader, begins_anew
from .stored import is_response

COUNT = 64
CHARACTERS = 16_000_000  # of all conversations together
PLACE = "previous_response_id"


class _Read(NamedTuple):
    """What was read up to one stored answer, of which `record` is the record."""

    record: JsonObject
    reader: ItemReader


class Pasts:
    """Keep the chains that were continued last, each as it was read up to its newest stored answer."""

    def __init__(self, count: int = COUNT, characters: int = CHARACTERS) -> None:
        self._most, self._largest = count, characters
        self._read: OrderedDict[str, _Read] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._read)

    def read(
        self,
        previous: str | None,
        given: Sequence[JsonObject],
        instructions: str | None,
        *,
        stored: Mapping[str, JsonObject],
        fetched: Mapping[str, bytes],
        ignored: list[str],
    ) -> Conversation:
        """Read the chain that ends with the answer `previous`, and the request's own items."""
        chain = _chain(previous, stored)
        places = [(f"input[{index}]", item) for index, item in enumerate(given)]
        newest = next((item for _, record in chain for item in reversed(_items(record))), None)
        if previous is None or newest is None or not begins_anew(given, newest):
            past = [(PLACE, item) for _, record in reversed(chain) for item in _items(record)]
            return ItemReader(fetched, ignored).read([*past, *places], instructions)
        return self._up_to(chain).copy(fetched, ignored).read(places, instructions)

    def _up_to(self, chain: Sequence[tuple[str, JsonObject]]) -> ItemReader:
        """Give the reader of a chain, newest first; only what was never read is read now."""
        with self._lock:
            known = next((at for at, (id_, record) in enumerate(chain) if self._knows(id_, record)), len(chain))
            if known == 0:
                self._read.move_to_end(chain[0][0])
                return self._read[chain[0][0]].reader
            before = self._read[chain[known][0]].reader if known < len(chain) else ItemReader({}, [])
        reader = before.copy({}, [])
        for _, record in reversed(chain[:known]):
            reader.read_past((PLACE, item) for item in _items(record))
        with self._lock:
            if known < len(chain):  # two chains that branch here read it once more
                self._drop(chain[known][0])
            self._drop(chain[0][0])
            self._read[chain[0][0]] = _Read(chain[0][1], reader)
            self._size += reader.size
            while len(self._read) > self._most or self._size > self._largest:
                self._drop(next(iter(self._read)))
        return reader

    def _knows(self, id_: str, record: JsonObject) -> bool:
        found = self._read.get(id_)
        return found is not None and found.record is record

    def _drop(self, id_: str) -> None:
        if (old := self._read.pop(id_, None)) is not None:
            self._size -= old.reader.size


def _chain(previous: str | None, stored: Mapping[str, JsonObject]) -> list[tuple[str, JsonObject]]:
    """Give the chain that ends with this answer, newest first."""
    chain: list[tuple[str, JsonObject]] = []
    id_ = previous
    while id_ is not None:
        record = stored.get(id_)
        if record is None or not is_response(record):
            refuse(
                f"Previous response with id {shown(previous)} not found.",
                PLACE,
                code="previous_response_not_found",
                hint="It is not stored here any more: send the whole conversation.",
            )
        chain.append((id_, record))
        id_ = record["parent"]
    return chain


def _items(record: JsonObject) -> list[JsonObject]:
    return [*record["input"], *record["output"]]
