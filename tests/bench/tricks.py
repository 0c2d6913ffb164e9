"""What each trick of the start saves: launches with all of them beside launches without one of them, in one run.

The names are those of `tray_bridge.launch`. The collector's trick is about streams, too: what a full collection of a
loaded app takes, which holds up every stream that is open.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tray_bridge.launch import PLAIN_VARIABLE, TRICKS

from .figure import Figure
from .launch import Launched, launch_to_answer
from .programs import Size, StandInProcess

COLLECTOR = "collector"
COLLECTION = """
import gc, time
from tray_bridge import launch
launch.begin()
import tray_bridge.claude.pool, tray_bridge.api.app
from tray_bridge.server.run import import_app
from tray_bridge.launch.collector import settle
import_app()
settle()
before = time.perf_counter()
gc.collect()
print(time.perf_counter() - before)
"""


async def measure_tricks(_: StandInProcess, folder: Path, size: Size) -> list[Figure]:
    names = sorted(TRICKS)
    later = {name: Figure(f"launch to the first token is later without `{name}` by", "s", raw=None) for name in names}
    more = {name: Figure(f"processor time until then is more without `{name}` by", "s", raw=None) for name in names}
    pause = Figure(f"a full collection of the loaded app takes longer without `{COLLECTOR}` by", "s", raw=None)
    await launch_to_answer()  # what is compiled at the first launch is no part of any
    for number in range(size.launches):
        seen: dict[str, Launched] = {}
        # In turns: what comes right after another is slower or faster for reasons that are not its own.
        for name in [*names, ""][:: 1 if number % 2 else -1]:
            seen[name] = await launch_to_answer(**{PLAIN_VARIABLE: name})
        for name in names:
            later[name].add(seen[name].seconds - seen[""].seconds)
            more[name].add(seen[name].cpu_seconds - seen[""].cpu_seconds)
        pause.add(_collection(COLLECTOR) - _collection(""))
    return [*later.values(), *more.values(), pause]


def _collection(off: str) -> float:
    environment = {**os.environ, PLAIN_VARIABLE: off}
    done = subprocess.run(
        [sys.executable, "-c", COLLECTION], check=True, capture_output=True, text=True, env=environment
    )
    return float(done.stdout)
