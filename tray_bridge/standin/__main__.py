"""Run the stand-in by itself, for a demo or a benchmark; its first line of output is its address."""

from __future__ import annotations

import argparse
import contextlib
import threading

from tray_bridge.standin.server import StandIn


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m tray_bridge.standin", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--first-delay", type=float, default=0.0, help="seconds before the first token")
    parser.add_argument("--rate", type=float, help="tokens a second; default: as fast as possible")
    given = parser.parse_args()
    with StandIn(given.port, first_delay=given.first_delay, rate=given.rate) as standin:
        print(standin.url, flush=True)  # noqa: T201 - its only output, for the program that started it
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
