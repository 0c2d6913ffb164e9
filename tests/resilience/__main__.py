"""Writes docs/resilience.md from what the tests of this folder do and see: `python -m tests.resilience [--short]`.

All of it takes twenty minutes or more; `--short` leaves out what is marked `full`, and takes a few.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

from tests.resilience.fault_report import SEEN


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="leave out what takes minutes")
    short = parser.parse_args().short
    code = pytest.main(["-n", "0", *([] if short else ["-m", ""]), str(Path(__file__).parent)])
    if code == pytest.ExitCode.OK:
        SEEN.write(in_full=not short)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
