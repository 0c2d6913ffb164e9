"""What of a follow-up's time to the first token is the bridge's own, from socket to socket.

The CLI runs behind `stamped_cli`, which notes when a question reaches it and when each piece of text leaves it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from .figure import Figure
from .first_token import CONVERSATIONS, SYSTEM
from .programs import Size, StandInProcess, bridge
from .raw_cli import say
from .relay import make_stamped_cli
from .stamped_cli import STAMP
from .streaming import Client, Stream

WORDS = 5
QUESTION = f'standin: {{"words": {WORDS}, "rate": 50, "first_delay": 0.05}}'
OWN_SECONDS = 0.003


async def measure_own_share(_: StandInProcess, folder: Path, size: Size) -> list[Figure]:
    name = "a follow-up's first token, the bridge's own share from socket to socket"
    own = Figure(name, "s", OWN_SECONDS, raw=None)
    slow = Figure("the same, p95", "s", raw=None, statistic="p95")
    if sys.platform == "win32":
        return [own, slow]
    for number in range(min(size.runs, CONVERSATIONS)):
        stamps = folder.parent / f"own-{number}"
        stamps.mkdir()
        streams: list[Stream] = []
        # Without reuse, because a program that is not known would be examined, in a process with stamps of its own.
        settings: dict[str, object] = {"pool_size": 0, "max_sessions": 1, "parked_sessions": 1, "reuse_workers": False}
        with bridge(**settings, cli_path=make_stamped_cli(stamps)) as running:
            client = Client(running.base_url)
            talk = [say("system", SYSTEM)]
            for _turn in range(size.runs + 1):
                talk.append(say("user", QUESTION))
                await running.settled()
                streams.append(await client.ask(talk))
                talk.append(say("assistant", streams[-1].text))
            client.close()
        asked, left = read(stamps, "asked"), read(stamps, "stamps")
        for turn, stream in enumerate(streams):
            if turn:  # the first has to wait for its process
                seconds = asked[turn] - stream.sent + stream.deltas[0] - left[turn * WORDS]
                own.add(seconds)
                slow.add(seconds)
    return [own, slow]


def read(folder: Path, kind: str) -> list[float]:
    """The stamps of the one process that was asked: the bridge runs the program for its version and account, too."""
    (path,) = (path for path in folder.glob(f"*.{kind}") if path.stat().st_size)
    return [stamp for (stamp,) in STAMP.iter_unpack(path.read_bytes())]
