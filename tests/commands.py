"""Run the program's commands, each in a process of its own that is forked where the libraries are there already.

An interpreter that starts and imports pydantic and httpx takes most of a command's time, and the tests run more than a
hundred; `ask` takes OpenAI's library beside them, and the app FastAPI. So one process imports these libraries, nothing
of `tray_bridge`, and is forked for each command. Where that cannot be, an interpreter is started for each: not on
Linux, or when coverage is measured. That the program starts as a person starts it is shown by the tests that use
`subprocess` themselves.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 60.0
STILL_RUNS = 1000  # in the place of an exit code
_lock = threading.Lock()
_started: list[CommandServer] = []


def run_command(
    words: Sequence[str], environment: Mapping[str, str], *, stdin: str | bytes = "", module: str = "tray_bridge"
) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE WORDS` in UTF-8; what it reads and writes are files, so no terminal."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    if _can_fork():
        with _lock:
            return _server().run(module, words, environment, given)
    command, variables = [sys.executable, "-m", module, *words], {**environment, "PYTHONUTF8": "1"}
    done = subprocess.run(command, input=given, capture_output=True, timeout=SECONDS, env=variables)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def start_command(
    words: Sequence[str],
    environment: Mapping[str, str],
    *,
    output: IO[Any],
    errors: IO[Any],
    folder: Path = ROOT,
    module: str = "tray_bridge",
) -> subprocess.Popen[Any] | StartedCommand:
    """Start `python -m MODULE WORDS`, which goes on; it reads nothing."""
    if not _can_fork():
        command = [sys.executable, "-m", module, *words]
        return subprocess.Popen(command, env=environment, cwd=folder, stdout=output, stderr=errors)
    with _lock, Path(os.devnull).open() as nothing:
        return StartedCommand(_server().start(module, words, environment, folder, (nothing, output, errors)))


def _can_fork() -> bool:
    return sys.platform == "linux" and not any(name.startswith("COVERAGE") for name in os.environ)


def _server() -> CommandServer:
    if not _started:
        _started.append(CommandServer())
    return _started[0]


class StartedCommand:
    """A command that goes on: what the tests need of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with _lock:
            if self.returncode is None:
                self.returncode = _server().code_of(self.pid)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class CommandServer:
    """The process that is forked. It ends when this process closes its end of the connection, or ends itself."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(SECONDS)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-X", "utf8", __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=ROOT,
            )

    def run(
        self, module: str, words: Sequence[str], environment: Mapping[str, str], stdin: bytes
    ) -> subprocess.CompletedProcess[str]:
        asked = {"module": module, "words": [*words], "environment": {**environment}, "folder": str(Path.cwd())}
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            given.write(stdin)
            given.seek(0)
            code = self._ask({**asked, "waits": True}, (given, out, errors))
            out.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess([*words], code, out.read().decode(), errors.read().decode())

    def start(
        self,
        module: str,
        words: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        files: Sequence[IO[Any]],
    ) -> int:
        """Give the process's number."""
        asked = {"module": module, "words": [*words], "environment": {**environment}, "folder": str(folder)}
        return self._ask({**asked, "waits": False}, files)

    def code_of(self, pid: int) -> int | None:
        code = self._ask({"pid": pid}, ())
        return None if code == STILL_RUNS else code

    def _ask(self, asked: Mapping[str, Any], files: Sequence[IO[Any]]) -> int:
        data = json.dumps(asked).encode()
        socket.send_fds(self._socket, [len(data).to_bytes(4, "big")], [file.fileno() for file in files])
        self._socket.sendall(data)
        answered = self._socket.recv(4)
        assert answered, "the process that runs the commands has ended"
        return int.from_bytes(answered, "big", signed=True)


def serve(connection: socket.socket) -> dict[str, Any] | None:
    """Fork for each command; return what to run in the child, and None in the parent when no more commands come."""
    while True:
        length, handles, _, _ = socket.recv_fds(connection, 4, 3)
        if not length:
            return None
        asked: dict[str, Any] = json.loads(connection.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL))
        if "pid" in asked:
            ended, status = os.waitpid(asked["pid"], os.WNOHANG)
            _reply(connection, os.waitstatus_to_exitcode(status) if ended else STILL_RUNS)
            continue
        import_for(asked)
        gc.freeze()  # else a child copies all of it as it looks for garbage
        child = os.fork()
        if not child:
            connection.close()
            for at, handle in enumerate(handles):
                os.dup2(handle, at)
                os.close(handle)
            return asked
        for handle in handles:
            os.close(handle)
        _reply(connection, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if asked["waits"] else child)


def _reply(connection: socket.socket, number: int) -> None:
    connection.sendall(number.to_bytes(4, "big", signed=True))


def import_for(asked: Mapping[str, Any]) -> None:
    """What few commands need, at the first that does."""
    if asked["module"] == "tray_bridge" and not asked["waits"]:
        import fastapi
        import uvicorn.protocols.http.h11_impl
        import uvloop

        assert fastapi and uvicorn and uvloop
    elif "ask" in asked["words"] or asked["module"] == "tray_bridge.client":
        import openai.resources.chat

        assert openai


def main() -> None:
    """Be the process that is forked, and in a child run the module as `python -m` does."""
    sys.path[0] = str(ROOT)  # else it would be the folder of this file
    import runpy

    import httpx
    import pydantic

    assert httpx and pydantic
    assert not [name for name in sys.modules if name.startswith("tray_bridge")], "a command imports its own modules"
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # with the test run, and without a word
    asked = serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is None:
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.path[0] = asked["folder"]
    sys.argv[1:] = asked["words"]
    runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
