"""Remove, replace and fill each thing in turn under load: `python -m tests.faults.chaos`.

It prints after how many seconds requests work, or the state says why not. Five seconds are the limit for each, without
an allowance for a busy machine. It takes about one minute.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.faults.test_chaos import EXACTLY, SOON


def main(words: list[str]) -> int:
    os.environ[EXACTLY] = str(SOON)
    return int(pytest.main(["-q", "-s", "-n", "0", "-m", "", str(Path(__file__).with_name("test_chaos.py")), *words]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
