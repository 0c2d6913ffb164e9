"""The directions of imports: what each part of the house may know."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

import tray_bridge
from tray_bridge.launch import switched_off

PACKAGE = Path(tray_bridge.__file__).parent
LEAVES = {"turns", "errors", "snapshots", "machine"}


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Every module that a file imports, in full; those of ours begin with `tray_bridge.`. Each file is read once."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    parts = ("tray_bridge", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def files(*places: str) -> list[Path]:
    found = [path for place in places for path in sorted((PACKAGE / place).rglob("*.py"))]
    assert found
    return found


def assert_never(places: tuple[str, ...], *forbidden: str) -> None:
    for path in files(*places):
        for name in imports(path):
            for module in forbidden:
                assert name != module and not name.startswith(f"{module}."), f"{path.name} imports {name}"


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_a_leaf_imports_nothing_of_ours_but_leaves(name: str) -> None:
    for path in files(name) if (PACKAGE / name).is_dir() else [PACKAGE / f"{name}.py"]:
        ours = [module for module in imports(path) if module.startswith("tray_bridge.")]
        assert {module.split(".")[1] for module in ours} <= LEAVES, path


@cache
def graph() -> dict[str, set[str]]:
    """Each module of ours with those that it imports, imports for types and inside functions included."""
    modules = {}
    for path in files(""):
        parts = ("tray_bridge", *path.relative_to(PACKAGE).with_suffix("").parts)
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return {name: {other for other in imports(path) if other in modules} - {name} for name, path in modules.items()}


def is_in(module: str, rooms: tuple[str, ...]) -> bool:
    return any(module == f"tray_bridge.{room}" or module.startswith(f"tray_bridge.{room}.") for room in rooms)


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("api", ("desktop", "command_line", "server")),
        ("bridge", ("claude", "api", "desktop", "session_log", "settings")),
        ("claude", ("bridge", "api", "desktop", "session_log", "settings")),
        ("desktop", ("api", "bridge", "claude", "server")),
        ("command_line", ("api", "bridge", "claude", "server")),
        ("doctor", ("api", "bridge", "claude", "desktop", "server")),
        ("setup", ("api", "bridge", "claude", "desktop", "server", "settings", "session_log")),
        ("answer_store", ("api", "bridge", "claude", "desktop", "server", "settings", "session_log")),
        ("settings", ("api", "bridge", "claude", "desktop", "server", "session_log")),
        ("session_log", ("api", "bridge", "claude", "desktop", "server", "settings", "answer_store", "command_line")),
        ("server", ("desktop", "command_line")),
        ("launch", ("api", "bridge", "desktop", "command_line", "session_log", "answer_store")),
        ("standin", ("api", "bridge", "claude", "desktop", "server", "settings", "session_log", "machine")),
    ],
)
def test_a_room_never_reaches_what_it_must_not_know_however_long_the_way(room: str, forbidden: tuple[str, ...]) -> None:
    known = graph()
    for start in (module for module in known if is_in(module, (room,))):
        ways: dict[str, tuple[str, ...]] = {start: (start,)}
        waiting = [start]
        while waiting:
            here = waiting.pop()
            assert not is_in(here, forbidden), " -> ".join(ways[here])
            for there in known[here] - ways.keys():
                ways[there] = (*ways[here], there)
                waiting.append(there)


def assert_no_circle(known: Mapping[str, Iterable[str]]) -> None:
    for start in known:
        seen: set[str] = set()
        waiting = list(known[start])
        while waiting:
            here = waiting.pop()
            assert here != start, f"{start} is part of a circle"
            if here not in seen:
                seen.add(here)
                waiting += known[here]


def test_no_module_imports_itself_by_a_detour() -> None:
    assert_no_circle(graph())


def room_of(module: str) -> str:
    """The folder of a module, or the module itself where it lies loose."""
    return module.split(".")[1] if "." in module else module


def test_no_room_reaches_itself_by_a_detour() -> None:
    """Rooms in floors, with imports that lead down alone: that is possible where there is no circle of rooms."""
    rooms: dict[str, set[str]] = {}
    for module, known in graph().items():
        rooms.setdefault(room_of(module), set()).update(map(room_of, known))
    assert_no_circle({room: reached - {room} for room, reached in rooms.items()})


def test_few_modules_lie_loose() -> None:
    loose = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert len(loose) <= 6, sorted(loose)


def too_long(package: Path) -> list[str]:
    """The modules of more than 350 lines in a copy of the package."""
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in package.rglob("*.py")}
    assert lines
    return [path.name for path, number in lines.items() if number > 350]


def test_no_module_is_longer_than_350_lines() -> None:
    assert too_long(PACKAGE) == []


def test_only_the_app_enters_the_life_of_a_request() -> None:
    """What happens to a request is read in `api/answering`, once, from its beginning to its end."""
    story = "tray_bridge.api.answering"
    entering = {name for name, known in graph().items() if story in known}
    assert entering == {"tray_bridge.api.app", "tray_bridge.api.stored_answers"}  # which counts a request's tokens


def test_translation_and_sessions_do_not_know_each_other() -> None:
    assert_never(("bridge",), "tray_bridge.claude", "tray_bridge.api", "fastapi", "claude_agent_sdk", "asyncio")
    assert_never(("claude",), "tray_bridge.bridge", "tray_bridge.api", "fastapi", "openai")


def test_workers_name_no_field_of_a_dialect() -> None:
    fields = ("response_format", "chat.completion", "text.format", "finish_reason")
    for path in files("claude"):
        text = path.read_text(encoding="utf-8")
        assert not [field for field in fields if field in text], path.name


def test_the_engine_names_no_dialect() -> None:
    """A dialect is its folder and one line in `all_dialects`."""
    folders = [found.parent.name for found in (PACKAGE / "bridge").glob("*/dialect.py")]
    assert folders
    for name in ("answering", "framing", "streaming", "errors", "stamp", "access", "body", "in_flight"):
        for module in imports(PACKAGE / "api" / f"{name}.py"):
            assert not [folder for folder in folders if f".{folder}" in module], f"{name} imports {module}"


def test_the_faces_know_neither_the_door_nor_what_is_behind_it() -> None:
    behind = ("tray_bridge.api", "tray_bridge.bridge", "tray_bridge.claude", "fastapi", "claude_agent_sdk")
    assert_never(("desktop",), *behind)
    assert_never(("command_line",), *behind)


def test_only_the_door_knows_fastapi_and_only_one_module_the_sdk() -> None:
    for path in files(""):
        place = path.relative_to(PACKAGE)
        names = {name.split(".")[0] for name in imports(path)}
        assert "fastapi" not in names or place.parts[0] == "api", place
        assert "claude_agent_sdk" not in names or place == Path("claude/sdk.py"), place


CHANGES_THE_PROCESS = re.compile(
    r"\bgc\.\w|sys\.(meta_path|path_hooks)\b|del sys\.modules|sys\.modules\[.*\] =|sys\.set\w+\(|\.setLevel\("
    r"|os\.environ\[.*\] =|os\.environ\.(setdefault|update|pop)|os\.(putenv|chdir|umask)\(|signal\.signal\("
    r"|set_event_loop_policy|setdefaulttimeout|setlocale|warnings\.\w+\(|excepthook"
)
OWN_PROGRAM = {
    "main.py": "the level of what the terminal shows",
    "machine/bridge_log.py": "opened by main alone",
    "machine/signals.py": "set by main alone",
    "desktop/tray_host.py": "pystray reads its backend from the environment",
    "desktop/backends/xembed_gtk.py": "gives the signals back that GTK took",
}


def test_only_launch_and_the_program_s_own_parts_change_the_process_as_a_whole() -> None:
    changing = {
        path.relative_to(PACKAGE).as_posix()
        for path in files("")
        if CHANGES_THE_PROCESS.search(path.read_text(encoding="utf-8"))
    }
    rooms = {name for name in changing if name.startswith(("launch/", "standin/"))}
    assert {"launch/collector.py", "launch/fast_imports.py"} <= rooms
    assert changing - rooms == set(OWN_PROGRAM)


@pytest.mark.skipif("sdk" in switched_off(), reason="a plain start imports all of it")
def test_the_sdk_is_imported_without_what_is_never_used() -> None:
    program = (
        "from tray_bridge import launch; launch.begin(); import sys, tray_bridge.claude.pool; print(*sys.modules)"
        "; from mcp.types import Tool; Tool(name='t', inputSchema={})"  # which who wants it gets all the same
    )
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "claude_agent_sdk" in modules
    assert not [name for name in modules if name.split(".")[0] in ("mcp", "jsonschema")]


# That the variable switches all of it off is in the default run's `launch/test_launch.py`.
@pytest.mark.parametrize("variable", ["0", pytest.param("1", marks=pytest.mark.full)])
def test_a_program_that_embeds_the_server_and_a_plain_start_change_nothing_of_the_process(variable: str) -> None:
    begin = "launch.begin(); " if variable == "1" else ""
    program = (
        "import gc, logging, sys; frozen = gc.get_freeze_count()"  # Python 3.12.1 freezes some itself
        f"; from tray_bridge import launch; {begin}before = gc.get_threshold()"
        "; import tray_bridge.claude.pool"
        "; from tray_bridge.launch.collector import settle; settle()"
        "; print('mcp' in sys.modules, gc.get_threshold() == before, gc.get_freeze_count() - frozen)"
        "; logs = logging.root.manager.loggerDict"
        "; print({name: logs[name].level for name in logs if getattr(logs[name], 'level', 0)})"
    )
    environment = {**os.environ, "TRAY_BRIDGE_PLAIN_START": variable}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines() == ["True True 0", "{}"]  # no logger of ours or of a library has another level


def test_the_version_is_told_without_heavy_imports() -> None:
    program = "import sys; from tray_bridge.main import main; main(['--version']); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    for heavy in ("fastapi", "pydantic", "claude_agent_sdk", "PIL", "pystray", "uvicorn", "openai", "rich"):
        assert heavy not in modules.split()
