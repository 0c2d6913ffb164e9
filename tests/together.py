"""How the tests share a machine: processes side by side, some tests alone, and known flakes run again.

A pytest plugin. It knows nothing of what is tested.
"""

from __future__ import annotations

import gc
import inspect
import os
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

try:
    import fcntl
except ImportError:  # Windows: there the processes do not wait for each other
    fcntl = None  # type: ignore[assignment]

# Else each process of the app would be compiled anew, of hundreds in a run.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Until all tests are collected, as what is imported and collected stays: a fifth of that time else.
gc.disable()

HERE = Path(__file__).parent
MOST_PROCESSES = 5
# One browser for each, and as much to do. All async tests are in the first: see `pytest_collection_modifyitems`.
GROUPS = {
    "dashboard": ("dashboard/",),
    "dashboard, second half": tuple(f"dashboard/test_page_{name}.py" for name in ("live", "log", "looks", "try")),
}
FLAKED = "flaked"
LOCKS = "TEST_RUN_LOCKS"  # the variable with the folder of this run's locks
# Files that take longest come first, so that none of them is left for the end; those that wait for most of their time
# before the others, beside the long one that computes.
LONGEST = (
    *GROUPS,
    "e2e/test_never_a_wrong_byte.py",
    "faults/test_progress.py",
    "resilience/test_load.py",
    "resilience/test_wrong_program.py",
    "desktop/test_tray_life.py",
    "resilience/test_endings.py",
    "resilience/test_cli_faults.py",
    "resilience/test_machine_faults.py",
    "faults/test_chaos.py",
    "desktop/test_tray_menu.py",
    "e2e/test_fidelity_endings.py",
    "desktop/test_real_panel.py",
    "e2e/test_capabilities.py",
    "command_line/test_commands.py",
    "command_line/test_owner_commands.py",
    "e2e/test_parameters.py",
    "e2e/test_tools_offered.py",
    "e2e/test_key_limits.py",
    "e2e/test_tools_rebuilt.py",
    "e2e/test_pool.py",
    "conformance/test_conformance.py",
    "faults/test_blocks.py",
    "e2e/test_tools_suspended.py",
    "resilience/test_door.py",
    "e2e/test_tools_schedules.py",
    "resilience/test_upstream_faults.py",
    "e2e/test_retired.py",
    "e2e/test_fidelity_resumed.py",
    "e2e/test_fidelity_cross_talk.py",
    "server/test_early_worker.py",
    "resilience/test_server_thread.py",
)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Repeat())
    if not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory(prefix="tray-bridge-tests-")
        config.add_cleanup(folder.cleanup)
        os.environ[LOCKS] = folder.name  # the processes that run the tests inherit it
    config.addinivalue_line("markers", "alone: measures time, so that no other test of this run goes on beside it")
    config.addinivalue_line(
        "markers", "flaky(reason): may fail on a busy machine; run again alone, and listed at the end of the run"
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Keep thousands of tests out of the garbage collector's way: each full collection would look at all of them."""
    _compile_share(session.config)
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _compile_share(config: pytest.Config) -> None:
    """Import every n-th file of tests first: in a fresh checkout each process would else compile all of them."""
    if (mine := getattr(config, "workerinput", None)) is None or config.rootpath != HERE.parent:
        return
    start, step = int(mine["workerid"].removeprefix("gw")), mine["workercount"]
    for path in sorted(HERE.rglob("test_*.py"))[start::step]:
        with suppress(Exception, pytest.skip.Exception):  # told when it is collected
            import_module(".".join(("tests", *path.relative_to(HERE).with_suffix("").parts)))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """More processes than cores, as tests wait for others' processes; this one alone where only files are named."""
    if all("::" in argument or argument.endswith(".py") for argument in config.args):
        return 0
    return min(MOST_PROCESSES, 4 * (os.cpu_count() or 1))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A process gets whole files, and of some groups all files, as they share what is dear to start."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    class Grouped(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid) or str(super()._split_scope(nodeid))

    return Grouped(config, log)


def group_of(nodeid: str) -> str:
    """The group whose files stay together; empty for all others."""
    file = nodeid.partition("::")[0]
    return next((group for group in reversed(GROUPS) if any(f"/{start}" in file for start in GROUPS[group])), "")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, fuzzing last, as it makes a process large and slow to fork."""

    def place(item: pytest.Item) -> int:
        path = item.path.as_posix()
        if group := group_of(item.nodeid):
            return LONGEST.index(group)
        if "fuzz" in item.path.name:
            return len(LONGEST) + 1
        return next((number for number, name in enumerate(LONGEST) if path.endswith(name)), len(LONGEST))

    # Async ones first in a group: the browser keeps an event loop of its own in the thread.
    items.sort(key=lambda item: (place(item), bool(group_of(item.nodeid)) and not _is_async(item)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if item.get_closest_marker("flaky"):
        return (yield)  # `Repeat` takes its turns
    with _turn(alone=_is_alone(item)):
        return (yield)


class Repeat:
    """Run a test that bears `flaky` again if it fails."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        mark = item.get_closest_marker("flaky")
        if mark is None:
            return None
        from _pytest.runner import runtestprotocol

        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        with _turn(alone=_is_alone(item)):
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if failed := [report for report in reports if report.failed]:
            what = str(failed[0].longreprtext).strip().splitlines()[-1:]
            item._initrequest()  # type: ignore[attr-defined]  # its fixtures are made anew
            item.user_properties.append((FLAKED, f"{mark.args[0]}: {' '.join(what)}"))
            with _turn(alone=True):
                reports = runtestprotocol(item, nextitem=nextitem, log=False)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List the tests that failed once and passed when run again: each is a fault to mend."""
    seen: dict[str, str] = {}
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        for name, reason in getattr(report, "user_properties", ()):
            if name == FLAKED:
                seen[report.nodeid] = reason
    if seen:
        terminalreporter.section(f"{len(seen)} known flakes failed once and were run again")
        for node, reason in seen.items():
            terminalreporter.write_line(f"{node}: {reason}")


def _is_async(item: pytest.Item) -> bool:
    return inspect.iscoroutinefunction(getattr(item, "function", None))


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


@contextmanager
def _turn(alone: bool) -> Iterator[None]:
    """Hold this run's lock: shared by tests that bear others, exclusive for one that does not."""
    if fcntl is None:
        yield
        return
    folder = Path(os.environ[LOCKS])
    # The gate keeps others from taking the lock again and again while a test waits to be alone.
    with (folder / "gate").open("w") as gate, (folder / "lock").open("w") as lock:
        fcntl.flock(gate, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        if not alone:
            fcntl.flock(gate, fcntl.LOCK_UN)
        yield
