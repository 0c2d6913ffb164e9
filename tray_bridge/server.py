"""The server in a thread of its own: socket, event loop, pool, log and app from start to stop.

The tray and the command line see only `ServerThread` and its snapshots. All of its methods may be called from any
thread, twice, and while the server starts; none of them blocks for longer than it says.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .errors import (
    PortTakenError,
    RequestCancelledError,
    ServerStoppingError,
    SettingsError,
    TrayBridgeError,
)
from .paths import cache_folder, log_folder, work_folder
from .port import bind, describe_holder, next_free_port
from .snapshots import PoolSnapshot, Problem, ServerSnapshot

if TYPE_CHECKING:
    import uvicorn

    from .api.services import Services
    from .claude.pool import PoolConfig, SessionPool
    from .settings import Settings
    from .standin import StandIn

logger = logging.getLogger(__name__)

PUBLISH_SECONDS = 0.1  # the most often that subscribers hear of changes
GRACE_SECONDS = 2  # what requests get to write their last words
Subscriber = Callable[[ServerSnapshot], None]


class ServerThread:
    """Starts, stops and shows the server. Subscribers are called on the server's thread and must not block."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: _Running | None = None
        self._stop_asked = threading.Event()
        self._subscribers: list[Subscriber] = []
        self._settled = threading.Condition()
        self._snapshot = ServerSnapshot(host=settings.host, port=settings.port, demo=settings.demo)

    @property
    def settings(self) -> Settings:
        return self._settings

    def start(self) -> None:
        """Bind the port and start in the background; returns at once. What fails is in `snapshot().problem`."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive() and not self._stop_asked.is_set():
                return
            self._join(timeout=10)
            settings = self._settings
            blank = ServerSnapshot(host=settings.host, port=settings.port, demo=settings.demo)
            try:
                self._check_exposure(settings)
                listener = bind(settings.host, settings.port)
            except OSError as error:
                self.publish(replace(blank, state="error", problem=_port_problem(settings, error)))
                return
            except TrayBridgeError as error:
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
        """End requests with an error, close every session and wait up to `timeout` seconds for it."""
        with self._lock:
            self._stop_asked.set()
            if self._loop is not None and self._running is not None:
                with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
                    self._loop.call_soon_threadsafe(self._running.stop)
            self._join(timeout)

    def restart(self, settings: Settings | None = None) -> None:
        """Stop, take new settings if given, and start again."""
        with self._lock:
            self.stop()
            if settings is not None:
                self._settings = settings
            self.start()

    def apply(self, settings: Settings) -> None:
        """Take new settings at once: in place where that is possible, with a restart where the door itself changes."""
        with self._lock:
            before, self._settings = self._settings, settings
            is_alive = self._thread is not None and self._thread.is_alive()
            if is_alive and _door(before) != _door(settings):
                self.restart()
            elif is_alive and self._loop is not None and self._running is not None:
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._running.apply, settings)
            elif not is_alive:
                blank = replace(self._snapshot, host=settings.host, port=settings.port, demo=settings.demo)
                self.publish(blank)

    def snapshot(self) -> ServerSnapshot:
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
        """End one request for the person who asked so; whether it was there."""
        loop, running = self._loop, self._running
        if loop is None or running is None or all(r.id != request_id for r in self._snapshot.requests):
            return False
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(running.cancel, request_id)
            return True
        return False

    def wait_until_settled(self, timeout: float = 30.0) -> ServerSnapshot:
        """Wait until the server is ready, stopped or in error; gives what it is then, or after `timeout` seconds."""
        with self._settled:
            self._settled.wait_for(lambda: self._snapshot.state not in ("starting", "stopping"), timeout)
        return self._snapshot

    def publish(self, snapshot: ServerSnapshot) -> None:
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
        if settings.host in ("127.0.0.1", "localhost", "::1"):
            return  # spares the common start an import
        from .api.access import check_exposure
        from .api_keys import ApiKeys

        check_exposure(settings, ApiKeys().exist())

    def _run(self, settings: Settings, listener: socket.socket, stop_asked: threading.Event) -> None:
        """The thread's whole life."""
        problem: Problem | None = None
        loop = _new_event_loop()
        try:
            asyncio.set_event_loop(loop)
            self._loop = loop
            loop.run_until_complete(self._serve(settings, listener, stop_asked))
        except TrayBridgeError as error:
            problem = Problem.of(error, time.time())
        except Exception as error:
            logger.exception("The server ended unexpectedly")
            problem = Problem("The server ended unexpectedly", str(error), "Start it again from the tray.", time.time())
        finally:
            self._loop = self._running = None
            listener.close()
            with contextlib.suppress(Exception):
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.run_until_complete(loop.shutdown_default_executor())
            asyncio.set_event_loop(None)
            loop.close()
            blank = ServerSnapshot(host=settings.host, port=settings.port, demo=settings.demo, problem=problem)
            self.publish(replace(blank, state="error" if problem else "stopped"))

    async def _serve(self, settings: Settings, listener: socket.socket, stop_asked: threading.Event) -> None:
        running = _Running(self, settings, listener)
        self._running = running
        if stop_asked.is_set():
            return
        await running.run()


