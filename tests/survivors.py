"""Why a fault that no test notices may live, and the rows of docs/test-strength.md that say so."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

MISSING = "**a test is missing**"
ADDED = "a test was missing; it has been added since"
# Why a mutant may live: its module, and a pattern of the change. The first that fits says it.
_SET_BEFORE = "it is set before it is read"
_NAME_OF_A_KIND = "any name will do that no other kind of block has"
SURVIVORS: Sequence[tuple[str, str, str]] = (
    ("claude/answer", "''  →  '!'", f"{_SET_BEFORE}, or any word will do that names no kind of block"),
    *(
        ("claude/answer", f"self.{name} = ''  →  pass", _SET_BEFORE)
        for name in ("_block", "_signature", "_whole_input")
    ),
    ("claude/answer", "False  →  True", _SET_BEFORE),
    ("claude/answer", "self._asked_for_tool = False  →  pass", _SET_BEFORE),
    ("claude/conversation", "False  →  True", "ids may be fewer than calls; the length was compared before"),
    ("claude/conversation", "1  →  2", "the key of the first message is no place to cut: its line stays"),
    *(("claude/conversation_key", f"'{name}'  →  *", _NAME_OF_A_KIND) for name in ("text", "image", "document")),
    *(("claude/conversation_key", f"'{name}'  →  *", _NAME_OF_A_KIND) for name in ("tool_use", "tool_result")),
    ("claude/conversation_key", "''  →  '!'", "no role has either name"),
    (
        "claude/conversation_key",
        "self._role = *",
        "with the role in each key the same conversations have the same keys",
    ),
    ("claude/conversation_key", "*1e+300*", "no number is so near the bound"),
    ("claude/choose", "0  →  1", "both are spares of another binding"),
    ("*", "'ascii'  →  *", "Python reads both names as one"),
    ("*", "'utf-8'  →  *", "Python reads both names as one"),
    ("bridge/*", "*.'  →  *.!'", "a sign after the end of a sentence"),
    ("bridge/tool_keys", "False  →  True", _SET_BEFORE),
    ("bridge/tool_keys", "self._awaits_key = False*", "the brace with which an object begins sets it"),
    ("bridge/openai_completions/write", "0  →  1", "the chunk of usage has no choices, where the index would stand"),
    ("bridge/ollama/read", "'source'  →  'source!'", "the reader finds a picture in neither"),
    ("session_log/*", "*.close()  →  pass", "Python closes it with its last reference"),
    ("session_log/index", "1  →  2", "each time it is opened it has another number"),
    ("session_log/index", "0  →  1", "no file has this number, or this time"),
    ("session_log/index", "0.0  →  1.0", "the clock of a machine that runs is past both"),
    ("session_log/index_tables", "*BEGIN IMMEDIATE*", "the lines before wait for another that is making it, too"),
    ("session_log/index_tables", "10  →  11", "a second more to wait for another writer"),
    ("session_log/*", "behind is not self  →  *", "Python closes it with its last reference"),
    ("session_log/*", "1000000000.0  →  *", "a nanosecond more of a second"),
    ("session_log/index", "self._on_disk = False  →  pass", _SET_BEFORE),
    ("session_log/index", "False  →  True", _SET_BEFORE),
    ("bridge/anthropic_messages/threads", "* > len(stored)  →  *", "a chain without a ring is shorter than both"),
    ("session_log/index", "cost < QUICK  →  *", "no cost is met to the nanosecond"),
    ("session_log/index", "self._inode = 0  →  *", _SET_BEFORE),
    ("session_log/index_tables", "*PRAGMA secure_delete = ON*", "the SQLite that is here does so unasked"),
    ("session_log/index", "3  →  4", "the text index is put together once more than need be"),
    ("session_log/*", "3  →  4", "the SQLite that is here is older than both"),
    ("session_log/*", "42  →  43", "the SQLite that is here is older than both"),
    ("session_log/index", "self.usage.number()  →  pass", "what is made next meets the same disk"),
    ("session_log/index", "return False  →  return None", "both say no"),
    ("session_log/index", "return 0  →  return None", "neither is a time that a file has"),
    ("session_log/*", "time.monotonic() < *  →  time.monotonic() <= *", "no moment is met to the nanosecond"),
    ("session_log/index", "self._room_due = *  →  pass", "the disk is tried once more than need be"),
)


def reason(place: str, change: str) -> str:
    """Say why a mutant may live."""
    for module, pattern, why in SURVIVORS:
        if fnmatch.fnmatchcase(place, module) and fnmatch.fnmatchcase(change, pattern):
            return why
    return MISSING


def row(target: str, place: str, line: int, change: str, why: str = "") -> str:
    """Make the row of a survivor."""
    return f"| {target} | `{place}.py`:{line} | `{_cell(change)}` | {why or reason(place, change)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "´")
