"""The documents say what the code says, lead somewhere, and are written in plain English."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import tray_bridge

ROOT = Path(__file__).parent.parent
PACKAGE = Path(tray_bridge.__file__).parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
# "Who" for a thing, an inverted negation, a metaphor for a mechanism: each makes a reader decode the sentence.
PATTERNS = re.compile(
    r"\b(whom|whoever)\b|\b(it|that|which|process|one|program|file|thing)s? who\b"
    r"|\band no more\b|\bnobody\b|\b(is|are) none of (ours|a|an|the)\b"
    r"|\b(laid over|lay over|lays over|laid down|strike|deeds|complaints|worthless|thereupon|handed in)\b"
    r"|\b(told|tells?) of (a|an|the|its|in|each|itself)\b",
)
WHO = re.compile(r"^\s*(#|//).*\bwho\b|  (#|//) .*\bwho\b")  # beside code, which has a column of this name


def test_the_pages_that_are_written_from_the_code_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "docs" / "write.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_is_short() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    written = text.partition("<!-- endpoints -->")[2].partition("<!-- /endpoints -->")[0]  # a line for each dialect
    assert len(text.replace(written, "").splitlines()) <= 140


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file_and_every_module_that_it_names_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (page.parent / target).exists(), target
    for name in re.findall(
        r"`((?:api|bridge|claude|server|settings|launch|machine|tests|docs|packaging)/[\w/.-]+)`", text
    ):
        if "…" not in name and "<" not in name:
            assert (ROOT / name).exists() or (PACKAGE / name).exists(), name


PLAIN = [
    *PAGES,
    ROOT / "CHANGELOG.md",
    *sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".js", ".html")),
]


@pytest.mark.parametrize("path", PLAIN, ids=lambda path: path.name)
def test_what_people_read_is_plain_english(path: Path) -> None:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        found = PATTERNS.search(line) or WHO.search(line)
        assert not found, f"{path.name}:{number}: {line.strip()}"


def test_what_the_tests_say_is_plain_english() -> None:
    for path in [*(ROOT / "tests").rglob("*.py"), *(ROOT / "packaging").glob("*.py"), *(ROOT / "assets").glob("*.py")]:
        for line in re.findall(r"(?m)^ *[^\n\"]*#[^\n]*|\"\"\"[^\n]*", path.read_text("utf-8")):
            words = line if line[0] == '"' else line[line.index("#") :]
            assert not PATTERNS.search(words), f"{path.name}: {words}"


def test_the_page_of_errors_has_every_code() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "tray_bridge").rglob("*.py"))
    codes = set(re.findall(r'\bcode(?:=|, code = |: str \| None = )"([a-z_]+)"', sources))
    assert {"unknown_url", "context_length_exceeded", "thread_not_found"} <= codes
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []


def test_every_test_that_a_page_names_exists() -> None:
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))
    for page in PAGES:
        for name in re.findall(r"`(test_\w+)`", page.read_text("utf-8")):
            assert f"def {name}(" in tests, f"{page.name}: {name}"
