"""Ollama's dialect: its paths, and the functions of this folder under the names of `Dialect`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...snapshots import ModelSnapshot
from ...turns import Event, JsonObject
from ..dialect import Asked, Dialect, Failure, Frame, Framing, Reading, Stamp, Writer
from ..frames import json_frame
from .describe import OPERATION
from .models import list_models
from .parameters import PARAMETERS
from .read import read_request
from .whole import write_answer, write_load
from .write import LineWriter, line


class Ollama(Dialect):
    """Ollama's API."""

    name = "ollama"
    title = "Ollama"
    paths = ("/api/chat", "/api/generate")
    id_prefix = "ollama-"
    framing: Framing = "ndjson"
    streams_by_default = True
    operation = OPERATION
    parameters = PARAMETERS
    header_seconds = 20.0  # Cline gives up after 30 s without a byte

    def owns(self, path: str, headers: Mapping[str, str]) -> bool:
        return path.startswith("/api/") and not path.startswith("/api/v1/")

    def read(self, body: JsonObject, reading: Reading) -> Asked:
        return read_request(body, reading)

    def writer(self, asked: Asked, stamp: Stamp, index: int) -> Writer:
        return LineWriter(asked, stamp)

    def closing(self, asked: Asked, stamp: Stamp, writers: Sequence[Writer]) -> Sequence[Frame]:
        return () if writers else (json_frame(write_load(asked, stamp)),)

    def keep_alive(self, asked: Asked, stamp: Stamp) -> Frame | None:
        """Make a line with empty text: clients parse each line, so an empty line would be an error."""
        return json_frame(line(asked, stamp, ""))

    def whole(self, asked: Asked, stamp: Stamp, answers: Sequence[Sequence[Event]]) -> JsonObject:
        return write_answer(asked, stamp, answers[0]) if answers else write_load(asked, stamp)

    def error(self, failure: Failure) -> JsonObject:
        return {"error": failure.message_with_field}

    def error_frames(self, failure: Failure, writers: Sequence[Writer]) -> Sequence[Frame]:
        return (json_frame(self.error(failure)),)

    def models(self, offered: Sequence[ModelSnapshot]) -> JsonObject | None:
        return list_models(offered)


DIALECT = Ollama()
