"""Descriptions of settings: the values of each, and how they are written. Must not know what a setting does."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

Fields = Mapping[str, FieldInfo]
UNPREFIXED = frozenset({"port", "pool_size", "claude_timeout"})  # variables without `TRAY_BRIDGE_` before their name


class SettingDescription(NamedTuple):
    """The description of one setting, for docs/settings.md, the settings file and `--help`."""

    key: str
    variable: str
    default: str
    expected: str
    description: str


def describe(fields: Fields) -> list[SettingDescription]:
    """Describe every field, in order."""
    return [
        SettingDescription(key, variable(key), toml(field.default), expected(field), (field.description or "").strip())
        for key, field in fields.items()
    ]


def nearest(key: str, names: Iterable[str]) -> str:
    """Suggest the known name that is most like `key`; empty if none is."""
    close = difflib.get_close_matches(key, list(names), 1)
    return f" Did you mean `{close[0]}`?" if close else ""


def variable(key: str) -> str:
    """Name the environment variable of a setting."""
    return key.upper() if key in UNPREFIXED else f"TRAY_BRIDGE_{key.upper()}"


def expected(field: FieldInfo) -> str:
    """Describe the values of a setting: `a whole number from 0 to 16`."""
    kind = field.annotation
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f"`{choice}`" for choice in get_args(kind))
    if kind is bool:
        return "true or false"
    if kind in (int, float):
        return ("a whole number" if kind is int else "a number") + _limits(field)
    if kind == Path | None:
        return "a path"
    if get_origin(kind) is tuple:
        return "a list of texts"
    return "a table of name = model" if get_origin(kind) is dict else "a text"


def _limits(field: FieldInfo) -> str:
    low = next((limit.ge for limit in field.metadata if isinstance(limit, Ge)), None)
    high = next((limit.le for limit in field.metadata if isinstance(limit, Le)), None)
    if low is None:
        above = " above 0" if field.metadata else ""
        return above if high is None else f"{above}, {high} at most"
    return f", {low} or more" if high is None else f" from {low} to {high}"


def plain(value: object) -> object:
    """Give `value` in TOML's own types."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def toml(value: object) -> str:
    """Write `value` as it stands in settings.toml, on one line."""
    import tomlkit

    if value is None:
        return '""'
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        table.update(value)
        return table.as_string()
    return tomlkit.item(plain(value)).as_string()
