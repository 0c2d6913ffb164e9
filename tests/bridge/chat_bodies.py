"""Requests as the tests of the bridge write them: short."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image as Picture

from tray_bridge.bridge.openai_chat.read import ChatRequest, read_chat_request
from tray_bridge.errors import InvalidRequestError
from tray_bridge.turns import Message, Turn

# A busy machine is no failure; the number of examples is the chosen profile's.
PROPERTY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

USER = {"role": "user", "content": "Hello"}


def read(body: object, fetched: Mapping[str, bytes] | None = None) -> ChatRequest:
    """Read a body; every model resolves to its own name."""
    return read_chat_request(body, resolve_model=lambda name: name, fetched=fetched or {})


def ask(**fields: Any) -> ChatRequest:
    """Read a body with one user message and these fields."""
    return read({"model": "sonnet", "messages": [USER], **fields})


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
