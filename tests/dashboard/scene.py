"""A server that shows a scene: fixed snapshots behind the real routes, for pictures and for what is rare in life."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from starlette.responses import StreamingResponse

from tray_bridge.api.errors import add_error_handlers
from tray_bridge.api.page.access import DashboardAccess
from tray_bridge.api.page.first_run import first_run_router
from tray_bridge.api.page.last_hour import LastHour
from tray_bridge.api.page.routes import dashboard_router
from tray_bridge.doctor.checks import Check
from tray_bridge.machine.api_keys import ApiKeys
from tray_bridge.machine.sign_in import SignIn
from tray_bridge.session_log import LogReader
from tray_bridge.settings.schema import load_settings
from tray_bridge.snapshots import (
    AccountSnapshot,
    ModelSnapshot,
    PlanWindow,
    PoolSnapshot,
    RequestSnapshot,
    ServerSnapshot,
    SessionSnapshot,
)

SPOKEN = """\
A bridge keeps a few Claude Code processes ready, so that a question finds one waiting.

1. The first question takes a ready process.
2. Its conversation stays parked there for a while.
3. A follow-up goes on in it, with nothing sent again."""


class Scene:
    """A ServerView whose snapshot a test sets."""

    def __init__(self, snapshot: ServerSnapshot) -> None:
        self._snapshot = snapshot
        self._callbacks: list[Callable[[ServerSnapshot], None]] = []
        self.cancelled: list[str] = []
        self._sign_in = SignIn(lambda success: self.account_changed() if success else None)

    def snapshot(self) -> ServerSnapshot:
        return self._snapshot

    def subscribe(self, callback: Callable[[ServerSnapshot], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def cancel_request(self, request_id: str) -> bool:
        if all(request.id != request_id for request in self._snapshot.requests):
            return False
        self.cancelled.append(request_id)
        self.show(requests=tuple(r for r in self._snapshot.requests if r.id != request_id))
        return True

    def pause(self, paused: bool) -> None:
        self.show(paused=paused)

    def page_pass(self) -> str:
        return ""

    def let_page_in(self, origin: str) -> None:
        self.show(refused_pages=tuple(page for page in self._snapshot.refused_pages if page.origin != origin))

    def use_claude_settings(self, used: bool) -> None:
        self.show(account=AccountSnapshot(signed_in=used, uses_api_key=used))

    def account_changed(self) -> None:
        self.show(account=AccountSnapshot(signed_in=True, plan="Max"))

    @property
    def sign_in(self) -> SignIn:
        return self._sign_in

    @property
    def on_end(self) -> Callable[[bool], None]:
        return lambda drain: None

    def begin(self) -> None:
        """Be a working afternoon again, with nothing cancelled: pages that are open see it, too."""
        self.cancelled.clear()
        self._snapshot = replace(busy_scene(), port=self._snapshot.port)
        self.show()

    def show(self, **changes: object) -> None:
        self._snapshot = replace(self._snapshot, **changes)  # type: ignore[arg-type]
        for callback in list(self._callbacks):
            callback(self._snapshot)


def dashboard_app(
    scene: Scene,
    folder: Path,
    last_hour: LastHour | None = None,
    access: DashboardAccess | None = None,
    findings: tuple[Check, ...] = (),
    reader: LogReader | None = None,
) -> FastAPI:
    app = FastAPI()
    add_error_handlers(app)

    @app.post("/v1/chat/completions")
    async def say() -> StreamingResponse:
        return StreamingResponse(_spoken(), media_type="text/event-stream")

    hour, entrance, log = (
        last_hour or LastHour(),
        access or DashboardAccess(lambda _key: None, lambda: False),
        reader or LogReader(folder),
    )
    app.include_router(first_run_router(scene, entrance, ApiKeys(), load_settings, log, hour))
    app.include_router(
        dashboard_router(
            scene,
            log,
            hour,
            entrance,
            doctor=lambda: findings,
            keys=keys_of(folder),
        )
    )
    return app


def keys_of(folder: Path) -> ApiKeys:
    """The keys that the view Keys shows over the log in `folder`; the server of the scene asks for none."""
    return ApiKeys(folder.with_name(f"{folder.name}-keys.json"))


async def _spoken() -> AsyncIterator[str]:
    """The scene has no model: this is what its playground shows."""
    await asyncio.sleep(0.6)
    for word in SPOKEN.split(" "):
        yield f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': word + ' '}}]})}\n\n"
        await asyncio.sleep(0.02)
    yield f"data: {json.dumps({'choices': [{'index': 0, 'delta': {}, 'finish_reason': 'stop'}]})}\n\n"
    usage = {"prompt_tokens": 21, "completion_tokens": 64}
    yield f"data: {json.dumps({'choices': [], 'usage': usage})}\n\ndata: [DONE]\n\n"


@contextmanager
def serve(
    scene: Scene,
    folder: Path,
    last_hour: LastHour | None = None,
    *,
    findings: tuple[Check, ...] = (),
    keys: tuple[str, ...] = (),
    access: DashboardAccess | None = None,
    reader: LogReader | None = None,
) -> Iterator[str]:
    """Run the page's routes on a free port; gives the origin."""
    access = access or DashboardAccess(lambda key: "test" if key in keys else None, lambda: bool(keys))
    app = dashboard_app(scene, folder, last_hour, access, findings, reader)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    scene.show(port=port)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        scene.show(state="stopping")
        server.should_exit = True
        thread.join(30)


