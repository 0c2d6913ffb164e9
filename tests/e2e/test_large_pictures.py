"""While large photos are scaled, others are answered (fault A20)."""

from __future__ import annotations

import base64
import io
import threading
import time

import httpx
import pytest
from PIL import Image

from tests.resilience.faults import bound
from tests.running_bridge import RunningBridge, directive

LONGEST_PAUSE = 0.3  # seconds; the scaling of the photo takes longer


@pytest.fixture(scope="module")
def photo() -> str:
    """A photo of more than 8,000 pixels a side, whose file is small."""
    written = io.BytesIO()
    Image.linear_gradient("L").resize((9000, 9000)).convert("RGB").save(written, "JPEG", quality=30)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"


def test_others_are_answered_while_a_photo_is_scaled(bridge: RunningBridge, photo: str) -> None:
    url = bridge.url
    with httpx.Client(base_url=url, timeout=60, verify=False) as other:
        other.get("/health")
        content = [{"type": "text", "text": directive(text="seen")}, {"type": "image_url", "image_url": {"url": photo}}]
        body = {"model": "sonnet", "messages": [{"role": "user", "content": content}]}
        answers: list[httpx.Response] = []
        asking = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60))
        )
        asking.start()
        longest = 0.0
        while asking.is_alive():
            began = time.perf_counter()
            other.get("/health")
            longest = max(longest, time.perf_counter() - began)
            time.sleep(0.02)  # to ask all the time would take longer than the scaling
    assert answers[0].status_code == 200, answers[0].text
    assert "image.scaled" in answers[0].headers["x-bridge-ignored"]
    print(f"longest pause {longest * 1000:.0f} ms")
    assert longest < bound(LONGEST_PAUSE)
