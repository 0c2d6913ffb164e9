"""The dialect of legacy completions: its paths, and the functions of this folder under the names of `Dialect`.

https://platform.openai.com/docs/api-reference/completions
"""

from __future__ import annotations

from collections.abc import Sequence

from ...snapshots import ModelSnapshot
from ...turns import Event, JsonObject
from ..dialect import Asked, Dialect, Failure, Frame, Framing, Reading, Stamp, Writer
from ..frames import json_frame
from ..openai_chat.errors import write_error
from .describe import COMPLETIONS_OPERATION
from .parameters import PARAMETERS
from .read import CompletionOptions, read_completion
from .write import CompletionWriter, usage_chunk, write_completion


class Completions(Dialect):
    """OpenAI's first API, which autocomplete and edit prediction still speak."""

    name = "openai_completions"
    title = "Legacy completions"
    paths = ("/v1/completions", "/api/v1/completions")
    id_prefix = "cmpl-"
    framing: Framing = "sse"
    streams_by_default = False
    operation = COMPLETIONS_OPERATION
    parameters = PARAMETERS

    def read(self, body: JsonObject, reading: Reading) -> Asked:
        return read_completion(body, reading)

    def writer(self, asked: Asked, stamp: Stamp, index: int) -> CompletionWriter:
        return CompletionWriter(asked, stamp, index)

    def closing(self, asked: Asked, stamp: Stamp, writers: Sequence[Writer]) -> Sequence[Frame]:
        """Make the usage chunk, where it was asked for: one for all choices."""
        options: CompletionOptions = asked.options
        own = [writer for writer in writers if isinstance(writer, CompletionWriter)]
        return (json_frame(usage_chunk(stamp, own)),) if options.include_usage else ()

    def whole(self, asked: Asked, stamp: Stamp, answers: Sequence[Sequence[Event]]) -> JsonObject:
        return write_completion(asked, stamp, answers)

    def error(self, failure: Failure) -> JsonObject:
        return write_error(failure)

    def error_frames(self, failure: Failure, writers: Sequence[Writer]) -> Sequence[Frame]:
        return (json_frame(write_error(failure)),)

    def models(self, offered: Sequence[ModelSnapshot]) -> None:
        return None
