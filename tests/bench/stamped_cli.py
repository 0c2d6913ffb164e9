"""Stands before the real CLI and notes when each piece of text leaves it: the bridge's delay is counted from there.

Run as `stamped_cli.py STAMPS_FOLDER CLI ARGUMENTS…`. It hands on what the CLI writes as it is, at once.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from pathlib import Path

STAMP = struct.Struct("d")


def relay(folder: str, command: list[str]) -> int:
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with Path(folder, f"{os.getpid()}.stamps").open("ab", buffering=0) as stamps:
        while data := os.read(process.stdout.fileno(), 2**20):
            now = time.perf_counter()
            os.write(1, data)
            if count := data.count(b'"text_delta"'):
                stamps.write(STAMP.pack(now) * count)
    return process.wait()


if __name__ == "__main__":
    sys.exit(relay(sys.argv[1], sys.argv[2:]))
