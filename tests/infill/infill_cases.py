# ruff: noqa: E501 - the documents read best whole
"""Thirty gaps in five languages, each with one right middle. A middle is judged by what the whole then means."""

from __future__ import annotations

import ast
import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from xml.etree import ElementTree

import tomlkit

GAP = "⟨⟩"


class Case(NamedTuple):
    language: str
    text: str  # the document, with its middle between the two signs of GAP

    @property
    def parts(self) -> tuple[str, str, str]:
        """What stands before the gap, the expected middle, and what stands after it."""
        before, rest = self.text.split(GAP[0])
        middle, after = rest.split(GAP[1])
        return before, middle, after

    def meaning(self, middle: str) -> Any:
        """What the document means with this middle; raises ValueError where it means nothing."""
        before, _, after = self.parts
        try:
            return MEANINGS[self.language](before + middle + after)
        except (SyntaxError, sqlite3.Error, ElementTree.ParseError) as error:
            raise ValueError(str(error)) from error

    def is_right(self, middle: str) -> bool:
        """Whether the document with this middle means what it means with the expected one."""
        try:
            return bool(self.meaning(middle) == self.meaning(self.parts[1]))
        except ValueError:
            return False


def _rows(script: str) -> list[Any]:
    """What each SELECT of a script gives."""
    connection = sqlite3.connect(":memory:")
    try:
        return [connection.execute(statement).fetchall() for statement in script.split(";") if statement.strip()]
    finally:
        connection.close()


MEANINGS: Mapping[str, Callable[[str], Any]] = {
    "python": lambda text: ast.dump(ast.parse(text)),
    "json": json.loads,
    "toml": lambda text: tomlkit.parse(text).unwrap(),
    "xml": lambda text: ElementTree.canonicalize(text, strip_text=True),
    "sql": _rows,
}

CASES = (
    Case("python", "def add(a, b):\n    return ⟨a + b⟩\n\nprint(add(1, 2))  # 3\n"),
    Case("python", "def is_even(n):\n    return n % 2 ⟨== 0⟩\n"),
    Case(
        "python",
        "def total(numbers):\n    result = 0\n    for number in numbers:\n⟨        result += number⟩\n    return result\n",
    ),
    Case("python", "import math\n\n\ndef area(radius):\n    return math.⟨pi * radius**2⟩\n"),
    Case("python", "class Point:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = ⟨y⟩\n"),
    Case("python", "names = ['a', 'b']\nfor index, name in ⟨enumerate(names)⟩:\n    print(index, name)\n"),
    Case("json", '{"name": "Ada", "born": 1815⟨}⟩'),
    Case("json", "[1, 2, 3, ⟨4⟩, 5, 6, 7, 8]"),
    Case("json", '{"a": {"b": [true, false⟨]⟩}}'),
    Case("json", '{"monday": 1, "tuesday": 2, "wednesday"⟨: 3⟩, "thursday": 4}'),
    Case("json", '[{"x": 0, "y": 0}, {"x": 1, "y": 1}, {⟨"x": 2, "y": 2⟩}, {"x": 3, "y": 3}]'),
    Case("json", '{"open": "⟨"⟩, "closed": ""}'),
    Case("toml", '[project]\nname = "demo"\nversion = ⟨"1.0.0"⟩  # the first stable release, 1.0.0\n'),
    Case("toml", "[one]\nvalue = 1\n\n[two]\nvalue = 2\n\n[three]\n⟨value = 3⟩\n\n[four]\nvalue = 4\n"),
    Case("toml", "week = ['mon', 'tue', 'wed', ⟨'thu'⟩, 'fri', 'sat', 'sun']\n"),
    Case("toml", "[server]\nhost = '127.0.0.1'\nport = 8000\n\n⟨[⟩client]\nserver = '127.0.0.1:8000'\n"),
    Case("toml", "enabled = true\ndisabled = ⟨false⟩ # the opposite of enabled\n"),
    Case("toml", "point = { x = 1, y = 2 ⟨}⟩\nother = { x = 3, y = 4 }\n"),
    Case("xml", "<list><item>1</item><item>2⟨</item>⟩<item>3</item></list>"),
    Case("xml", "<a><b><c/></b>⟨</a>⟩"),
    Case("xml", '<user name="Ada"><email⟨>⟩ada@example.org</email></user>'),
    Case("xml", "<row><one>1</one><two>2</two><three>⟨3</three>⟩<four>4</four></row>"),
    Case("xml", "<p>Water boils at 100 degrees <b>Celsius⟨</b>⟩.</p>"),
    Case("xml", '<items><item id="1"/><item id="2"/><item ⟨id="3"/>⟩<item id="4"/></items>'),
    Case("sql", "CREATE TABLE t (n INTEGER);\nINSERT INTO t VALUES (1), (2), (3);\nSELECT ⟨SUM(n)⟩ AS total FROM t;\n"),
    Case(
        "sql", "CREATE TABLE t (n INTEGER);\nINSERT INTO t VALUES (3), (1), (2);\nSELECT n FROM t ORDER ⟨BY n⟩ DESC;\n"
    ),
    Case(
        "sql",
        "CREATE TABLE t (a TEXT, b TEXT);\n-- only b is known\nINSERT INTO t ⟨(b)⟩ VALUES ('x');\nSELECT a, b FROM t;\n",
    ),
    Case(
        "sql",
        "CREATE TABLE t (n INTEGER);\nINSERT INTO t VALUES (1), (5);\n-- only numbers above 3\nSELECT n FROM t WHERE ⟨n > 3⟩;\n",
    ),
    Case(
        "sql",
        "CREATE TABLE t (k TEXT, n INTEGER);\nINSERT INTO t VALUES ('a', 1), ('a', 2), ('b', 3);\nSELECT k, COUNT(*) FROM t ⟨GROUP BY k⟩;\n",
    ),
    Case(
        "sql",
        "CREATE TABLE a (id INTEGER);\nCREATE TABLE b (id INTEGER);\nINSERT INTO a VALUES (1);\nINSERT INTO b VALUES (1);\nSELECT a.id FROM a JOIN b ON ⟨a.id = b.id⟩;\n",
    ),
)
