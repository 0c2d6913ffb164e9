"""Which pictures reach the model as they were sent, and that the client hears of the others (fault A18)."""

from __future__ import annotations

import base64
import io
import random
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from PIL import Image as Picture

from tests.running_bridge import RunningBridge, directive


def noise(width: int, height: int, kind: str = "PNG") -> bytes:
    written = io.BytesIO()
    mode = "L" if kind == "GIF" else "RGB"  # to choose a palette takes a second
    pixels = random.Random(1).randbytes(width * height * len(mode))
    Picture.frombytes(mode, (width, height), pixels).save(written, kind)
    return written.getvalue()


def flat(width: int, height: int) -> bytes:
    written = io.BytesIO()
    Picture.new("RGBA", (width, height), "navy").save(written, "PNG")
    return written.getvalue()


def pictures(content: Any) -> Iterator[bytes]:
    for block in content if isinstance(content, list) else ():
        if block["type"] == "image":
            yield base64.b64decode(block["source"]["data"])
        yield from pictures(block.get("content"))


PICTURES: dict[str, tuple[Callable[[], bytes], bool]] = {
    "a small one": (lambda: noise(400, 330), True),
    "a long one": (lambda: flat(2000, 900), True),
    "a large one of few tiles": (lambda: flat(1960, 1900), True),
    "one of too many tiles": (lambda: flat(1999, 1999), False),
    "one that is too long": (lambda: flat(10, 2500), False),
    "one of too many bytes": (lambda: noise(500, 400), False),
    "a GIF of too many bytes": (lambda: noise(800, 800, "GIF"), False),
}


@pytest.mark.parametrize("which", PICTURES)
def test_a18_a_picture_is_exact_or_named(bridge: RunningBridge, which: str) -> None:
    draw, is_exact = PICTURES[which]
    data = draw()
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    content = [{"type": "text", "text": directive(text="seen")}, {"type": "image_url", "image_url": {"url": url}}]
    body = {"model": "sonnet", "messages": [{"role": "user", "content": content}]}
    response = httpx.post(f"{bridge.base_url}/chat/completions", json=body, timeout=60, verify=False)
    assert response.status_code == 200, response.text
    (seen,) = (each for m in bridge.standin.requests[-1].body["messages"] for each in pictures(m["content"]))
    assert (seen == data) is is_exact
    assert ("image.reencoded" in response.headers.get("x-bridge-ignored", "")) is not is_exact
