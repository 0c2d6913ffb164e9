"""Edit YAML, TOML and .env files in place: comments, order and whatever else is there stay. Pure.

Knows as much of YAML as the clients' files need: top-level keys, and lists of blocks. What it cannot place safely is a
ValueError, and the person is shown the lines to add.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any


def set_yaml_keys(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with these top-level keys; a key that is there gets its new value on its line."""
    newline = _newline(text)
    for key, value in values.items():
        line = f"{key}: {_yaml(value)}"
        pattern = re.compile(rf"(?m)^{re.escape(key)}[ \t]*:(?P<rest>[^\r\n]*)")
        found = pattern.search(text)
        if found is None:
            text = _with_end(text, newline) + line + newline
            continue
        if not re.fullmatch(r"\s*[^\s|>&\[{#][^#]*?(?P<comment>\s+#.*)?|\s*(?P<only>#.*)?", found["rest"]):
            raise ValueError(f"the value of {key} is on several lines")
        comment = re.search(r"\s+#.*$", found["rest"])
        text = text[: found.start()] + line + (comment[0] if comment else "") + text[found.end() :]
    return text


def set_yaml_item(text: str, key: str | None, first: str, rest: Sequence[str]) -> str:
    """Return `text` with a block in the list under `key`, or in the file's own list.

    `first` is the block's first line, by which an earlier one is found and replaced; `rest` its other lines.
    """
    newline = _newline(text)
    lines = _with_end(text, newline).splitlines(keepends=True) if text else []
    start, indent = 0, ""
    if key is not None:
        lines, start = _list_under(lines, key, newline)
        indent = next(
            (found[1] for line in lines[start:] if (found := re.match(r"( *)- ", line))), "  "
        )  # of the items that are there
    end = _end_of_list(lines, start, indent)
    block = [f"{indent}- {first}{newline}", *(f"{indent}  {line}{newline}" for line in rest)]
    for at in range(start, end):
        if lines[at].strip() == f"- {first}":
            after = at + 1
            while after < end and not re.match(rf"{indent}- ", lines[after]):
                after += 1
            return "".join([*lines[:at], *block, *lines[after:]])
    return "".join([*lines[:end], *block, *lines[end:]])


def set_env(text: str, values: Mapping[str, str]) -> str:
    """Return the text of a .env file with these variables."""
    newline = _newline(text)
    for name, value in values.items():
        line = f"{name}={value}"
        found = re.search(rf"(?m)^(?:export[ \t]+)?{re.escape(name)}[ \t]*=[^\r\n]*", text)
        if found:
            export = "export " if found[0].startswith("export") else ""
            text = text[: found.start()] + export + line + text[found.end() :]
        else:
            text = _with_end(text, newline) + line + newline
    return text


def set_toml(text: str, values: Mapping[str, Any]) -> str:
    """Return the text of a TOML file with these values; a mapping is merged into the table of that name."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        _merge(document, values)
    except (TOMLKitError, TypeError) as error:
        raise ValueError(str(error)) from error
    return tomlkit.dumps(document)


def _merge(table: Any, values: Mapping[str, Any]) -> None:
    import tomlkit

    for key, value in values.items():
        if not isinstance(value, Mapping):
            table[key] = value
            continue
        if key not in table:
            table[key] = tomlkit.table(is_super_table=all(isinstance(each, Mapping) for each in value.values()))
        _merge(table[key], value)


def _list_under(lines: list[str], key: str, newline: str) -> tuple[list[str], int]:
    """The lines, with the key among them, and the number of the line after it."""
    for number, line in enumerate(lines):
        if not re.match(rf"{re.escape(key)}[ \t]*:", line):
            continue
        value = line.partition(":")[2].partition("#")[0].strip()
        if value == "[]":
            lines = [*lines[:number], line.replace("[]", "", 1).rstrip() + newline, *lines[number + 1 :]]
        elif value:
            raise ValueError(f"the list under {key} is not written as one item a line")
        return lines, number + 1
    return [*lines, f"{key}:{newline}"], len(lines) + 1


def _end_of_list(lines: Sequence[str], start: int, indent: str) -> int:
    """The number of the line after the list's last one; blank lines and comments after it do not belong to it."""
    end = start
    for number in range(start, len(lines)):
        line = lines[number]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line.startswith((f"{indent}- ", f"{indent} ", f"{indent}-\n", f"{indent}-\r")):
            break
        end = number + 1
    return end


def _yaml(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_][\w./-]*(:[\w./-]+)*", text) else json.dumps(text)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _with_end(text: str, newline: str) -> str:
    return text if not text or text.endswith("\n") else text + newline
