"""The plugin that runs the tests: what bears `flaky` gets a second try and is listed; the rest fails at once (G3)."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = """
import pathlib, pytest
COUNT = pathlib.Path(__file__).with_name("count")

@pytest.fixture
def tried():
    COUNT.write_text(COUNT.read_text() + "x" if COUNT.exists() else "x")
    return len(COUNT.read_text())
"""


def run(folder: Path, test: str, *options: str) -> tuple[int, str]:
    path = folder / "test_it.py"
    path.write_text(TESTS + test)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "xdist",
        "-p",
        "tests.together",
        "-c",
        "/dev/null",
        "--rootdir",
        str(folder),
        str(path),
        *options,
    ]
    # A run of its own: it does not wait for the tests beside this one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    # No other plugin has a part in it, and to import all takes longer than the run.
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    environment["TMPDIR"] = str(folder)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


@pytest.mark.parametrize(("succeeds_at", "code"), [(1, 0), (2, 0), (3, 1)])
def test_what_is_known_to_flake_has_two_tries_and_a_second_one_is_listed(
    tmp_path: Path, succeeds_at: int, code: int
) -> None:
    test = f'@pytest.mark.flaky("the moon")\ndef test_luck(tried):\n    assert tried >= {succeeds_at}\n'
    failed, told = run(tmp_path, test)
    assert failed == code, told
    assert ("known flakes failed once" in told) == (succeeds_at > 1)
    assert ("the moon: " in told) == (succeeds_at > 1)


def test_anything_else_that_fails_fails_the_run_at_once(tmp_path: Path) -> None:
    failed, told = run(tmp_path, "def test_luck(tried):\n    assert tried >= 2\n")
    assert (failed, (tmp_path / "count").read_text()) == (1, "x"), told


def test_what_measures_time_has_no_test_beside_it_and_the_locks_are_removed(tmp_path: Path) -> None:
    for name, mark in (("beside", ""), ("measured", "@pytest.mark.alone")):
        test = f"""
        import pathlib, time, pytest
        {mark}
        @pytest.mark.parametrize("number", range(4))
        def test_it(number):
            start = time.monotonic()
            time.sleep(0.1)
            with pathlib.Path(__file__).with_suffix("").open("a") as times:
                print(start, time.monotonic(), file=times)
        """
        (tmp_path / f"test_{name}.py").write_text(textwrap.dedent(test))
    failed, told = run(tmp_path, "", "-n", "2", str(tmp_path))
    assert failed == 0, told
    beside, measured = (
        [tuple(map(float, line.split())) for line in (tmp_path / f"test_{name}").read_text().splitlines()]
        for name in ("beside", "measured")
    )
    assert len(beside) == len(measured) == 4
    assert not [pair for pair in product(beside, measured) if max(pair)[0] < min(pair)[1]]
    assert not list(tmp_path.glob("tray-bridge-tests-*"))
