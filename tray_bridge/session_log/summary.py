"""An exchange's document → its summary, and the text that a search looks through; for every dialect.

Pure. Owns which texts of an exchange are the question, and which differences a search ignores.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

Summary: TypeAlias = dict[str, Any]
"""An exchange in a line; `summarise` says which keys."""

_PREVIEW = 160
_SEARCHED = 8_000
_WORDS = re.compile(r"[^\W_]+")
# A word that no query has, so that no phrase is found across two texts.
_BETWEEN = " \ue000 "
# Accents that stand by themselves, as on the i of "İ": SQLite takes them for a part of a word, `\w` does not.
_ACCENTS = re.compile("[\u0300-\u036f]")
# Scripts that write no spaces: each of their signs is a word, so that a search finds what stands in mid-sentence.
_SPACELESS = re.compile("([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")


def summarise(document: Mapping[str, Any], file: str) -> Summary:
    """Give the line for the exchange in `file` (`<day>/<name>`): no texts but previews of them."""
    question, answer = question_of(document), document.get("answer") or ""
    kept = ("id", "received", "endpoint", "client", "key_name", "model", "answered_by", "streamed")
    also = ("outcome", "status", "session", "timings", "stop_reason", "usage", "blobs")
    error = document.get("error") or {}
    return {
        "file": file,
        "at": datetime.fromisoformat(document["received"]).timestamp(),
        "dialect": document.get("dialect", "openai_chat"),
        **{key: document.get(key) for key in kept + also},
        "error": error.get("title"),
        "tools": [call["name"] for call in document.get("tool_calls") or ()],
        "question": _first_line(question),
        "answer": _first_line(answer),
    }


def searched_text(document: Mapping[str, Any]) -> str:
    """Give question, answer, tool calls and error, folded: what a search by text looks through."""
    calls = " ".join(f"{call['name']} {call['arguments']}" for call in document.get("tool_calls") or ())
    error = " ".join(str(part) for part in (document.get("error") or {}).values())
    texts = (question_of(document), document.get("answer") or "", calls, error)
    return _BETWEEN.join(fold(text[:_SEARCHED]) for text in texts if text)


def fold(text: str) -> str:
    """Give `text` without differences of case and of how accents are written, and with a space beside each sign of a
    script that writes none.
    """
    folded = text.casefold()
    if folded.isascii():
        return folded
    return _SPACELESS.sub(r" \1 ", _ACCENTS.sub("", unicodedata.normalize("NFC", folded)))


def words(text: str) -> str:
    """Give the words of `text`, folded, with a space between: signs between them do not count."""
    return " ".join(_WORDS.findall(fold(text)))


def question_of(document: Mapping[str, Any]) -> str:
    """Give the texts of what was asked last, as it was understood or, failing that, as it was sent."""
    for source in (document.get("turn"), document.get("request")):
        if isinstance(source, Mapping):
            # `messages`: Chat Completions, Messages, Ollama; `input`: Responses; `prompt`: completions, Ollama.
            for name in ("messages", "input", "prompt"):
                if text := _last_text(source.get(name)):
                    return text
    return ""


def _last_text(asked: object) -> str:
    """Give the texts of the last message, or of a prompt that is a text or a list of texts."""
    if isinstance(asked, list) and asked and isinstance(asked[-1], Mapping):
        last = asked[-1]
        shown = next((last[name] for name in ("content", "output", "text") if last.get(name)), None)
        return "\n".join(texts_of(shown))
    return "\n".join(texts_of(asked))


def texts_of(content: object) -> Iterable[str]:
    """Give the texts in a message's content, tool results' too, in any dialect."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, str):
                yield part
            elif isinstance(part, Mapping):
                text = part.get("text")
                yield from texts_of(text if isinstance(text, str) else part.get("content") or part.get("output"))


def _first_line(text: str) -> str:
    line = " ".join(text[: _PREVIEW * 4].split())
    return line if len(line) <= _PREVIEW else line[: _PREVIEW - 1] + "…"
