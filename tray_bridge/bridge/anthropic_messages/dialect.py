"""The Messages dialect: its paths, and the functions of this folder under the names of `Dialect`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...snapshots import ModelSnapshot
from ...turns import Event, JsonObject
from ..content import find_image_urls
from ..dialect import Asked, Dialect, Failure, Frame, Framing, Reading, Stamp, Writer
from ..estimate_tokens import estimate_turn
from .describe import OPERATION
from .failure import write_error
from .models import describe_model, list_models, page_of
from .options import Options
from .parameters import PARAMETERS
from .read import read_request
from .threads import continued_id, kept_answer
from .whole import write_blocks, write_message
from .write import MessageWriter, frame


class Messages(Dialect):
    """Anthropic's Messages API."""

    name = "anthropic_messages"
    title = "Messages"
    paths = tuple(f"{prefix}/messages{end}" for prefix in ("/v1", "/api/v1", "/v1/v1") for end in ("", "/count_tokens"))
    id_prefix = "msg_"
    framing: Framing = "named_sse"
    streams_by_default = False
    operation = OPERATION
    parameters = PARAMETERS
    stores = True

    def owns(self, path: str, headers: Mapping[str, str]) -> bool:
        """Own the paths, and every path that is asked with `anthropic-version`, as Anthropic's libraries do."""
        return "anthropic-version" in headers or super().owns(path, headers) or path == "/v1/complete"

    def headers(self, request_id: str) -> Mapping[str, str]:
        return {"request-id": request_id}

    def find_urls(self, body: JsonObject) -> Mapping[str, str]:
        return find_image_urls(body)

    def stored_ids(self, body: JsonObject) -> Sequence[str]:
        previous = continued_id(body)
        return (previous,) if previous else ()

    def read(self, body: JsonObject, reading: Reading) -> Asked:
        return read_request(body, reading)

    def writer(self, asked: Asked, stamp: Stamp, index: int) -> Writer:
        return MessageWriter(asked, stamp)

    def keep_alive(self, asked: Asked, stamp: Stamp) -> Frame | None:
        return frame("ping", {})

    def whole(self, asked: Asked, stamp: Stamp, answers: Sequence[Sequence[Event]]) -> JsonObject:
        if not answers:
            return {"input_tokens": estimate_turn(asked.turn) if asked.counted is None else asked.counted}
        return write_message(asked, stamp, answers[0])

    def kept(self, asked: Asked, stamp: Stamp, answers: Sequence[Sequence[Event]]) -> Mapping[str, JsonObject]:
        options: Options = asked.options
        if options.thread is None or not answers:
            return {}
        content = write_blocks(answers[0], omit_thinking=options.omit_thinking)
        return {stamp.id: kept_answer(options.thread, content)}

    def error(self, failure: Failure) -> JsonObject:
        return write_error(failure)

    def error_frames(self, failure: Failure, writers: Sequence[Writer]) -> Sequence[Frame]:
        return (frame("error", write_error(failure)),)

    def models(self, offered: Sequence[ModelSnapshot]) -> JsonObject | None:
        return list_models(offered)

    def models_page(self, listed: JsonObject, query: Mapping[str, str]) -> JsonObject:
        return page_of(listed, query)

    def model(self, name: str, model: ModelSnapshot) -> JsonObject | None:
        return describe_model(name, model)


DIALECT = Messages()
