"""Check that each `feat` and `fix` commit since 0.1.0 is told in CHANGELOG.md.

A commit has changed CHANGELOG.md, or `told_in_changelog.txt` names it and the line that tells what it did.
`python packaging/changelog.py` prints the commits without a line, and fails if there are any; `--since REVISION` looks
at the commits after another one.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOLD = Path(__file__).with_name("told_in_changelog.txt")
FIRST_VERSION = "6fffb34"  # the last commit of 0.1.0


def git(*arguments: str) -> str:
    """Return git's output; raises CalledProcessError."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, encoding="utf-8", check=True, cwd=ROOT)
    return done.stdout


def told(file: Path = TOLD) -> dict[str, str]:
    """Give the commits that others told of: the short hash, and the beginning of the line."""
    lines = [line for line in file.read_text("utf-8").splitlines() if line and line[0] != "#"]
    return {commit: beginning for commit, _, beginning in (line.partition(" ") for line in lines)}


def untold(changelog: str, rows: Mapping[str, str]) -> list[str]:
    """Return the commits whose line CHANGELOG.md does not have."""
    lines = changelog.splitlines()
    return [commit for commit, beginning in rows.items() if not any(line[2:].startswith(beginning) for line in lines)]


def without_a_line(since: str) -> list[str]:
    """Return the `feat` and `fix` commits after `since` that CHANGELOG.md does not tell of."""
    rows = told()
    missing = untold((ROOT / "CHANGELOG.md").read_text("utf-8"), rows)
    commits = git("log", "--no-merges", "--abbrev=7", "--format=%x00%h %s", "--name-only", f"{since}..HEAD")
    found = []
    for commit in commits.split("\0")[1:]:
        title, *files = commit.strip().splitlines()
        is_told = "CHANGELOG.md" in files or (title[:7] in rows and title[:7] not in missing)
        if re.match(r"\w+ (feat|fix)(\(.*\))?!?:", title) and not is_told:
            found.append(title)
    return found


def main() -> int:
    """Print the commits without a line; gives 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--since", help="the last commit that is not looked at")
    found = without_a_line(parser.parse_args().since or FIRST_VERSION)
    for title in found:
        sys.stdout.write(f"no line in CHANGELOG.md: {title}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
