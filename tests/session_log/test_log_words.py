"""An exchange as a person reads it: the words of the inside stay inside."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from tests.session_log.log_fixtures import answer, begin
from tray_bridge.session_log import LogReader, SessionLog, as_markdown
from tray_bridge.snapshots import SessionKind


def test_a_process_is_told_in_words_whatever_way_it_was_chosen(tmp_path: Path) -> None:
    log = SessionLog(tmp_path)
    log.open()
    for kind in get_args(SessionKind):
        exchange = begin(log, kind)
        exchange.set_session(kind)
        answer(exchange)
    log.close()
    for kind in get_args(SessionKind):
        document = LogReader(tmp_path).get(kind)
        assert document is not None
        (line,) = [line for line in as_markdown(document).splitlines() if line.startswith("- Process: ")]
        assert line.removeprefix("- Process: ").startswith(("a ", "went on ", "took over "))
