"""The pure parts of the page's JavaScript, tested with `node:test` (`tests/dashboard/javascript/*.test.mjs`)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = sorted((Path(__file__).parent / "javascript").glob("*.test.mjs"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_the_pages_own_functions_do_what_their_tests_say(path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    ran = subprocess.run([node, "--test-reporter=spec", str(path)], capture_output=True, encoding="utf-8", timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "pass 0" not in ran.stdout
