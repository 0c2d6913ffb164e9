"""The session log: every exchange in one file, written beside the server and never in its way.

A folder per day holds one pretty-printed JSON file per exchange and an index for those who search; `blobs`
holds images and files, once each. `writer` puts them there, `reader` finds and deletes them.
"""

from .exchange import Exchange, LogMode, Outcome
from .index import Summary
from .reader import LogPage, LogReader
from .writer import SessionLog

__all__ = ["Exchange", "LogMode", "LogPage", "LogReader", "Outcome", "SessionLog", "Summary"]
