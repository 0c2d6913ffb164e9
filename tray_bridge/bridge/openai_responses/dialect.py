"""The Responses dialect: its paths, and the functions of this folder under the names of `Dialect`.

https://platform.openai.com/docs/api-reference/responses and https://www.openresponses.org
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...snapshots import ModelSnapshot
from ...turns import Event, JsonObject
from ..content import find_image_urls
from ..dialect import Asked, Dialect, Failure, Frame, Framing, Reading, Stamp, Writer
from ..openai_chat.errors import write_error
from .answer_object import write_object
from .describe import RESPONSES_OPERATION
from .ids import PREFIX
from .parameters import PARAMETERS
from .past import Pasts
from .read import read_request
from .stored import stored_ids, write_record, written
from .write import ResponseWriter


class Responses(Dialect):
    """OpenAI's Responses API."""

    name = "openai_responses"
    title = "Responses"
    paths = ("/v1/responses", "/api/v1/responses")
    id_prefix = PREFIX
    framing: Framing = "named_sse"
    streams_by_default = False
    operation = RESPONSES_OPERATION
    parameters = PARAMETERS
    stores = True

    def __init__(self) -> None:
        self._pasts = Pasts()

    def find_urls(self, body: JsonObject) -> Mapping[str, str]:
        return find_image_urls({"input": body.get("input")})

    def stored_ids(self, body: JsonObject) -> Sequence[str]:
        return stored_ids(body)

    def read(self, body: JsonObject, reading: Reading) -> Asked:
        return read_request(body, reading, self._pasts)

    def writer(self, asked: Asked, stamp: Stamp, index: int) -> ResponseWriter:
        return ResponseWriter(asked, stamp)

    def whole(self, asked: Asked, stamp: Stamp, answers: Sequence[Sequence[Event]]) -> JsonObject:
        """Write the object with which a stream of the same events ends."""
        writer = written(asked, stamp, answers[0])
        return writer.answer or write_object(stamp, asked.options.echo, asked.turn.model, "incomplete")

    def kept(self, asked: Asked, stamp: Stamp, answers: Sequence[Sequence[Event]]) -> Mapping[str, JsonObject]:
        record = write_record(asked, stamp, answers[0])
        return {} if record is None else {stamp.id: record}

    def error(self, failure: Failure) -> JsonObject:
        return write_error(failure)

    def error_frames(self, failure: Failure, writers: Sequence[Writer]) -> Sequence[Frame]:
        """Make `response.failed`, the only event whose reason every client shows."""
        (writer,) = writers
        assert isinstance(writer, ResponseWriter)  # noqa: S101 - `writer` made it
        return writer.fail(failure)

    def models(self, offered: Sequence[ModelSnapshot]) -> None:
        return None
