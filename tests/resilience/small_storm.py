"""A storm in a process of its own, where nothing else comes and goes; prints what was held before it and after it.

Printed is one line of JSON: `before` and `after` as `held` counts them; `left`, by name, if it is more 40 s later; what
was `wrong`; `kills`, `told` and `seconds`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.resilience.faults import ask, bound, ready
from tests.resilience.storm import Storm, kill_a_busy_one
from tests.running_bridge import RunningBridge, running_bridge, wait_for
from tray_bridge.standin import StandIn


def tasks_of_others() -> list[asyncio.Task[object]]:
    """The tasks in the loops of other threads: the bridge's and the stand-in's."""
    gc.collect()
    own = asyncio.get_running_loop()
    tasks = [each for each in gc.get_objects() if isinstance(each, asyncio.Task)]
    return [task for task in tasks if task.get_loop() is not own and not task.done()]


def held(standin: StandIn) -> dict[str, int]:
    """What this process holds, but for what is opened when it is needed and stays open.

    That is the log's databases, and the connections of living CLI processes to the stand-in.
    """
    process = psutil.Process()
    databases = sum(".db" in Path(file.path).name for file in process.open_files())
    port = urlsplit(standin.url).port
    upstream = sum(connection.laddr[1:] == (port,) for connection in process.net_connections("tcp"))
    return {
        "tasks": len(tasks_of_others()),
        "descriptors": process.num_fds() - databases - upstream,
        "processes": len(process.children(recursive=True)),
    }


async def held_at_rest(standin: StandIn) -> dict[str, int]:
    """The same twice, two seconds apart: connections of the last answer close, and the log opens its index."""
    before: dict[str, int] = {}
    while (now := held(standin)) != before:
        before = now
        await asyncio.sleep(2)
    return now


def is_more(after: dict[str, int], before: dict[str, int]) -> bool:
    return any(number > before[what] for what, number in after.items())


def named() -> list[str]:
    """All that is held, by name: which of it is left over, only a person can tell."""
    found = [repr(task) for task in tasks_of_others()]
    for descriptor in Path("/proc/self/fd").glob("*"):
        with contextlib.suppress(OSError):  # the one with which the folder is read
            found.append(f"{descriptor.name} → {descriptor.readlink()}")
    return [*found, *map(str, psutil.Process().children(recursive=True))]


async def blow_at(bridge: RunningBridge) -> dict[str, object]:
    await asyncio.to_thread(bridge.wait_until_warm, 4)
    assert await asyncio.to_thread(ask, bridge) == "well"
    await asyncio.to_thread(bridge.wait_for, lambda s: len(s.pool.sessions) == 4 and not s.pool.starting)
    before = await held_at_rest(bridge.standin)
    began = time.monotonic()
    storm = Storm(bridge.base_url, lambda: kill_a_busy_one([(s.state, s.pid) for s in bridge.snapshot().pool.sessions]))
    await storm.blow(requests=20, at_once=10)
    seconds = time.monotonic() - began

    def is_at_rest() -> bool:
        snapshot = bridge.snapshot()
        return ready(snapshot.pool) == 4 and not snapshot.requests

    await asyncio.to_thread(wait_for, is_at_rest, bound(20))
    deadline = time.monotonic() + 40
    while is_more(after := held(bridge.standin), before) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    return {
        "before": before,
        "after": after,
        "left": named() if is_more(after, before) else [],
        "wrong": storm.wrong,
        "kills": storm.seen["kills"],
        "told": storm.told(),
        "seconds": seconds,
    }


def main() -> int:
    """Blow once, and print what came of it."""
    with StandIn() as standin:
        os.environ["ANTHROPIC_BASE_URL"] = standin.url
        settings = {"max_sessions": 4, "parked_sessions": 0, "queue_limit": 64, "queue_timeout": bound(120)}
        with running_bridge(standin, pool_size=4, **settings) as bridge:
            sys.stdout.write(json.dumps(asyncio.run(blow_at(bridge))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
