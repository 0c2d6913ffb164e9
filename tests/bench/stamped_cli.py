"""Stands before the real CLI and notes when each piece of text leaves it: the bridge's delay is counted from there.

Notes too when each line of a user reaches it. Run as `stamped_cli.py STAMPS_FOLDER CLI ARGUMENTS…`. It hands on what
both sides write as it is, at once.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

STAMP = struct.Struct("d")


def relay(folder: str, command: list[str]) -> int:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    threading.Thread(target=hand_in, args=(process.stdin, Path(folder, f"{os.getpid()}.asked")), daemon=True).start()
    with Path(folder, f"{os.getpid()}.stamps").open("ab", buffering=0) as stamps:
        while data := os.read(process.stdout.fileno(), 2**20):
            now = time.perf_counter()
            os.write(1, data)
            if count := data.count(b'"text_delta"'):
                stamps.write(STAMP.pack(now) * count)
    return process.wait()


def hand_in(pipe: IO[bytes], path: Path) -> None:
    with pipe, path.open("ab", buffering=0) as asked:
        while data := os.read(0, 2**20):
            now = time.perf_counter()
            os.write(pipe.fileno(), data)
            if count := data.count(b'"type": "user"'):
                asked.write(STAMP.pack(now) * count)


if __name__ == "__main__":
    sys.exit(relay(sys.argv[1], sys.argv[2:]))
