"""Requests with many pictures: above 20, the Messages API takes none with a side above 2,000 pixels."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import replace

from ..turns import Block, Image, Message, ToolResult
from .content import IMAGE_BYTES
from .fit_image import fit_image, take_time
from .media_type import image_size

FEW = 20
MOST_SIDE = 2000


def fit_many(messages: Sequence[Message], changed: list[str]) -> list[Message]:
    """Give the messages with their pictures made small enough for their number; `changed` gets a word if one was
    changed.
    """
    if sum(map(_pictures_in, messages)) <= FEW:
        return list(messages)
    take_time()
    return [replace(each, content=tuple(_fitted(block, changed) for block in each.content)) for each in messages]


def _pictures_in(message: Message) -> int:
    results = (block.content for block in message.content if isinstance(block, ToolResult))
    return sum(isinstance(block, Image) for content in (message.content, *results) for block in content)


def _fitted(block: Block, changed: list[str]) -> Block:
    if isinstance(block, Image):
        return _fitted_image(block, changed)
    if isinstance(block, ToolResult):
        parts = (_fitted_image(part, changed) if isinstance(part, Image) else part for part in block.content)
        return replace(block, content=tuple(parts))
    return block


def _fitted_image(image: Image, changed: list[str]) -> Image:
    data = b64decode(image.data)
    if max(image_size(data, image.media_type)) <= MOST_SIDE:
        return image
    if not (fitted := fit_image(data, most_bytes=IMAGE_BYTES, most_side=MOST_SIDE)):
        return image  # animated: the API's own error is passed on
    changed.append("image.scaled")
    return Image(fitted[1], b64encode(fitted[0]).decode())
