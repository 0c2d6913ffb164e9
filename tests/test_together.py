"""The plugin that runs the tests: what bears `flaky` gets a second try and is listed; the rest fails at once (G3)."""

from __future__ import annotations

import os
import subprocess
import sys
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


def run(folder: Path, test: str) -> tuple[int, str]:
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
    ]
    # A run of its own: it does not wait for the tests beside this one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    # No other plugin has a part in it, and to import all takes longer than the run.
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
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
