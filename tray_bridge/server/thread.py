"""The server in a thread of its own: socket, event loop, pool, log and app from start to stop.

It is imported before the icon is there, and so imports neither asyncio nor what runs in it before the thread does.

The tray and the command line see only `ServerThread` and its snapshots. All of its methods may be called from any
thread, twice, and while the server starts; none of them blocks for longer than it says.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ..errors import TrayBridgeError
from ..machine.bridge_address import is_loopback
from ..machine.port import bind
from ..machine.sign_in import SignIn
from ..snapshots import Problem, ServerSnapshot, ServerState

if TYPE_CHECKING:
    import asyncio

    from ..claude.cli_process import CliProcess
    from ..doctor.checks import Check
    from ..settings.schema import Settings
    from .early_worker import EarlyStart
    from .run import Serving

logger = logging.getLogger(__name__)

CLEAN_UP_SECONDS = 5.0  # for the tasks of a loop that ended by itself
# A change of one of these takes a restart.
RESTART_SETTINGS = ("host", "port", "ollama_port", "demo", "log_folder", "allowed_hosts", "claude_settings")

Subscriber = Callable[[ServerSnapshot], None]


class ServerThread:
    """Start, stop and watch the server. Subscribers are called on the server's thread and must not block."""

    def __init__(self, settings: Settings, early: EarlyStart | None = None) -> None:
        self._settings = settings
        self._early = early
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: Serving | None = None
        self._stop_asked = threading.Event()
        self._paused = False  # by a person; a restart does not end it
        self._pauses = 0  # calls of `pause`, and starts: each ends a wait for the last requests
        self._restarts = False
        self._subscribers: list[Subscriber] = []
        self._settled = threading.Condition()
        self._snapshot = ServerSnapshot(host=settings.host, port=settings.port, demo=settings.demo)
        self.sign_in = SignIn(self._signed_in)
        self.on_end: Callable[[bool], None] = lambda drain: None
        self.more_checks: Callable[[], Sequence[Check]] = tuple

    @property
    def settings(self) -> Settings:
        """Return the settings in force."""
        return self._settings

    def start(self) -> None:
        """Bind the port and start in the background; return at once. What fails is in `snapshot().problem`."""
        self._paused = False
        self._pauses += self._snapshot.state in ("stopped", "error")  # one that runs may wait for its end
        self._start(None)

    def _start(self, kept: socket.socket | None) -> None:
        """Start, on the socket that was kept if there is one."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive() and not self._stop_asked.is_set():
                return
            self._join(timeout=10)
            if kept is not None and self._thread is not None:
                kept.close()  # the last run does not end
                kept = None
            settings = self._settings
            blank = ServerSnapshot(host=settings.host, port=settings.port, demo=settings.demo)
            try:
                self._check_exposure(settings)
                listener = kept or bind(settings.host, settings.port)
            except OSError as error:
                from .listening import port_problem

                self.publish(replace(blank, state="error", problem=port_problem(settings.host, settings.port, error)))
                return
            except TrayBridgeError as error:
                if kept is not None:
                    kept.close()
                self.publish(replace(blank, state="error", problem=Problem.of(error, time.time())))
                return
            port = listener.getsockname()[1]
            self.publish(replace(blank, state="starting", port=port))
            self._stop_asked = threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(settings, listener, self._stop_asked), name="server", daemon=True
            )
            self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End requests with an error, close every worker and wait up to `timeout` seconds for it."""
        with self._lock:
            self._stop_asked.set()
            if self._loop is not None and self._running is not None:
                with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
                    self._loop.call_soon_threadsafe(self._running.stop)
            self._join(timeout)

    def restart(self, settings: Settings | None = None) -> None:
        """Stop, take new settings if given, and start again; a port that stays is not given up meanwhile."""
        from .listening import keep_port

        with self._lock:
            if settings is not None:
                self._settings = settings
            listener = self._running.listening.listener if self._running is not None else None
            kept = keep_port(listener, self._settings.host, self._settings.port or self._snapshot.port)
            self._restarts = True
            self.stop()
            self._restarts = False
            self._start(kept)

    def apply(self, settings: Settings) -> None:
        """Take new settings at once: in place where that is possible, else by a restart; try a failed start again."""
        with self._lock:
            before, self._settings = self._settings, settings
            is_alive = self._thread is not None and self._thread.is_alive()
            needs_start = _restart_settings(before) != _restart_settings(settings)
            if needs_start and (is_alive or self._snapshot.state == "error"):
                self.restart()
            elif is_alive and self._loop is not None and self._running is not None:
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._running.apply, settings)
            elif not is_alive:
                blank = replace(self._snapshot, host=settings.host, port=settings.port, demo=settings.demo)
                self.publish(blank)

    def pause(self, paused: bool) -> None:
        """Refuse new requests, or take them again; those under way go on."""
        self._pauses += 1
        self._paused = paused
        loop, running = self._loop, self._running
        if loop is not None and running is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(running.pause, paused)

    def drain(self, *, restarts: bool = False) -> bool:
        """Refuse new requests and wait, however long, for those under way; return False if `pause` calls it off."""
        return self._wait_until_drained(*self._begin_to_drain(restarts))

    def _begin_to_drain(self, restarts: bool) -> tuple[int, Serving | None]:
        """Refuse new requests; return the number of pauses so far and this run, by which later ones are noticed."""
        pauses, loop, running = self._pauses, self._loop, self._running
        if loop is not None and running is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(partial(running.drain, restarts=restarts))
        return pauses, running

    def _wait_until_drained(self, pauses: int, running: Serving | None) -> bool:
        def is_over() -> bool:
            is_drained = self._snapshot.drains_since is not None and not self._snapshot.active
            return is_drained or self._snapshot.state != "ready" or (self._pauses, self._running) != (pauses, running)

        with self._settled:
            self._settled.wait_for(is_over)
            return self._pauses == pauses

    def stop_when_idle(self) -> None:
        """Refuse new requests, and stop once those under way have ended; `pause(False)` calls it off."""
        self._end_when_idle(restarts=False)

    def restart_when_idle(self) -> None:
        """Refuse new requests, and restart once those under way have ended; `pause(False)` calls it off."""
        self._end_when_idle(restarts=True)

    def _end_when_idle(self, *, restarts: bool) -> None:
        pauses, running = self._begin_to_drain(restarts)

        def end() -> None:
            if self._wait_until_drained(pauses, running):
                with self._lock:  # a restart under way has begun the next run by then: a stop ends that one, too
                    if self._pauses == pauses and (not restarts or self._running is running is not None):
                        (self.restart if restarts else self.stop)()

        threading.Thread(target=end, name="drain", daemon=True).start()

    def let_page_in(self, origin: str) -> None:
        """Add a page that was refused to `allowed_origins`, in the settings file too; raises SettingsError."""
        self._keep("allowed_origins", list(dict.fromkeys((*self._settings.allowed_origins, origin))))

    def use_claude_settings(self, used: bool) -> None:
        """Use the account of Claude Code's settings.json, or the sign-in again; in the settings file too."""
        self._keep("claude_settings", used)

    def _keep(self, key: str, value: object) -> None:
        from ..settings.schema import save_setting

        save_setting(key, value)
        self.apply(self._settings.model_copy(update={key: tuple(value) if isinstance(value, list) else value}))

    def account_changed(self) -> None:
        """Let new workers use the account that Claude Code has now."""
        if self._snapshot.state in ("ready", "starting"):
            self.restart()

    def _signed_in(self, success: bool) -> None:
        if success:
            self.account_changed()

    def snapshot(self) -> ServerSnapshot:
        """Return the newest snapshot."""
        return self._snapshot

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Call `callback` with each new snapshot; the returned function ends it."""
        with self._settled:
            self._subscribers.append(callback)

        def unsubscribe() -> None:
            with self._settled, contextlib.suppress(ValueError):
                self._subscribers.remove(callback)

        return unsubscribe

    def cancel_request(self, request_id: str) -> bool:
        """End one request with an error, as a person asked; return whether it was in flight."""
        loop, running = self._loop, self._running
        if loop is None or running is None or all(r.id != request_id for r in self._snapshot.requests):
            return False
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(running.cancel, request_id)
            return True
        return False

    def page_pass(self) -> str:
        """Give the value of `?pass=…` that opens the page without an API key; empty where no key is needed."""
        running = self._running
        return running.page_pass() if running is not None else ""

    def wait_until_settled(self, timeout: float = 30.0) -> ServerSnapshot:
        """Wait until the server is ready, stopped or in error; gives what it is then, or after `timeout` seconds."""
        with self._settled:
            self._settled.wait_for(lambda: self._snapshot.state not in ("starting", "stopping"), timeout)
        return self._snapshot

    def publish(self, snapshot: ServerSnapshot) -> None:
        """Make `snapshot` the newest one, and call every subscriber with it."""
        with self._settled:
            self._snapshot = snapshot
            self._settled.notify_all()
            subscribers = tuple(self._subscribers)
        for subscriber in subscribers:
            try:
                subscriber(snapshot)
            except Exception:
                logger.exception("A subscriber failed")

    def _join(self, timeout: float) -> None:
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
            if not self._thread.is_alive():
                self._thread = None

    @staticmethod
    def _check_exposure(settings: Settings) -> None:
        if is_loopback(settings.host):
            return  # without the imports below, which the usual start does not need
        from ..api.access import check_exposure
        from ..machine.api_keys import ApiKeys

        check_exposure(settings, ApiKeys().exist())

    def _run(self, settings: Settings, listener: socket.socket, stop_asked: threading.Event) -> None:
        """Serve once, and report as a snapshot how that ended. The thread's target."""
        import asyncio  # which the icon does not wait for

        from ..launch.event_loop import new_event_loop

        problem: Problem | None = None
        early, self._early = self._early, None
        loop = early.loop if early is not None else new_event_loop()
        try:
            asyncio.set_event_loop(loop)
            self._loop = loop
            process = early.take() if early is not None else None
            loop.run_until_complete(self._serve(settings, listener, stop_asked, process))
        except TrayBridgeError as error:
            problem = Problem.of(error, time.time())
        except OSError as error:
            what = f"{error.filename}: {error.strerror}." if error.filename else f"{error}."
            problem = Problem("The server cannot run", what, "Correct this, then start the server again.", time.time())
        except BaseException as error:  # of any type: the tray must learn that the server is gone
            logger.exception("The server ended unexpectedly")
            message = str(error) or type(error).__name__
            problem = Problem("The server ended unexpectedly", message, "Start it again from the tray.", time.time())
        finally:
            self._loop = self._running = None
            listener.close()
            with contextlib.suppress(Exception):
                loop.run_until_complete(_end_all_tasks(loop))
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.run_until_complete(loop.shutdown_default_executor())
            asyncio.set_event_loop(None)
            loop.close()
            blank = ServerSnapshot(host=settings.host, port=settings.port, demo=settings.demo, problem=problem)
            ended: ServerState = "starting" if self._restarts else "stopped"  # a restart is not told as an end
            self.publish(replace(blank, state="error" if problem else ended))

    async def _serve(
        self, settings: Settings, listener: socket.socket, stop_asked: threading.Event, early: CliProcess | None
    ) -> None:
        from .run import Serving

        running = Serving(self, self.publish, self.more_checks, settings, listener, early, self._paused)
        self._running = running
        if stop_asked.is_set():
            if early is not None:
                await early.end()
            return
        await running.run()


def _restart_settings(settings: Settings) -> list[object]:
    """Give the settings whose change needs a restart."""
    return [getattr(settings, name) for name in RESTART_SETTINGS]


async def _end_all_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel the tasks that are left and wait for their clean-up: CLI processes must not outlive the loop."""
    import asyncio

    tasks = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CLEAN_UP_SECONDS)
