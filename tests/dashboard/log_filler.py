"""Fills a session log with exchanges of any time, through the writer's own steps."""

from __future__ import annotations

import base64
import hashlib
import io
import random
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image as Picture

from tray_bridge.errors import TrayBridgeError
from tray_bridge.machine.private_files import make_private_folder, replace_file
from tray_bridge.session_log.exchange import Exchange, Outcome
from tray_bridge.session_log.record import Record
from tray_bridge.session_log.writer import file_of
from tray_bridge.snapshots import SessionKind
from tray_bridge.turns import (
    Event,
    Message,
    TextDelta,
    ThinkingDelta,
    Tool,
    ToolCallDelta,
    ToolCallStarted,
    Turn,
    TurnEnded,
    TurnStarted,
    Usage,
)
from tray_bridge.turns import Text as TextBlock


def write_exchange(
    folder: Path,
    exchange_id: str,
    *,
    client: str,
    request: Mapping[str, Any],
    events: Iterable[Event] = (),
    received: datetime | None = None,
    outcome: Outcome | None = "completed",
    status: int = 200,
    kind: SessionKind = "generic",
    queued: float = 0.0,
    error: TrayBridgeError | None = None,
    mode: Any = "full",
    dialect: str = "openai_chat",
    endpoint: str = "/v1/chat/completions",
    turn: Turn | None = None,
    understood: bool = True,
) -> None:
    """Put one exchange into the log in `folder`; without an outcome it stays without an end.

    One that was not understood has no turn: its request may have anything.
    """
    exchange = Exchange(
        exchange_id,
        mode=mode,
        endpoint=endpoint,
        dialect=dialect,
        client=client,
        key_name=None,
        streamed=bool(request.get("stream")),
        request=request,
        on_end=lambda: None,
    )
    exchange.received = (received or datetime.now()).astimezone()
    if understood:
        exchange.set_turn(turn or turn_of(request))
    exchange.set_session(kind, queued=queued)
    for event in events:
        exchange.record(event)
    if outcome:
        exchange.end(outcome, status=status, error=error)
    rng = random.Random(exchange_id)
    ready = queued + rng.uniform(0.004, 0.05) + (1.9 if kind == "cold" else 0)
    first = ready + rng.uniform(0.5, 1.4)
    exchange.timings = {"queued_s": queued, "session_ready_s": round(ready, 4)}
    if exchange.events:
        exchange.timings["first_token_s"] = round(first, 4)
    if outcome:
        exchange.timings["end_s"] = round(first + rng.uniform(0.4, 8), 4)

    def store_blob(data: str, media_type: str) -> str:
        content = base64.b64decode(data)
        extension = media_type.rpartition("/")[2].replace("jpeg", "jpg")
        name = f"{hashlib.sha256(content).hexdigest()}.{extension}"
        replace_file(folder / "blobs" / name, content)
        return name

    record = Record(exchange, store_blob)
    document = record.document({"pid": 1, "alive_at": 0})
    file = file_of(exchange)
    make_private_folder((folder / file).parent)
    (folder / file).write_bytes(record.render(document))


def turn_of(request: Mapping[str, Any]) -> Turn:
    """The turn of a request in Chat Completions, as far as the log's tests need it."""
    messages = [m for m in request.get("messages", ()) if m["role"] in ("user", "assistant") and m.get("content")]
    last = [(m["role"], m["content"]) for m in messages] or [("user", "")]
    tools = tuple(Tool(t["function"]["name"], "", {}) for t in request.get("tools", ()))
    turned = tuple(Message(role, (TextBlock(_joined(content)),)) for role, content in last)
    return Turn("claude-sonnet-4-5", turned, ("Be brief.",), tools=tools)


def _joined(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))


def question(text: Any, model: str = "sonnet", **others: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], "stream": True, **others}


def answer(text: str, *, thinking: str = "", tokens: int = 180, cached: int = 0) -> list[Event]:
    events: list[Event] = [TurnStarted("claude-sonnet-4-5-20250929")]
    if thinking:
        events.append(ThinkingDelta(thinking))
    return [*events, TextDelta(text), TurnEnded("end_turn", Usage(640, tokens, cached, 0, len(thinking) // 4))]


def call(name: str, arguments: str, text: str = "") -> list[Event]:
    return [
        TurnStarted("claude-sonnet-4-5-20250929"),
        *([TextDelta(text)] if text else []),
        ToolCallStarted(0, "toolu_01Wb7", name),
        ToolCallDelta(0, arguments),
        TurnEnded("tool_use", Usage(2210, 64, 1890)),
    ]


def chart_png() -> str:
    """A small picture with something on it, as a data URL."""
    image = Picture.new("RGB", (360, 200), "#f4f1ea")
    for i, height in enumerate((60, 95, 80, 130, 155, 120)):
        image.paste("#148c8e", (30 + i * 52, 180 - height, 66 + i * 52, 180))
    out = io.BytesIO()
    image.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


SUBJECTS = ("the parser", "the cache", "a date range", "the invoice", "our release notes", "the retry loop", "a query")
VERBS = ("Explain", "Rewrite", "Shorten", "Test", "Translate", "Review", "Name")
CLIENTS = ("OpenAI Python SDK", "Continue", "aider", "Open WebUI", "curl", "Zed", "LangChain")


def fill(folder: Path, count: int, *, until: datetime | None = None, days: float = 3) -> None:
    """Write `count` small exchanges spread over the last `days`."""
    rng = random.Random(7)
    end = until or datetime.now()
    for i in range(count):
        received = end - timedelta(days=days * (count - i) / count)
        asked = f"{rng.choice(VERBS)} {rng.choice(SUBJECTS)}, number {i}"
        write_exchange(
            folder,
            f"req_{i:016x}",
            client=rng.choice(CLIENTS),
            request=question(asked, rng.choice(("sonnet", "opus", "haiku"))),
            events=answer(f"Here is what I would do with it. Step {i} comes first.", tokens=rng.randrange(20, 900)),
            received=received,
            kind=rng.choice(("parked", "generic", "generic", "fitting", "cold")),
        )
