"""The Chat Completions dialect: its paths, and the functions of this folder under the names of `Dialect`.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...snapshots import ModelSnapshot
from ...turns import Event, JsonObject
from ..content import find_image_urls
from ..dialect import Asked, Dialect, Failure, Frame, Framing, Reading, Stamp, Writer
from ..frames import json_frame
from .describe import CHAT_OPERATION
from .errors import write_error
from .models import write_models
from .parameters import PARAMETERS
from .read import ChatOptions, read_chat
from .usage import sum_usage
from .whole import write_completion
from .write import ChunkWriter, usage_chunk


class ChatCompletions(Dialect):
    """OpenAI's Chat Completions."""

    name = "openai_chat"
    title = "Chat Completions"
    paths = ("/v1/chat/completions", "/api/v1/chat/completions")
    id_prefix = "chatcmpl-"
    framing: Framing = "sse"
    streams_by_default = False
    operation = CHAT_OPERATION
    parameters = PARAMETERS

    def find_urls(self, body: JsonObject) -> Mapping[str, str]:
        return find_image_urls(body)

    def read(self, body: JsonObject, reading: Reading) -> Asked:
        return read_chat(body, reading)

    def writer(self, asked: Asked, stamp: Stamp, index: int) -> ChunkWriter:
        return ChunkWriter(asked, stamp, index)

    def closing(self, asked: Asked, stamp: Stamp, writers: Sequence[Writer]) -> Sequence[Frame]:
        """Make the usage chunk, where it was asked for: one for all choices."""
        options: ChatOptions = asked.options
        chunk_writers = [writer for writer in writers if isinstance(writer, ChunkWriter)]
        if not options.include_usage:
            return ()
        usage = sum_usage(writer.usage for writer in chunk_writers)
        return (json_frame(usage_chunk(stamp, chunk_writers[0].model, usage)),)

    def whole(self, asked: Asked, stamp: Stamp, answers: Sequence[Sequence[Event]]) -> JsonObject:
        return write_completion(asked, stamp, answers)

    def error(self, failure: Failure) -> JsonObject:
        return write_error(failure)

    def error_frames(self, failure: Failure, writers: Sequence[Writer]) -> Sequence[Frame]:
        return (json_frame(write_error(failure)),)

    def models(self, offered: Sequence[ModelSnapshot]) -> JsonObject:
        return write_models(offered)
