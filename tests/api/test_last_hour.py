"""The page's last hour over a restart of the program."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path

from tests.dashboard.log_filler import answer, question, write_exchange
from tray_bridge.api.page.last_hour import LastHour
from tray_bridge.api.page.remember import remember
from tray_bridge.errors import UpstreamError
from tray_bridge.session_log import LogReader


def test_the_hour_before_the_program_began_is_taken_from_the_log(tmp_path: Path) -> None:
    def log(name: str, minutes: int, *, fails: bool = False) -> None:
        received = datetime.now() - timedelta(minutes=minutes)
        error = UpstreamError("Overloaded today.", status=529) if fails else None
        write_exchange(
            tmp_path,
            name,
            client="Zed",
            request=question("Hm"),
            received=received,
            events=() if fails else answer("Ja", tokens=minutes),
            outcome="error" if fails else "completed",
            error=error,
        )

    for name, minutes in (("long ago", 90), ("early", 30), ("late", 20)):
        log(name, minutes)
    log("failed", 25, fails=True)
    moment = [time.time()]
    hour = LastHour(lambda: moment[0])
    hour.answered("Zed", first_token=9.0, output_tokens=7)
    log("of this program", 0)
    remember(hour, LogReader(tmp_path))
    told = hour.as_json()
    assert (told["answers"], sum(told["tokens"]), told["slowest"]) == (3, 57, 9.0)
    assert [(error["id"], error["message"]) for error in told["errors"]] == [("failed", "Overloaded today.")]
    moment[0] += 2400
    later = hour.as_json()
    assert (later["answers"], later["errors"]) == (1, [])
