"""Edit YAML, TOML and .env files in place: comments, order and whatever else is there stay. Pure.

Knows as much of YAML as the clients' files need: top-level keys, and lists of blocks. A parser then reads the
edited text: unless it means what it meant before, with the change, it is a ValueError, and the person is shown the
lines to add.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

OTHER_FORM = "it is written in a form that cannot be edited in place"


def set_yaml_keys(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with these top-level keys; a key that is there gets its new value on its line."""
    newline = _newline(text)
    before = _mapping(read_yaml(text))
    wanted = {**before, **{key: read_yaml(_yaml(value)) for key, value in values.items()}}
    for key, value in values.items():
        line = f"{key}: {_yaml(value)}"
        pattern = re.compile(rf"(?m)^([\"']?){re.escape(key)}\1[ \t]*:(?P<rest>[^\r\n]*)")
        found = pattern.search(text)
        if found is None:
            text = _with_end(text, newline) + line + newline
            continue
        if not re.fullmatch(r"\s*[^\s|>&\[{#][^#]*?(?P<comment>\s+#.*)?|\s*(?P<only>#.*)?", found["rest"]):
            raise ValueError(f"the value of {key} is on several lines")
        comment = re.search(r"\s+#.*$", found["rest"])
        text = text[: found.start()] + line + (comment[0] if comment else "") + text[found.end() :]
    return _checked(text, wanted)


def set_yaml_item(text: str, key: str | None, first: str, rest: Sequence[str]) -> str:
    """Return `text` with a block in the list under `key`, or in the file's own list.

    `first` is the block's first line, by which an earlier one is found and replaced; `rest` its other lines.
    """
    newline = _newline(text)
    before, item = read_yaml(text), read_yaml("\n".join((first, *rest)))
    items = (before if key is None else _mapping(before).get(key)) or []
    if not isinstance(items, list):
        raise ValueError(OTHER_FORM)
    name = next(iter(item))
    place = next((at for at, one in enumerate(items) if _is_named(one, name, item[name])), len(items))
    items = [*items[:place], item, *items[place + 1 :]]
    wanted = items if key is None else {**_mapping(before), key: items}

    lines = _with_end(text, newline).splitlines(keepends=True) if text else []
    if key is None:
        start = next((at + 1 for at, line in enumerate(lines) if line.startswith("---")), 0)
    else:
        lines, start = _list_under(lines, key, newline)
    indent = next(
        (found[1] for line in lines[start:] if (found := re.match(r"( *)- ", line))), "" if key is None else "  "
    )  # of the items that are there
    end = _end_of_list(lines, start, indent)
    block = [f"{indent}- {first}{newline}", *(f"{indent}  {line}{newline}" for line in rest)]
    starts = [at for at in range(start, end) if re.match(rf"{indent}-\s", lines[at])]
    at, after = (starts[place], [*starts, end][place + 1]) if place < len(starts) else (end, end)
    while after > at and (not lines[after - 1].strip() or lines[after - 1].lstrip().startswith("#")):
        after -= 1  # such lines belong to the next item
    return _checked("".join([*lines[:at], *block, *lines[after:]]), wanted)


def read_yaml(text: str) -> Any:
    """Return what the text holds, None for nothing; raises ValueError."""
    import yaml  # slow to import, and needed for a set-up alone

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ValueError(f"{getattr(error, 'problem', None) or 'it is no YAML'}{where}") from error


def _checked(text: str, wanted: Any) -> str:
    """Return the edited text if it holds what is wanted."""
    try:
        if read_yaml(text) == wanted:
            return text
    except ValueError:
        pass
    raise ValueError(OTHER_FORM)


def _mapping(found: Any) -> dict[str, Any]:
    if not isinstance(found, (dict, type(None))):
        raise ValueError("it holds no keys")
    return found or {}


def _is_named(item: Any, key: str, name: str) -> bool:
    return isinstance(item, Mapping) and item.get(key) == name


_ENV_VALUE = re.compile(r"""[ \t]*(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'#][^\r\n]*?|)[ \t]*?(?P<comment>[ \t]+#.*)?""")


def set_env(text: str, values: Mapping[str, str]) -> str:
    """Return the text of a .env file with these variables; one that is there twice is changed twice."""
    newline = _newline(text)
    for name, value in values.items():
        pattern = re.compile(rf"(?m)^(?P<lead>[ \t]*(?:export[ \t]+)?){re.escape(name)}[ \t]*=(?P<rest>[^\r\n]*)")

        def changed(found: re.Match[str], name: str = name, value: str = value) -> str:
            old = _ENV_VALUE.fullmatch(found["rest"])
            if old is None:
                raise ValueError(f"the value of {name} is on several lines")
            return f"{found['lead']}{name}={value}{old['comment'] or ''}"

        text, count = pattern.subn(changed, text)
        if not count:
            text = _with_end(text, newline) + f"{name}={value}{newline}"
    return text


def set_toml(text: str, values: Mapping[str, Any]) -> str:
    """Return the text of a TOML file with these values; a mapping is merged into the table of that name."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        wanted = _merged(document.unwrap(), values)
        _merge(document, values)
        new = tomlkit.dumps(document)
        if text.count("\n") == text.count("\r\n") > 0:
            new = re.sub(r"(?<!\r)\n", "\r\n", new)
        # The writer puts a key after a table if the file has dotted keys.
        if tomlkit.parse(new).unwrap() != wanted:
            raise ValueError(OTHER_FORM)
    except (TOMLKitError, TypeError) as error:
        raise ValueError(str(error)) from error
    return new


def _merged(before: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    inner = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    return {**before, **values, **{key: _merged(before.get(key, {}), value) for key, value in inner.items()}}


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
