"""One run of the server, inside its event loop: log, app, pool and stand-in, opened and closed in order.

Owns what lives as long as one run, and the snapshot of it. Must not know the thread: what it needs is passed in.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import RequestCancelledError, ServerPausedError, ServerStoppingError, TrayBridgeError
from ..launch import collector, import_fastapi
from ..machine import bridge_log
from ..machine.owner_note import OwnerNote, new_note, remove_note, write_note
from ..machine.paths import log_folder
from ..snapshots import PoolSnapshot, Problem, ServerSnapshot, ServerState
from .listening import KeepListening, open_ipv6
from .ollama_listener import open_second
from .pool_setup import PoolSetup
from .watches import keep_note, look_at_account, watch_releases

if TYPE_CHECKING:
    import uvicorn

    from ..answer_store import AnswerStore, Rules
    from ..api.services import OwnServer, Services
    from ..claude.cli_process import CliProcess
    from ..claude.pool import SessionPool
    from ..doctor.checks import Check
    from ..session_log import SessionLog
    from ..settings.schema import Settings

PUBLISH_SECONDS = 0.1  # the least time between two snapshots
KEEP_ALIVE_SECONDS = 75  # longer than clients keep an idle connection: one that is closed as they write is an error
FILL_AFTER = 0.1  # seconds: serve requests that waited for startup before starting more spares
ANSWERS = "answers.sqlite"  # in the folder of the session log
GRACE_SECONDS = 2  # for requests that were ended to send their error


class Serving:
    """Run the server once. Call all methods in its loop.

    `owner` is the server as its endpoints see it, `publish` is called with each new snapshot, `more_checks` gives
    further checks of the doctor, `early` is a CLI process for the pool, `paused`: the run before was paused.
    """

    def __init__(
        self,
        owner: OwnServer,
        publish: Callable[[ServerSnapshot], None],
        more_checks: Callable[[], Sequence[Check]],
        settings: Settings,
        listener: socket.socket,
        early: CliProcess | None,
        paused: bool,
    ) -> None:
        self._early = early
        self._starts_paused = paused
        self._owner = owner
        self._publish_snapshot = publish
        self._more_checks = more_checks
        self._settings = settings
        self.listening = KeepListening(settings.host, listener, self.changed)
        self._started_at = time.time()
        self._state: ServerState = "starting"
        self._publishing: asyncio.TimerHandle | None = None
        self._server: uvicorn.Server | None = None
        self._services: Services | None = None
        self._setup = PoolSetup(self._proved)
        self._pool: SessionPool | None = None
        self._log: SessionLog | None = None
        self._answers: AnswerStore | None = None
        self._ollama_listener: socket.socket | None = None
        self._more_listeners: list[socket.socket] = []
        self._ollama_problem: Problem | None = None
        self._stopping = self._restarts_then = False
        self._watching: list[asyncio.Future[None]] = []
        self._note: OwnerNote | None = None
        self._newer: str | None = None
        self._drains_since: float | None = None

    async def run(self) -> None:
        """Serve until `stop`. The pool comes first: the CLI starts on another core while the app is imported here."""
        try:
            opened = await asyncio.to_thread(open_second, self._settings.host, self._settings.ollama_port)
            self._ollama_listener, self._ollama_problem = opened
            ports = (self.listening.port, self._settings.ollama_port if opened[0] is not None else 0)
            more = (self._ollama_listener, *(open_ipv6(self._settings.host, port) for port in ports if port))
            self._more_listeners = [each for each in more if each is not None]
            pool = await self._open_pool()
            await asyncio.to_thread(import_app)
            self._services, self._server = self._make_app(pool)
            self.pause(self._starts_paused)
            collector.settle()
            self._server.should_exit = self._stopping
            if self._note is not None:
                write_note(self._note)
            self._state = "stopping" if self._stopping else "ready"
            self.changed()
            asyncio.get_running_loop().call_later(FILL_AFTER, pool.fill)
            watches = (
                watch_releases(lambda: self._settings, self._tell_newer),
                keep_note(lambda: self._note),
                look_at_account(lambda: self._settings, pool),
                self.listening.watch(self._forget, self._serve_on),
            )
            self._watching = [asyncio.ensure_future(watch) for watch in watches]
            try:
                await self._server.serve(sockets=[self.listening.listener, *self._more_listeners])
            finally:
                self._stop_watching()
        finally:
            await self._close()

    def _stop_watching(self) -> None:
        for task in self._watching:
            task.cancel()

    async def _close(self) -> None:
        """Close what `run` opened: first what takes requests, then what answers them, the logs last."""
        self._state = "stopping"
        for listener in (self.listening.listener, *self._more_listeners):
            listener.close()
        if self._note is not None:
            remove_note(self._note)
        if self._early is not None:
            await self._early.end()
        await self._setup.stop_proof()
        if self._pool is not None:
            await self._pool.close()
        await self._setup.close()
        if self._services is not None:
            await self._services.limits.close()
        for kept in (self._log, self._answers):
            if kept is not None:
                await asyncio.to_thread(kept.close)
        if self._publishing is not None:
            self._publishing.cancel()

    def _forget(self, listener: socket.socket) -> None:
        """Stop to serve a socket."""
        for server in getattr(self._server, "servers", ()):
            if any(each.fileno() == listener.fileno() for each in server.sockets):
                server.close()

    async def _serve_on(self, listener: socket.socket) -> None:
        """Serve one more socket."""
        if (server := self._server) is not None:
            others = server.servers
            await server.startup(sockets=[listener])
            server.servers += others

    def _tell_newer(self, version: str | None) -> None:
        self._newer = version
        self.changed()

    async def _open_pool(self) -> SessionPool:
        await self._setup.open(self._settings, [self.listening.port, self._settings.ollama_port])
        try:
            from ..claude.pool import SessionPool
        except ImportError as error:
            raise TrayBridgeError(f"A part of Tray Bridge is missing: {error}.") from error
        self._pool = SessionPool(self._setup.config(self._settings), self.changed)
        await self._pool.open(self._early)
        self._early = None
        return self._pool

    def _make_app(self, pool: SessionPool) -> tuple[Services, uvicorn.Server]:
        import uvicorn

        from ..answer_store import AnswerStore
        from ..api.app import create_app
        from ..api.in_flight import InFlight
        from ..api.origins import RefusedPages
        from ..api.page.access import DashboardAccess
        from ..api.page.last_hour import LastHour
        from ..api.services import Services
        from ..machine.api_keys import ApiKeys
        from ..session_log import SessionLog, prices_of
        from .stream_protocol import StreamProtocol

        settings = self._settings
        kept = (settings.log_mode, settings.log_days, settings.log_megabytes)
        folder, changed = settings.log_folder or log_folder(), self._from_thread(self.changed)
        bridge_log.follow(folder, settings.log_level)
        self._log = SessionLog(folder, *kept, changed, lambda: prices_of(pool.models))
        self._log.open()
        keys = ApiKeys()
        page_access = DashboardAccess(keys.verify, keys.exist)
        self._answers = AnswerStore(folder / ANSWERS, **_answer_rules(settings))
        self._note = new_note(settings.host, self.listening.port)
        services = Services(
            settings,
            self._log,
            self._owner,
            InFlight(self.changed),
            LastHour(),
            pool,
            keys,
            page_access,
            answers=self._answers,
            owner_token=self._note.token,
            more_checks=self._more_checks,
        )
        services.refused_pages = RefusedPages(self.changed)
        app = create_app(services)
        config = uvicorn.Config(
            app,
            log_config=None,  # the default one raises where there is no stdout (a windowed bundle)
            proxy_headers=False,  # no proxy in front of us, so X-Forwarded-* must not be trusted
            lifespan="off",
            ws="none",
            http=StreamProtocol,  # h11: httptools drops bodies after an offer to upgrade, and sends chunks to HTTP/1.0
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
            h11_max_incomplete_event_size=64 * 1024,
        )
        return services, uvicorn.Server(config)

    def _proved(self) -> None:
        """Take in what was found out about the CLI program."""
        if self._pool is not None and not self._stopping:
            self._pool.reconfigure(self._setup.config(self._settings))
            self.changed()

    def stop(self) -> None:
        """End every request with an error, then the server."""
        if self._stopping:
            return
        self._stopping = True
        self._stop_watching()  # the socket that is closed now is not lost
        self._state = "stopping"
        self._publish()
        if self._services is not None:
            self._services.in_flight.close(ServerStoppingError("The server was stopped."))
        if self._server is not None:
            self._server.should_exit = True

    def cancel(self, request_id: str) -> None:
        """End one request with an error; one that has ended already is left alone."""
        if self._services is not None:
            self._services.in_flight.abort(request_id, RequestCancelledError("The request was cancelled."))

    def pause(self, paused: bool) -> None:
        """Refuse new requests, or take them again."""
        self._refuse(ServerPausedError("Tray Bridge is paused.") if paused else None)

    def drain(self, *, restarts: bool) -> None:
        """Refuse new requests because the server stops or restarts once those under way have ended."""
        ends, hint = ("restarts", "Send it again in a minute.") if restarts else ("stops", None)
        reason = ServerStoppingError(f"Tray Bridge {ends} when its last requests are finished.", hint=hint)
        self._refuse(reason, time.time(), restarts)

    def _refuse(self, reason: TrayBridgeError | None, since: float | None = None, restarts: bool = False) -> None:
        if self._services is not None:
            self._drains_since, self._restarts_then = since, restarts
            self._services.in_flight.pause(reason)
            self._publish()  # at once: the next look at `/health` must not say that requests are answered

    def page_pass(self) -> str:
        """Make a pass that opens the page once; empty where no key is needed. From any thread."""
        services = self._services
        return services.page_access.issue_pass() if services and services.keys.exist() else ""

    def apply(self, settings: Settings) -> None:
        """Take settings that need no restart."""
        self._settings = settings
        bridge_log.set_level(settings.log_level)
        if self._services is not None:
            self._services.settings = settings
            self._services.log.set_mode(settings.log_mode)
            self._services.log.set_limits(settings.log_days, settings.log_megabytes)
        if self._answers is not None:
            self._answers.configure(**_answer_rules(settings))
        if self._pool is not None:
            self._pool.reconfigure(self._setup.config(settings))
        self.changed()

    @staticmethod
    def _from_thread(call: Callable[[], None]) -> Callable[[], None]:
        """Make a function that runs `call` in the loop, for a thread that may outlive the loop."""
        loop = asyncio.get_running_loop()

        def from_thread() -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(call)

        return from_thread

    def changed(self) -> None:
        """Publish a new snapshot soon."""
        if self._publishing is None:
            self._publishing = asyncio.get_running_loop().call_later(PUBLISH_SECONDS, self._publish)

    def _publish(self) -> None:
        if self._publishing is not None:
            self._publishing.cancel()
            self._publishing = None
        self._publish_snapshot(self._make_snapshot())
        if self._services is not None and self._services.in_flight.snapshots() and not self._stopping:
            self._publishing = asyncio.get_running_loop().call_later(2.5 * PUBLISH_SECONDS, self._publish)

    def _make_snapshot(self) -> ServerSnapshot:
        pool, services = self._pool, self._services
        pool_snapshot = pool.snapshot() if pool else PoolSnapshot(size=self._settings.pool_size)
        account = pool.account if pool else ServerSnapshot().account
        if services and services.in_flight.is_proved and account.signed_in is False:
            account = replace(account, signed_in=True)  # the CLI said so before the person signed in elsewhere
        return ServerSnapshot(
            state=self._state,
            host=self._settings.host,
            port=self.listening.port,
            demo=self._settings.demo,
            started_at=self._started_at,
            pool=pool_snapshot,
            requests=services.in_flight.snapshots() if services else (),
            served=services.in_flight.served if services else 0,
            failed=services.in_flight.failed if services else 0,
            account=account,
            models=pool.models if pool else (),
            problem=self.listening.problem or pool_snapshot.problem,
            log_problem=services.log.problem if services else None,
            trouble=services.in_flight.trouble if services else None,
            paused=bool(services and services.in_flight.paused_for),
            drains_since=self._drains_since,
            restarts_then=self._restarts_then,
            default_model=self._settings.default_model,
            newer_version=self._newer,
            refused_pages=services.refused_pages.snapshot(self._settings.allowed_origins) if services else (),
            ollama_port=self._settings.ollama_port if self._ollama_listener is not None else None,
            ollama_problem=self._ollama_problem,
        )


def _answer_rules(settings: Settings) -> Rules:
    """Give the rules of stored answers: those of the session log, and memory alone where the log keeps no texts."""
    return {"persistent": settings.log_mode == "full", "days": settings.log_days, "megabytes": settings.log_megabytes}


def import_app() -> None:
    """Import the app. Runs in a thread, so that the loop can read from the CLI meanwhile."""
    import_fastapi()
    from ..api import app  # noqa: F401
    from . import stream_protocol  # noqa: F401
