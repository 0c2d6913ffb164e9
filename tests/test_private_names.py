"""No test reads what the package keeps to itself: what a test needs to see is public, or seen from outside."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import tray_bridge

TESTS = Path(__file__).parent
PRIVATE = r"_(?!_)\w+"
MADE = re.compile(rf"(?:\bdef |\bclass |self\.|^)({PRIVATE})\b", re.MULTILINE)
MAY_TAKE = re.compile(rf"\.{PRIVATE}|import .*\b{PRIVATE}|[\"'.]{PRIVATE}[\"']")
PATCHING = ("setattr", "getattr", "delattr", "object")


def names_taken(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of each private name that is taken from an object, from a module of ours or by a patch."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tray_bridge"):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name)):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if called in PATCHING:
                texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
                yield from ((node.lineno, text.rpartition(".")[2]) for text in texts if isinstance(text, str))


def test_no_test_takes_a_private_name_of_the_package() -> None:
    package = Path(tray_bridge.__file__).parent
    theirs = {name for path in package.rglob("*.py") for name in MADE.findall(path.read_text("utf-8"))}
    assert len(theirs) > 300
    offences = []
    for path in sorted(TESTS.rglob("*.py")):
        text = path.read_text("utf-8")
        if path.parent.name == "bench" or not MAY_TAKE.search(text):
            continue  # the benchmarks measure the inner steps of several versions
        private = theirs - set(MADE.findall(text)) - {"_replace"}  # which every NamedTuple has
        taken = [(line, name) for line, name in names_taken(ast.parse(text)) if name in private]
        offences += [f"{path.relative_to(TESTS)}:{line}: {name}" for line, name in taken]
    assert offences == []
