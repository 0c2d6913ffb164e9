"""What the tests of the session log share."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tray_bridge.session_log import Exchange, SessionLog
from tray_bridge.turns import Message, Text, TextDelta, Turn, TurnEnded, TurnStarted, Usage

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def begin(log: SessionLog, exchange_id: str = "one", question: str = "Why?", **request: Any) -> Exchange:
    body = {"model": "sonnet", "messages": [{"role": "user", "content": question}], **request}
    exchange = log.begin(
        exchange_id=exchange_id,
        endpoint="/v1/chat/completions",
        client="curl",
        key_name=None,
        streamed=True,
        request=body,
    )
    exchange.set_turn(Turn("claude-sonnet", (Message("user", (Text(question),)),)))
    exchange.set_session("generic")
    return exchange


def answer(exchange: Exchange, text: str = "Because.") -> None:
    exchange.record(TurnStarted("claude-sonnet-5"))
    exchange.record(TextDelta(text))
    exchange.record(TurnEnded("end_turn", Usage(input_tokens=3, output_tokens=2)))
    exchange.end("completed", status=200)


def wait_until(condition: Callable[[], object], timeout: float = 5.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("????-??-??/*.json"))
