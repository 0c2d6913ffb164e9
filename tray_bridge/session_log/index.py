"""What those who search read instead of every file: one line for each ended exchange of a day.

Owns the index file of a day folder and the summary that its lines hold. A line ends in the exchange's texts,
folded, so that a search is one pass over the bytes. It may lack exchanges (unfinished ones; a crash)
and may name some whose file is gone: the reader checks it against the folder.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from ..machine.private_files import replace_file

Summary: TypeAlias = dict[str, Any]
"""An exchange in a line; `summarise` says which keys."""

INDEX_NAME = "index.jsonl"
_PREVIEW = 160
_SEARCHED = 8_000
_SEARCHED_BY = ("model", "answered_by", "client", "key_name", "outcome")
_FILE_MARK = b'{"file": "'
_TEXT_MARK = b', "text": "'
# Appending and rewriting exclude each other; both happen only in the program that writes the log.
_changing = threading.Lock()


def summarise(document: Mapping[str, Any], file: str) -> Summary:
    """The line for the exchange in `file` (`<day>/<name>`): no texts but previews of them."""
    question, answer = question_of(document), document.get("answer") or ""
    kept = ("id", "received", "endpoint", "client", "key_name", "model", "answered_by", "streamed")
    also = ("outcome", "status", "session", "timings", "stop_reason", "usage", "blobs")
    error = document.get("error") or {}
    return {
        "file": file,
        "at": datetime.fromisoformat(document["received"]).timestamp(),
        **{key: document.get(key) for key in kept + also},
        "error": error.get("title"),
        "tools": [call["name"] for call in document.get("tool_calls") or ()],
        "question": _first_line(question),
        "answer": _first_line(answer),
    }


def searched_text(document: Mapping[str, Any]) -> str:
    """The question, answer, tool calls and error, folded: what a search by text looks through."""
    calls = " ".join(f"{call['name']} {call['arguments']}" for call in document.get("tool_calls") or ())
    error = " ".join(str(part) for part in (document.get("error") or {}).values())
    texts = (question_of(document), document.get("answer") or "", calls, error)
    return fold(" ".join(text[:_SEARCHED] for text in texts if text))


def fold(text: str) -> str:
    """`text` without what a search does not heed: case, and which white space it is."""
    return " ".join(text.casefold().split())


def question_of(document: Mapping[str, Any]) -> str:
    """The texts of the last message, as it was understood or, failing that, as it was sent."""
    for source in (document.get("turn"), document.get("request")):
        messages = source.get("messages") if isinstance(source, Mapping) else None
        if isinstance(messages, list) and messages and isinstance(messages[-1], Mapping):
            return "\n".join(_texts(messages[-1].get("content")))
    return ""


def _texts(content: object) -> Iterable[str]:
    """The texts in a message's content, tool results' too."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, Mapping):
                text = part.get("text")
                yield from _texts(text if isinstance(text, str) else part.get("content"))


def _first_line(text: str) -> str:
    line = " ".join(text[: _PREVIEW * 4].split())
    return line if len(line) <= _PREVIEW else line[: _PREVIEW - 1] + "…"


def append_line(day: Path, summary: Summary, text: str) -> None:
    """Add an exchange to the index of `day`; raises OSError."""
    # The line break in front keeps a line whole that follows one torn by a crash.
    line = b"\n" + _encode({**summary, "text": text}) + b"\n"
    with _changing:
        descriptor = os.open(day / INDEX_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(line)


def remove_lines(day: Path, files: set[str]) -> None:
    """Take exchanges out of the index of `day`; raises OSError."""
    path = day / INDEX_NAME
    with _changing:
        if path.exists():
            lines = path.read_bytes().splitlines()
            kept = [line for line in lines if (entry := decode_line(line)) and entry["file"] not in files]
            replace_file(path, b"".join(line + b"\n" for line in kept))


def decode_line(line: bytes) -> Summary | None:
    """The summary in a line, or None for an empty or torn one."""
    try:
        entry = json.loads(line)
        del entry["text"]
        return entry if is_summary(entry) else None
    except (ValueError, KeyError, TypeError):
        return None


def is_summary(entry: Mapping[str, Any]) -> bool:
    """Whether it holds what those who search and delete go by: anybody may have put a file into the folder."""
    return (
        all(isinstance(entry[key], str) for key in ("id", "file"))
        and all(isinstance(entry[key], (str, type(None))) for key in _SEARCHED_BY)
        and isinstance(entry["at"], (int, float))
        and isinstance(entry["blobs"], list)
        and all(isinstance(blob, str) for blob in entry["blobs"])
    )


def files_with(text: str, lines: bytes) -> Iterator[str]:
    """The files of the lines whose texts hold `text`: one pass over the bytes, many times as quick as parsing."""
    needle = _encode(fold(text))[1:-1]
    end = 0
    while (hit := lines.find(needle, end)) >= 0:
        start, end = lines.rfind(b"\n", 0, hit) + 1, lines.find(b"\n", hit)
        end = end if end >= 0 else len(lines)
        # Neither mark can be part of a value: there, quotes are escaped.
        texts = lines.find(_TEXT_MARK, start, end)
        if lines.startswith(_FILE_MARK, start) and lines.find(needle, texts + len(_TEXT_MARK), end) >= 0 <= texts:
            name = start + len(_FILE_MARK)
            yield lines[name : lines.find(b'"', name)].decode()


def _encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
