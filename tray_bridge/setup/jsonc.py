"""Edit JSON with comments in place: everything that is not changed stays as it was, to the byte. Pure.

Editors' settings files hold comments and trailing commas, which a parser and a writer of plain JSON would lose.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

# A name steps into an object, a pair into the item of a list whose member has that value.
Step: TypeAlias = "str | tuple[str, str]"

_BLANK = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCALAR = re.compile(r"[^\s,\]}/]+")


class _Member(NamedTuple):
    """One member of an object, or an item of a list (without a name): where it begins, where its value is."""

    name: str | None
    start: int
    value: int
    end: int


def set_value(text: str, path: Sequence[Step], value: Any) -> str:
    """Return `text` with `value` at `path`; makes what is missing on the way. Raises ValueError for broken JSON."""
    newline = "\r\n" if "\r\n" in text else "\n"
    start = _skip(text, 0)
    if start == len(text):
        lead = text if not text or text.endswith("\n") else text + newline
        return lead + _dump(_nest(path, value), "", newline) + newline
    read(text)
    return _set(text, start, path, value, "", newline)


def read(text: str) -> Any:
    """Return what the text holds; raises ValueError."""
    start = _skip(text, 0)
    if start == len(text):
        return None
    found, end = _read(text, start)
    if _skip(text, end) != len(text):
        raise ValueError("there is something after the end")
    return found


def _set(text: str, start: int, path: Sequence[Step], value: Any, indent: str, newline: str) -> str:
    step, rest = path[0], path[1:]
    wanted = "{" if isinstance(step, str) else "["
    if text[start] != wanted:
        raise ValueError(f"there is no {'object' if wanted == '{' else 'list'} where {step!r} belongs")
    members = list(_members(text, start))
    inner = _indent_of(text, members[0].start) if members else indent + "  "
    for member in members:
        if not _is_it(text, member, step):
            continue
        if not rest:
            return text[: member.value] + _dump(value, inner, newline) + text[member.end :]
        return _set(text, member.value, rest, value, inner, newline)
    name = f"{json.dumps(step)}: " if isinstance(step, str) else ""
    new = name + _dump(_nest(rest, value), inner, newline)
    if not members:
        close = _skip(text, start + 1)
        kept = text[start + 1 : close].rstrip()  # comments in an empty object
        return f"{text[: start + 1]}{kept}{newline}{inner}{new}{newline}{indent}{text[close:]}"
    end = members[-1].end
    after = _skip(text, end)
    if text[after] == ",":
        return f"{text[: after + 1]}{newline}{inner}{new}{text[after + 1 :]}"
    return f"{text[:end]},{newline}{inner}{new}{text[end:]}"


def _is_it(text: str, member: _Member, step: Step) -> bool:
    if isinstance(step, str):
        return member.name == step
    found, _ = _read(text, member.value)
    return isinstance(found, Mapping) and found.get(step[0]) == step[1]


def _nest(path: Sequence[Step], value: Any) -> Any:
    for step in reversed(path):
        value = {step: value} if isinstance(step, str) else [value]
    return value


def _dump(value: Any, indent: str, newline: str) -> str:
    lines = json.dumps(value, indent=2, ensure_ascii=False).split("\n")
    return (newline + indent).join(lines)


def _indent_of(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line if not line.strip() else "  "


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _members(text: str, start: int) -> Iterator[_Member]:
    """What the object or list that begins at `start` holds."""
    is_object = text[start] == "{"
    at = _skip(text, start + 1)
    while at < len(text) and text[at] not in "}]":
        begin, name = at, None
        if is_object:
            name, at = _read_string(text, at)
            at = _skip(text, at)
            if text[at : at + 1] != ":":
                raise ValueError(f"a colon is missing after {name!r}")
            at = _skip(text, at + 1)
        value = at
        _, at = _read(text, at)
        yield _Member(name, begin, value, at)
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] not in ("}", "]"):
            raise ValueError("a comma is missing")
    if at >= len(text):
        raise ValueError("it is not finished")


def _end_of(text: str, start: int, members: Sequence[_Member]) -> int:
    at = _skip(text, members[-1].end if members else start + 1)
    if text[at : at + 1] == ",":
        at = _skip(text, at + 1)
    return at + 1


def _read(text: str, at: int) -> tuple[Any, int]:
    """The value at a place, and where it ends."""
    if at >= len(text):
        raise ValueError("it is not finished")
    if text[at] in "{[":
        members = list(_members(text, at))
        values = [_read(text, member.value)[0] for member in members]
        end = _end_of(text, at, members)
        if text[at] == "[":
            return values, end
        return {str(member.name): value for member, value in zip(members, values, strict=True)}, end
    if text[at] == '"':
        return _read_string(text, at)
    match = _SCALAR.match(text, at)
    if match is None:
        raise ValueError("a value is missing")
    return json.loads(match[0]), match.end()


def _read_string(text: str, at: int) -> tuple[str, int]:
    match = _STRING.match(text, at)
    if match is None:
        raise ValueError("a text is missing")
    return str(json.loads(match[0], strict=False)), match.end()
