"""The application: routes, middleware and error handlers."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI

from .. import __version__
from ..bridge import all_dialects
from ..bridge.openai_chat.describe import ERROR_RESPONSE
from ..doctor.health import health_of
from .access import AccessMiddleware
from .answering import answering_router
from .errors import CatchUnexpected, add_error_handlers
from .extra_routes import extra_routers
from .landing import LANDING, landing_router
from .later import LaterRoutes
from .model_list import model_router
from .owner import owner_router
from .paths import PAGE, MeantPathMiddleware
from .same_user import SameUser
from .services import Services
from .stamp import StampMiddleware
from .status import status_router

PREFIXES = ("/v1", "/api/v1")
# OpenTelemetry would read variables that are meant for Claude Code.
NO_TELEMETRY: Any = {"auto_configure": False, "tracing": False, "metrics": False, "logs": False}


def create_app(services: Services) -> FastAPI:
    """Build the app. It opens and closes nothing: `server/run.py` owns the pool and the log."""
    app = FastAPI(title="Tray Bridge", version=__version__, docs_url=None, redoc_url=None, telemetry=NO_TELEMETRY)
    app.include_router(answering_router(services, all_dialects.DIALECTS))
    for prefix in PREFIXES:
        app.include_router(model_router(services), prefix=prefix, responses={"default": ERROR_RESPONSE})
    for router in extra_routers(services):
        app.include_router(router)
    app.include_router(status_router(services))
    app.include_router(status_router(services), prefix="/api/v1")
    app.router.routes.append(LaterRoutes("/owner", partial(owner_router, services)))
    app.router.routes.append(LaterRoutes(PAGE, partial(_page, services)))
    app.include_router(landing_router())
    add_error_handlers(app)
    app.add_middleware(CatchUnexpected)
    app.add_middleware(
        AccessMiddleware,
        settings=services.settings,
        verify_key=services.verify_key,
        has_keys=services.keys.exist,
        keys_problem=services.keys.problem,
        refused=services.page_refused,
        open_paths=("/health", *LANDING),
        is_same_user=SameUser(),
        allowed_origins=lambda: services.settings.allowed_origins,
    )
    app.add_middleware(StampMiddleware)
    app.add_middleware(MeantPathMiddleware)
    return app


def _page(services: Services) -> APIRouter:
    """Make the routes of the page."""
    from ..doctor.checks import run_checks
    from ..session_log import LogReader
    from .page.first_run import first_run_router
    from .page.remember import remember
    from .page.routes import dashboard_router

    log = LogReader(services.log.folder, background=True)
    remember(services.last_hour, log)
    router = APIRouter()
    router.include_router(
        dashboard_router(
            services.server,
            log,
            services.last_hour,
            services.page_access,
            doctor=lambda: [*run_checks(services.settings, None, _status(services)), *services.more_checks()],
            keys=services.keys,
            check_model=services.check_model,
            under_way=services.log.under_way,
        )
    )
    router.include_router(
        first_run_router(
            services.server, services.page_access, services.keys, lambda: services.settings, log, services.last_hour
        )
    )
    return router


def _status(services: Services) -> dict[str, Any]:
    snapshot = services.server.snapshot()
    return {"health": health_of(snapshot).as_json(), **asdict(snapshot)}