class OfThisTest:
    """Stands for the log or the last hour of the test that runs, in routes that are made once for many tests.

    To make the routes takes longer than most that a test asks of them.
    """

    def __init__(self) -> None:
        self.own: object = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)


class Stage:
    """One server for many tests, each with a log and a last hour of its own."""

    def __init__(self) -> None:
        self.scene = Scene(busy_scene())
        self.log, self.last_hour = OfThisTest(), OfThisTest()
        self.origin = ""

    @contextmanager
    def open(self, folder: Path) -> Iterator[Stage]:
        with serve(self.scene, folder, cast(LastHour, self.last_hour), reader=cast(LogReader, self.log)) as self.origin:
            yield self

    @contextmanager
    def of(self, folder: Path, last_hour: LastHour) -> Iterator[str]:
        """Show this log and last hour in a new scene; gives the origin."""
        reader = LogReader(folder)
        self.log.own, self.last_hour.own = reader, last_hour
        self.scene.begin()
        yield self.origin
        reader.close()


def busy_scene() -> ServerSnapshot:
    """A working afternoon."""
    now = time.time()
    sessions = (
        SessionSnapshot(41, "busy", now - 95, now - 14, "sonnet", 4141),
        SessionSnapshot(38, "suspended", now - 320, now - 42, "sonnet", 4138, now + 600),
        SessionSnapshot(36, "parked", now - 900, now - 130, "opus", 4136, now + 470),
        SessionSnapshot(37, "parked", now - 700, now - 420, "haiku", 4137, now + 180),
        SessionSnapshot(42, "fitting", now - 60, now - 55, "sonnet", 4142),
        SessionSnapshot(43, "warm", now - 200, now - 198, None, 4143),
        SessionSnapshot(44, "starting", now - 1, now - 1, None, 4144),
    )
    pool = PoolSnapshot(
        size=3,
        max_sessions=8,
        warm=1,
        fitting=1,
        starting=1,
        busy=1,
        parked=2,
        suspended=1,
        sessions=sessions,
        taken=(("parked", 612), ("suspended", 188), ("fitting", 240), ("generic", 131), ("cold", 9)),
    )
    requests = (
        RequestSnapshot("req_7b1e", "Continue", "sonnet", True, now - 14, False, 412),
        RequestSnapshot("req_7b20", "aider", "opus", True, now - 3, False, 57),
        RequestSnapshot("req_7b21", "LangChain", "gpt-4o → sonnet", False, now - 1, True, 0),
    )
    account = AccountSnapshot(
        signed_in=True,
        plan="Max",
        cli_version="2.1.42",
        windows=(
            PlanWindow("five_hour", 0.42, now + 4920),
            PlanWindow("seven_day", 0.87, now + 3 * 86400 + 7200, "allowed_warning"),
        ),
    )
    models = (
        ModelSnapshot(
            "sonnet",
            "claude-sonnet-4-5-20250929",
            "Sonnet 4.5",
            "Efficient for routine tasks · $3/$15 per Mtok",
            efforts=("low", "medium", "high"),
        ),
        ModelSnapshot("opus", "claude-opus-4-1-20250805", "Opus 4.1"),
        ModelSnapshot("haiku", "claude-haiku-4-5-20251001", "Haiku 4.5"),
    )
    return ServerSnapshot(
        state="ready",
        started_at=now - 11_700,
        pool=pool,
        requests=requests,
        served=1180,
        failed=4,
        account=account,
        models=models,
    )


FINDINGS = (
    Check("Claude Code", "ok", "Version 2.1.42, bundled with the app."),
    Check("Account", "ok", "Signed in with a Max plan."),
    Check("Port", "ok", "8000 on 127.0.0.1 is ours."),
    Check(
        "Tray host",
        "warning",
        "The desktop shows no tray icons.",
        "On GNOME, install the extension AppIndicator and KStatusNotifierItem Support, then sign in again.",
    ),
    Check("Disk", "ok", "64 GB are free for the log."),
    Check(
        "Log folder",
        "failed",
        "The folder /var/log/tray-bridge cannot be written: permission denied.",
        "Choose another one: log_folder in settings.toml.",
    ),
)
