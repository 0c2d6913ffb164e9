"""The log's last hour → the page's charts: what an earlier program answered, or failed to, is still of this hour."""

from __future__ import annotations

import logging
import sqlite3

from ...session_log import LogReader
from .last_hour import ERRORS, HOUR, LastHour

logger = logging.getLogger(__name__)


def remember(hour: LastHour, log: LogReader) -> None:
    """Put what the log has of the hour before this program began into `hour`. Blocks on the disk."""
    since = hour.began - HOUR
    try:
        answers = log.usage.recent(since, hour.began)
        failed = log.search(outcome="error", since=since, until=hour.began, limit=ERRORS).exchanges
    except (OSError, sqlite3.Error) as error:
        logger.info("The charts begin anew, as the log could not be read: %s", error)
        return
    failures = []
    for one in reversed(failed):
        told = (log.get(one["id"]) or {}).get("error") or {}
        failures.append((one["at"], one["id"], one["client"] or "", one["error"] or "Error", told.get("message") or ""))
    hour.remember(answers, failures)
