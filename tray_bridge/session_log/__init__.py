"""The session log: one file for each exchange, written on a thread of its own, so that no request waits for it.

A folder per day holds one pretty-printed JSON file per exchange; `blobs` holds images and files, once each;
`index.db` finds them and can be made again from the files; `usage.db` counts for a year. `writer` puts them there,
`reader` finds and deletes them.
"""

from .exchange import Exchange, LogMode, Outcome
from .export import FORMS, as_curl, as_json, as_markdown, export, with_files
from .prices import prices_of
from .reader import LogReader
from .report import as_report
from .search import Filter, LogPage
from .summary import Summary
from .usage import GROUPS, UsageBook, as_csv
from .writer import SessionLog

__all__ = [
    "FORMS",
    "GROUPS",
    "Exchange",
    "Filter",
    "LogMode",
    "LogPage",
    "LogReader",
    "Outcome",
    "SessionLog",
    "Summary",
    "UsageBook",
    "as_csv",
    "as_curl",
    "as_json",
    "as_markdown",
    "as_report",
    "export",
    "prices_of",
    "with_files",
]
