"""CHANGELOG.md tells what it is said to tell, and its releases have numbers."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import tray_bridge

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_each_line_that_is_said_to_tell_of_a_commit_is_there() -> None:
    check = runpy.run_path(str(ROOT / "packaging" / "changelog.py"))
    rows = check["told"]()
    assert rows
    assert check["untold"](CHANGELOG, rows) == []
    assert check["untold"](CHANGELOG, {"0123456": "No line begins like this"}) == ["0123456"]


def test_releases_have_numbers_and_days_and_the_newest_is_the_version_of_the_package() -> None:
    headings = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    releases = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - 20\d\d-\d\d-\d\d", each) for each in headings[1:]]
    assert all(releases)
    assert next(each[1] for each in releases if each) == tray_bridge.__version__