class _Running:
    """One run of the server, inside its loop."""

    def __init__(self, owner: ServerThread, settings: Settings, listener: socket.socket) -> None:
        self._owner = owner
        self._settings = settings
        self._listener = listener
        self._started_at = time.time()
        self._state: Any = "starting"
        self._publishing: asyncio.TimerHandle | None = None
        self._server: uvicorn.Server | None = None
        self._services: Services | None = None
        self._standin: StandIn | None = None
        self._pool: SessionPool | None = None
        self._stopping = False

    async def run(self) -> None:
        import uvicorn

        from .api.app import create_app
        from .api.in_flight import InFlight
        from .api.last_hour import LastHour
        from .api.services import Services
        from .session_log import SessionLog

        settings = self._settings
        folder = settings.log_folder or log_folder()
        log = SessionLog(folder, settings.log_mode, settings.log_days, settings.log_megabytes)
        log.open()
        services = Services(settings, log, self._owner, InFlight(self.changed), LastHour())
        self._services = services
        config = uvicorn.Config(
            create_app(services),
            log_config=None,  # the default one raises where there is no stdout (a windowed bundle)
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            h11_max_incomplete_event_size=64 * 1024,
        )
        self._server = uvicorn.Server(config)
        serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        opening = asyncio.create_task(self._open_pool(services))
        if self._stopping:
            self._server.should_exit = True
        try:
            await serving
        finally:
            self._state = "stopping"
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            if self._pool is not None:
                await self._pool.close()
            if self._standin is not None:
                await asyncio.to_thread(self._standin.stop)
            await asyncio.to_thread(log.close)
            if self._publishing is not None:
                self._publishing.cancel()

    async def _open_pool(self, services: Services) -> None:
        """Load the SDK, which takes most of a second, while the server answers `/health` already."""
        environment = await asyncio.to_thread(self._start_standin) if self._settings.demo else {}
        try:
            pool_module = await asyncio.to_thread(_load_pool)
        except ImportError as error:
            services.pool.set_exception(TrayBridgeError(f"A part of Tray Bridge is missing: {error}."))
            raise
        self._environment = environment
        self._pool = pool_module.SessionPool(self._pool_config(self._settings), self.changed)
        await self._pool.open()
        gc.freeze()  # what was loaded stays: collections need not walk it again and again
        services.pool.set_result(self._pool)
        self._state = "ready"
        self.changed()

    def _start_standin(self) -> dict[str, str]:
        from .standin import StandIn

        self._standin = StandIn(first_delay=0.2, rate=60.0)
        self._standin.start()
        return {
            "ANTHROPIC_BASE_URL": self._standin.url,
            "ANTHROPIC_API_KEY": "demo",
            "ANTHROPIC_AUTH_TOKEN": "",
            "CLAUDE_CODE_OAUTH_TOKEN": "",
            "CLAUDE_CODE_USE_BEDROCK": "",
            "CLAUDE_CODE_USE_VERTEX": "",
            "CLAUDE_CODE_USE_FOUNDRY": "",
            "CLAUDE_CONFIG_DIR": str(cache_folder() / "demo"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }

    def _pool_config(self, settings: Settings) -> PoolConfig:
        from .claude.pool import PoolConfig

        return PoolConfig(
            default_model=settings.default_model,
            work_folder=work_folder(),
            cli_path=settings.cli_path,
            environment=self._environment,
            size=settings.pool_size,
            max_sessions=settings.max_sessions,
            turn_timeout=settings.claude_timeout,
            queue_limit=settings.queue_limit,
            queue_timeout=settings.queue_timeout,
            parked=settings.parked_sessions,
            parked_seconds=settings.parked_minutes * 60,
            suspended=settings.suspended_sessions,
            suspended_seconds=settings.suspended_minutes * 60,
            idle_seconds=settings.idle_minutes * 60,
        )

    def stop(self) -> None:
        """End every request with an error, then the server. In the loop only."""
        if self._stopping:
            return
        self._stopping = True
        self._state = "stopping"
        self._publish()
        if self._services is not None:
            self._services.in_flight.abort_all(ServerStoppingError("The server was stopped."))
        if self._server is not None:
            self._server.should_exit = True

    def cancel(self, request_id: str) -> None:
        if self._services is not None:
            self._services.in_flight.abort(request_id, RequestCancelledError("The request was cancelled."))

    def apply(self, settings: Settings) -> None:
        """Take settings that need no restart. In the loop only."""
        self._settings = settings
        if self._services is not None:
            self._services.settings = settings
            self._services.log.set_mode(settings.log_mode)
            self._services.log.set_limits(settings.log_days, settings.log_megabytes)
        if self._pool is not None:
            self._pool.reconfigure(self._pool_config(settings))
        self.changed()

    def changed(self) -> None:
        """Something is different: tell subscribers soon."""
        if self._publishing is None:
            self._publishing = asyncio.get_running_loop().call_later(PUBLISH_SECONDS, self._publish)

    def _publish(self) -> None:
        if self._publishing is not None:
            self._publishing.cancel()
            self._publishing = None
        self._owner.publish(self._picture())
        if self._services is not None and self._services.in_flight.snapshots() and not self._stopping:
            self._publishing = asyncio.get_running_loop().call_later(2.5 * PUBLISH_SECONDS, self._publish)

    def _picture(self) -> ServerSnapshot:
        pool, services = self._pool, self._services
        pool_snapshot = pool.snapshot() if pool else PoolSnapshot(size=self._settings.pool_size)
        return ServerSnapshot(
            state=self._state,
            host=self._settings.host,
            port=self._listener.getsockname()[1] if self._listener.fileno() >= 0 else self._settings.port,
            demo=self._settings.demo,
            started_at=self._started_at,
            pool=pool_snapshot,
            requests=services.in_flight.snapshots() if services else (),
            served=services.in_flight.served if services else 0,
            failed=services.in_flight.failed if services else 0,
            account=pool.account if pool else ServerSnapshot().account,
            models=pool.models if pool else (),
            problem=pool_snapshot.problem,
            log_problem=services.log.problem if services else None,
        )


def _door(settings: Settings) -> tuple[object, ...]:
    """The settings that only a new start can take in."""
    return (
        settings.host,
        settings.port,
        settings.demo,
        settings.log_folder,
        settings.allowed_hosts,
        settings.allowed_origins,
    )


def _port_problem(settings: Settings, error: OSError) -> Problem:
    if not isinstance(error, PermissionError) and error.errno is not None:
        holder, is_us = describe_holder(settings.host, settings.port)
        if holder is not None or is_us or "in use" in str(error).lower():
            free = next_free_port(settings.host, settings.port)
            taken = PortTakenError(settings.port, holder=holder, next_free=free, is_us=is_us)
            return Problem.of(taken, time.time())
    problem = SettingsError(
        f"The server cannot listen on {settings.host}:{settings.port}: {error.strerror or error}.",
        hint="Choose another port or host in the settings.",
    )
    return Problem.of(problem, time.time())


def _load_pool() -> Any:
    from .claude import pool

    return pool


def _new_event_loop() -> asyncio.AbstractEventLoop:
    if sys.platform != "win32":
        with contextlib.suppress(ImportError):
            import uvloop

            return uvloop.new_event_loop()
        return asyncio.new_event_loop()
    return asyncio.ProactorEventLoop()
