"""Check that each `feat` and `fix` commit has changed CHANGELOG.md.

`python packaging/changelog.py` looks at the commits since this check was added; `--since REVISION` at others. It prints
the commits without a line, and fails if there are any.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def git(*arguments: str) -> str:
    """Return git's output; raises CalledProcessError."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, encoding="utf-8", check=True, cwd=ROOT)
    return done.stdout


def first_commit() -> str:
    """Return the commit that added this check."""
    return git("log", "--diff-filter=A", "--format=%h", "--", "packaging/changelog.py").split()[-1]


def without_a_line(since: str) -> list[str]:
    """Return the `feat` and `fix` commits after `since` that left CHANGELOG.md as it was."""
    commits = git("log", "--no-merges", "--format=%x00%h %s", "--name-only", f"{since}..HEAD").split("\0")[1:]
    found = []
    for commit in commits:
        title, *files = commit.strip().splitlines()
        if re.match(r"\w+ (feat|fix)(\(.*\))?!?:", title) and "CHANGELOG.md" not in files:
            found.append(title)
    return found


def main() -> int:
    """Print the commits without a line; gives 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--since", help="the last commit that is not looked at")
    since = parser.parse_args().since or first_commit()
    found = without_a_line(since)
    for title in found:
        sys.stdout.write(f"no line in CHANGELOG.md: {title}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
