"""An exchange → a report for an issue, from which keys, texts and names are struck out.

Pure. Owns what a report leaves out, wherever it stands: an error's message quotes the request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .export import as_json, as_markdown, fenced, messages_of
from .report_words import WORDS
from .summary import texts_of

# Keys of this bridge, of the API and of those that clients are often given.
_KEYS = re.compile(r"\b(?:tb-|sk-|sk_|xox[abp]-|gh[pousr]_|AKIA)[\w-]{8,}|(?i:bearer\s+)[\w.~+/-]{8,}=*")
_STRUCK = "[struck out]"
_TEXTS = ("turn", "request", "response", "answer", "reasoning", "tool_calls", "conversation")
_NAMES = {"name", "tool_name", "function_name", "server_label", "client", "key_name", "user", "user_id", "filename"}
_ROLES = (None, "system", "developer", "user", "assistant", "tool", "function")
_LONGEST = 50  # characters of a name that an error's message shows in any case
# Between quotation marks; what is cut has an ellipsis in place of the second.
_QUOTED = re.compile(r'"(?:\\.|[^"\\…])*(?:"|…|$)|(?<!\w)\'(?:\\.|[^\'\\…])*(?:\'(?!\w)|…)|`[^`]*`|“[^”]*”')
_WORD = re.compile(r"\w+")
_PART = re.compile(r"[^\W_]+")
_ADDRESS = re.compile(r"\b[a-z][\w+.-]*:\S+", re.IGNORECASE)
_BEFORE = r"(?:(?<![^\W_])|(?<=\\[nrtbf]))"  # no letter, but that of an escape
_AGAIN = re.compile(rf"{re.escape(_STRUCK)}(?:[^\w\[]{{0,3}}{re.escape(_STRUCK)})+")


def as_report(document: Mapping[str, Any], versions: str, *, texts: bool = False, names: bool = False) -> str:
    """Give a report for an issue. Keys never are in it; `texts` and `names` are in it if they are asked for."""
    shown = dict(document)
    if not texts:
        for name in _TEXTS:
            shown.pop(name, None)
        calls = document.get("tool_calls") or ()
        shown["tool_calls"] = [{"name": call["name"], "arguments": _STRUCK} for call in calls]
        sent = "\n".join(_forms({name: document.get(name) for name in (*_TEXTS, "model")})).casefold()
        told = document.get("error") or {}
        shown["error"] = {name: _own_words(text, sent) for name, text in told.items() if isinstance(text, str)}
    if not (texts and names):
        for name in ("model", "answered_by"):
            shown[name] = document.get(name) if _is_known(document.get(name) or "") else _STRUCK
    if not names and (found := set(_names_in(document))):
        pattern = re.compile(
            "|".join(_name_pattern(name) for name in sorted(found, key=len, reverse=True)), re.IGNORECASE
        )
        shown = {name: _without(value, pattern) for name, value in shown.items()}
    text = f"{versions}\n\n{as_markdown(shown)}"
    if not texts and (shape := _shape(document)):
        text += f"\n## Request, without its texts\n\n{fenced(as_json(shape, 2), 'json')}\n"
    return _KEYS.sub(_STRUCK, text)


def _own_words(text: str, sent: str) -> str:
    """Give an error's text without what came from the request: `sent` is all of that, folded."""

    def quoted(found: re.Match[str]) -> str:
        inner = found[0].strip("\"'`“”…")
        is_ours = _is_known(inner) and (inner.casefold() not in sent or (found[0][0] == "`" and " " not in inner))
        return found[0] if is_ours else _STRUCK

    def word(found: re.Match[str]) -> str:
        parts = _PART.findall(found[0])
        return _STRUCK if any(part.casefold() in sent and not _is_known(part) for part in parts) else found[0]

    def address(found: str) -> str:
        return _STRUCK if found.rstrip(".,;:)…").casefold() in sent else _WORD.sub(word, found)

    out, end = [], 0
    for one in re.finditer(f"{_QUOTED.pattern}|{_ADDRESS.pattern}", text, re.IGNORECASE):
        is_quoted = _QUOTED.fullmatch(one[0])
        out += [_WORD.sub(word, text[end : one.start()]), quoted(one) if is_quoted else address(one[0])]
        end = one.end()
    out.append(_WORD.sub(word, text[end:]))
    return _AGAIN.sub(_STRUCK, "".join(out))


def _is_known(text: str) -> bool:
    """Whether all words are ours, or short numbers, which tell nothing of what was asked."""
    parts = re.findall(r"[^\W\d_]+|\d+|_", text)
    return all(part == "_" or part.casefold() in WORDS or (part.isdigit() and len(part) <= 8) for part in parts)


def _forms(value: Any) -> Iterator[str]:
    """Yield every text of a JSON value, its names too, as it is and as messages quote it."""
    if isinstance(value, str):
        yield from (value, json.dumps(value), repr(value), ascii(value))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _forms(name)
            yield from _forms(item)
    elif isinstance(value, list):
        for item in value:
            yield from _forms(item)


def _names_in(value: Any) -> Iterator[str]:
    """Yield the names of client, key, tools and people, wherever they stand."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name in _NAMES and isinstance(item, str) and item.strip():
                yield item
            yield from _names_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names_in(item)


def _name_pattern(name: str) -> str:
    """Give the pattern of a name, also in quotes and inside a longer name; a long one may have been cut."""
    name = name.strip()
    quoted = (json.dumps(name), json.dumps(name, ensure_ascii=False), repr(name), ascii(name))
    forms = dict.fromkeys((name, *(form[1:-1] for form in quoted)))
    if len(name) > _LONGEST:
        return "|".join(rf"{re.escape(form[:_LONGEST])}[\w-]*" for form in forms)
    return "|".join(rf"{_BEFORE}{re.escape(form)}(?![^\W_])" for form in forms)


def _without(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(_STRUCK, value)
    if isinstance(value, Mapping):
        return {
            name if _is_known(name) else pattern.sub(_STRUCK, name): _without(item, pattern)
            for name, item in value.items()
        }
    return [_without(item, pattern) for item in value] if isinstance(value, list) else value


def _shape(document: Mapping[str, Any]) -> dict[str, Any]:
    """Give a request's parameters and the lengths of its texts."""
    request = document.get("request") or {}
    plain = {
        name: value for name, value in request.items() if isinstance(value, (bool, int, float)) and _is_known(name)
    }
    source = document.get("turn") or request
    counts = [
        {
            "role": _STRUCK if message.get("role") not in _ROLES else message.get("role"),
            "characters": sum(map(len, texts_of(message.get("content")))),
        }
        for message in messages_of(source)
    ]
    tools = source.get("tools")
    return {**plain, "messages": counts, "tools": len(tools) if isinstance(tools, list) else 0} if request else {}
