"""The whole app without a tray, as a process of its own: it can be starved, stopped and killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil

from tests.commands import StartedCommand, start_command
from tests.resilience.faults import bound
from tests.running_bridge import wait_for

REPOSITORY = Path(__file__).parents[2]


PROGRAM = ("-m", "tray_bridge")
# The same, where any silence counts as the time limit says (see `claude.progress_timer`).
SHORT_SILENCE = (
    "-c",
    "from tray_bridge import main; from tray_bridge.claude import progress_timer; "
    "progress_timer.SHORTEST_SILENCE = 0.0; raise SystemExit(main.main())",
)


class RunningApp:
    """`tray-bridge serve` with a home of its own."""

    def __init__(
        self, home: Path, environment: Mapping[str, str], before: Sequence[str] = (), program: Sequence[str] = PROGRAM
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.home = home
        self.errors = home / "stderr"
        variables = {**os.environ, "TRAY_BRIDGE_HOME": str(home), "PYTHONPATH": str(REPOSITORY), **environment}
        words = ["serve", "--port", str(self.port)]
        self.process: subprocess.Popen[Any] | StartedCommand
        with self.errors.open("w") as errors:
            if before or program != PROGRAM:
                command = [*before, sys.executable, *program, *words]
                self.process = subprocess.Popen(command, env=variables, stderr=errors, stdout=errors)
            else:
                self.process = start_command(words, variables, output=errors, errors=errors)

    @property
    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key="x", max_retries=0, timeout=bound(60))

    def ask(self, messages: list[Any]) -> str:
        with self.client as client:
            answer = client.chat.completions.create(model="sonnet", messages=messages)
        return str(answer.choices[0].message.content)

    def status(self) -> dict[str, Any]:
        """What `/status` tells; empty while nothing answers."""
        try:
            return dict(json.loads(httpx.get(f"{self.url}/status", timeout=bound(5)).content))
        except (httpx.HTTPError, ValueError):
            return {}

    def wait_until_warm(self, spares: int, timeout: float = 30) -> None:
        def spares_there() -> int:
            pool = self.status().get("pool", {})
            return int(pool.get("warm", 0)) + int(pool.get("fitting", 0))

        wait_for(lambda: spares_there() >= spares, bound(timeout), every=0.1)

    def resting(self) -> int:
        """How many sessions could take a request: those that rest after one could, too."""
        pool = self.status().get("pool", {})
        return sum(int(pool.get(state, 0)) for state in ("warm", "fitting", "parked", "suspended"))

    def children(self) -> list[psutil.Process]:
        """The CLI processes and the guard."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    @property
    def log_folder(self) -> Path:
        return self.home / "logs"


def note_as_proved(program: Path, home: Path) -> None:
    """As after an examination: its processes are reset from the start, where else each request would start one."""
    stat = program.stat()
    key = f"{program.resolve()} {stat.st_size} {stat.st_mtime_ns} "
    (home / "cache").mkdir(parents=True)
    (home / "cache" / "capabilities.json").write_text(
        json.dumps({key: {"can_reset": True, "why_not": "", "can_resume": True}})
    )


@contextmanager
def running_app(
    home: Path, before: Sequence[str] = (), program: Sequence[str] = PROGRAM, **environment: str
) -> Iterator[RunningApp]:
    """Start it; at the end it is killed if it has not ended, and its children must be gone."""
    home.mkdir(parents=True, exist_ok=True)
    app = RunningApp(home, environment, before, program)
    children: list[psutil.Process] = []
    try:
        yield app
        if app.process.poll() is None:
            children = app.children()
    finally:
        app.process.kill()
        app.process.wait()
    _, alive = psutil.wait_procs(children, bound(5))
    assert not alive
