"""The answer under way, as the page gets it."""

from __future__ import annotations

from pathlib import Path

from tests.session_log.log_fixtures import begin
from tray_bridge.api.page.live_answer import pieces
from tray_bridge.session_log import SessionLog
from tray_bridge.turns import Restarted, TextDelta, ThinkingDelta


async def test_what_was_shown_before_an_answer_begins_again_is_void(tmp_path: Path) -> None:
    log = SessionLog(tmp_path)
    log.open()
    exchange = begin(log, "1")
    for event in (TextDelta("No"), Restarted(), ThinkingDelta("Hm."), TextDelta("Y"), TextDelta("es")):
        exchange.record(event)
    exchange.end("completed", status=200)
    assert [told async for told in pieces(exchange)] == [
        b'event: piece\ndata: {"restarted":true,"reasoning":"Hm.","text":"Yes"}\n\n',
        b"event: end\ndata: {}\n\n",
    ]
    log.close()
