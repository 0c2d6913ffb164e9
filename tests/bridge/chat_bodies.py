"""Requests as the tests of the bridge write them: short."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image as Picture

from tray_bridge.bridge.answer import AnswerShaper
from tray_bridge.bridge.dialect import Asked, Reading, Stamp
from tray_bridge.bridge.openai_chat.dialect import ChatCompletions
from tray_bridge.bridge.openai_chat.read import read_chat
from tray_bridge.bridge.openai_chat.wire import Chunk
from tray_bridge.bridge.openai_chat.write import ChunkWriter
from tray_bridge.errors import InvalidRequestError
from tray_bridge.turns import Event, Message, Turn

# A busy machine is no failure; the number of examples is the chosen profile's.
PROPERTY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

USER = {"role": "user", "content": "Hello"}


CHAT = ChatCompletions()
STAMP = Stamp("chatcmpl-1", 1)


def read(body: object, fetched: Mapping[str, bytes] | None = None, *, show_reasoning: bool = True) -> Asked:
    """Read a body; every model resolves to its own name."""
    reading = Reading(resolve_model=lambda name: name, fetched=fetched or {}, show_reasoning=show_reasoning)
    return read_chat(body, reading)


def ask(**fields: Any) -> Asked:
    """Read a body with one user message and these fields."""
    return read({"model": "sonnet", "messages": [USER], **fields})


class StreamedAnswer:
    """One choice as the engine streams it: the shaper, and the writer behind it."""

    def __init__(self, asked: Asked, index: int = 0) -> None:
        self.asked = asked
        self.shaper = AnswerShaper(asked, streamed=True)
        self.writer = ChunkWriter(asked, STAMP, index)

    def write(self, event: Event) -> list[Chunk]:
        return [chunk for shaped in self.shaper.shape(event) for chunk in self.writer.chunks(shaped)]

    def frames(self, event: Event) -> list[bytes]:
        return [frame.data for shaped in self.shaper.shape(event) for frame in self.writer.write(shaped)]

    def closing(self) -> list[Chunk]:
        return [json.loads(frame.data) for frame in CHAT.closing(self.asked, STAMP, [self.writer])]


def turn_of(*messages: Any, **fields: Any) -> Turn:
    return read({"messages": list(messages), **fields}).turn


def messages_of(*messages: Any, **fields: Any) -> tuple[Message, ...]:
    return turn_of(*messages, **fields).messages


def refusal_of(body: object) -> InvalidRequestError:
    """The error that the body is refused with."""
    with pytest.raises(InvalidRequestError) as caught:
        read(body)
    return caught.value


def picture(kind: str = "png", size: tuple[int, int] = (3, 2)) -> bytes:
    """A real image of this format."""
    file = io.BytesIO()
    Picture.new("RGB", size, "red").save(file, kind)
    return file.getvalue()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def data_url(data: bytes, media_type: str = "application/octet-stream") -> str:
    return f"data:{media_type};base64,{base64_of(data)}"
