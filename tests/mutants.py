"""Mutation testing by sample: small faults in one module at a time; the tests of that module must notice each.

    python -m tests.mutants                 a sample of each module of the list, with the seed given
    python -m tests.mutants choose --most 0 every mutant of one module
    python -m tests.mutants --write         the same, into docs/test-strength.md
    python -m tests.mutants --again         the page's survivors without a reason, once more

These tests need no fixture of `conftest`, which is left out: it loads the whole app.

A mutant is made from the syntax tree, run in a forked process, and killed when a test fails or takes too long.
Needs `os.fork`. Prints the survivors as `module:line: change`; `SURVIVORS` says why some may live.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.abc
import importlib.util
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.strength_page import replace_rows, rows_of
from tests.survivors import ADDED, MISSING, reason, row

ROOT = Path(__file__).parents[1]
SECONDS = 40  # of processor time for one mutant, so that a busy machine kills none
# Without the plugins and the settings that these tests do not need.
OPTIONS = (
    *("-x", "-q", "--tb=no", "--noconftest", "--import-mode=importlib", "-o", "addopts="),
    *("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:playwright", "-p", "no:schemathesis"),
)
PATIENCE = 30 * SECONDS
NOTHING_TO_RUN = int(pytest.ExitCode.NO_TESTS_COLLECTED)
TARGETS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {  # name: modules, tests
    "choose": (["claude/choose"], ["tests/claude/test_choose.py"]),
    "answer": (["claude/answer"], ["tests/claude/test_answer_reader.py", "tests/claude/test_transcripts.py"]),
    "conversation": (
        ["claude/conversation", "claude/conversation_key"],
        [
            "tests/claude/test_conversation.py",
            "tests/claude/test_conversation_key.py",
            "tests/claude/test_transcripts.py",
        ],
    ),
    "index": (
        ["session_log/index", "session_log/index_tables", "session_log/search"],
        [
            "tests/session_log/test_log_index.py",
            "tests/session_log/test_log_index_rows.py",
            "tests/session_log/test_log_conversation.py",
            "tests/session_log/test_log_reader.py",
            "tests/session_log/test_log_usage.py",
            "tests/session_log/test_log_spoilt.py",
            "-k not (killed or over_5000 or whatever_a_file)",  # these take seconds
        ],
    ),
    "bridge": (
        ["bridge/*", "bridge/*/*"],
        [
            "tests/bridge",
            "tests/faults/test_tool_schemas.py",
            "tests/faults/test_tool_keys.py",
            "tests/faults/test_history.py",
            "-k not (reach_the_model or does_not_take_the_others or goes_on_in_its_process or five_thousand)",
        ],
    ),
}
COMPARED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COUNTED: Mapping[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add}


def changed(node: ast.AST) -> Iterator[ast.AST]:
    """Give the node with one small fault, in each way that there is."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARED:
        yield ast.Compare(node.left, [COMPARED[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in COUNTED:
        yield ast.BinOp(node.left, COUNTED[type(node.op)](), node.right)
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield ast.Constant(not node.value)
        elif isinstance(node.value, (int, float)):
            yield ast.Constant(node.value + 1)
        elif isinstance(node.value, str):
            yield ast.Constant(f"{node.value}!" if node.value else "!")
    elif isinstance(node, ast.Return) and not (node.value is None or ast.unparse(node.value) == "None"):
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, (ast.Assign, ast.AugAssign, ast.Expr, ast.Raise)):
        yield ast.Pass()


class Mutant(NamedTuple):
    """One small fault: its line, what was changed, and what puts it into the module's tree."""

    path: Path
    line: int
    change: str
    number: int
    variant: ast.AST

    @property
    def place(self) -> str:
        """Name its module, as in `claude/choose`."""
        return self.path.relative_to(ROOT / "tray_bridge").with_suffix("").as_posix()

    def lives(self, tests: Sequence[str]) -> bool:
        """Return whether no test notices it."""
        name = ".".join(self.path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        return survives(name, self.path, self.tree(), nearest_first(tests, name))

    def tree(self) -> ast.Module:
        """Make the module's syntax tree with the fault in it."""
        tree = ast.parse(self.path.read_text("utf-8"))
        target = list(walk(tree))[self.number]
        Replace(target, ast.copy_location(self.variant, target)).visit(tree)
        return ast.fix_missing_locations(tree)


def mutants(path: Path) -> Iterator[Mutant]:
    """Give each mutant of a module. Docstrings, types and messages stay."""
    for number, node in enumerate(walk(ast.parse(path.read_text("utf-8")))):
        for variant in changed(node):
            was, became = ast.unparse(node).split("\n")[0], ast.unparse(variant).split("\n")[0]
            yield Mutant(path, getattr(node, "lineno", 0), f"{was}  →  {became}", number, variant)


class Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else self.generic_visit(node)


def walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs within functions: no docstrings, no annotations, no texts of errors and log lines."""
    for outer in ast.walk(tree):
        if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for statement in outer.body:
                yield from _walk(statement)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.JoinedStr)) or _is_log_line(node):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns") or (isinstance(node, ast.Raise) and name == "exc"):
            continue
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, ast.AST):
                yield from _walk(inner)


def _is_log_line(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and ast.unparse(node).startswith("logger.")


class Planted(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Load one module from a syntax tree."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self.path, self.tree = name, path, tree

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def exec_module(self, module: Any) -> None:
        exec(compile(self.tree, str(self.path), "exec"), module.__dict__)


def survives(name: str, path: Path, tree: ast.Module, parts: Sequence[Sequence[str]]) -> bool:
    child = os.fork()
    if not child:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        sys.meta_path.insert(0, Planted(name, path, tree))
        code = 1
        try:
            code = any(int(pytest.main([*OPTIONS, *part])) not in (0, NOTHING_TO_RUN) for part in parts)
        finally:
            os._exit(code)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def nearest_first(tests: Sequence[str], module: str) -> list[list[str]]:
    """Part the tests by what notices a fault soonest: files that name the module, the others, then properties."""
    options = [test for test in tests if test[0] == "-"]
    files = [
        path for test in tests if test[0] != "-" for path in sorted((ROOT / test).rglob("test_*.py")) or [ROOT / test]
    ]
    texts = {path: path.read_text("utf-8") for path in files}
    room, last = module.rpartition(".")[0], module.rpartition(".")[2]
    order = sorted(files, key=lambda path: (room not in texts[path], last not in texts[path]))
    near = [str(path) for path in order if module in texts[path]]
    far = [str(path) for path in order if str(path) not in near]
    tables, properties = ("-m", "not full and not hypothesis"), ("-m", "not full and hypothesis")
    wide = [path for path in far if "wire_forms" in path]  # which runs through every dialect
    far = [path for path in far if path not in wide]
    parts = [(tables, near), (tables, wide), (tables, far), (properties, near), (properties, far)]
    return [[*options, *marked, *chosen] for marked, chosen in parts if chosen]


def modules(patterns: Sequence[str]) -> list[Path]:
    return [path for pattern in patterns for path in sorted((ROOT / "tray_bridge").glob(f"{pattern}.py"))]


def try_again() -> int:
    """Try the survivors without a reason once more, with the tests and reasons of today, and write what came of it."""
    rows = []
    for before in rows_of("survivors", SURVIVORS_HEAD):
        if MISSING not in before:
            rows.append(before)
            continue
        target = before.split("|")[1].strip()
        patterns, tests = TARGETS[target]
        found = [mutant for path in modules(patterns) for mutant in mutants(path)]
        same = [one for one in found if row(target, one.place, one.line, one.change, MISSING) == before]
        if not same:
            print(f"not found any more, so it stays as it is: {before}")
        why = [reason(one.place, one.change) if one.lives(tests) else ADDED for one in same]
        left = MISSING if not same or MISSING in why else next((each for each in why if each != ADDED), ADDED)
        rows.append(before.replace(MISSING, left))
        print(rows[-1], flush=True)
    replace_rows("survivors", SURVIVORS_HEAD, rows, ())
    return 1 if any(MISSING in each for each in rows) else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="*", help=f"of {', '.join(TARGETS)}; all, if none is named")
    parser.add_argument("--most", type=int, default=40, help="mutants of each target; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="put the figures into docs/test-strength.md")
    parser.add_argument("--again", action="store_true", help="try the page's survivors that have no reason yet again")
    options = parser.parse_args()
    for heavy in HEAVY:
        importlib.import_module(heavy)
    settings.register_profile(
        "mutants", deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
    )
    settings.load_profile("mutants")
    if options.again:
        return try_again()
    rows, survivors = [], []
    for target in options.target or TARGETS:
        patterns, tests = TARGETS[target]
        found = [mutant for path in modules(patterns) for mutant in mutants(path)]
        total = len(found)
        if options.most and total > options.most:
            found = random.Random(options.seed).sample(found, options.most)
        sound = survives("nothing", ROOT, ast.parse(""), nearest_first(tests, "nothing"))
        assert sound, f"{target}: its tests fail without any fault"
        alive = 0
        for mutant in found:
            if mutant.lives(tests):
                alive += 1
                place, line, change = mutant.place, mutant.line, mutant.change
                survivors.append(row(target, place, line, change))
                print(f"  tray_bridge/{place}.py:{line}: {change} ({reason(place, change)})", flush=True)
        killed = len(found) - alive
        folders = ", ".join(f"`{test}`" for test in tests if test[0] != "-")
        tried = f"{len(found)}, seed {options.seed}" if len(found) < total else "all"
        rows.append(f"| {target} | {folders} | {total} | {tried} | {killed} | {killed / len(found):.0%} |")
        print(f"{target}: {killed} of {len(found)} killed ({killed / len(found):.0%}), of {total} mutants", flush=True)
    if options.write:
        replace_rows("mutants", MUTANTS_HEAD, rows, options.target)
        replace_rows("survivors", SURVIVORS_HEAD, survivors, options.target)
    return 0


HEAVY = (
    *("openai", "psutil", "hypothesis", "pydantic", "fastapi", "uvicorn", "httpx"),
    *("PIL.Image", "jsonschema", "mcp", "claude_agent_sdk"),
)
MUTANTS_HEAD = ("| code | tests | faults there are | tried | noticed | |", "| --- | --- | --- | --- | --- | --- |")
SURVIVORS_HEAD = ("| code | place | change | why it may live |", "| --- | --- | --- | --- |")


if __name__ == "__main__":
    sys.exit(main())
