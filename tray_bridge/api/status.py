"""GET /health and /status: whether requests can be answered, and everything that the tray shows."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request

from .. import __version__
from ..doctor.health import health_of
from ..machine.owner_note import NONCE_HEADER, PROOF_HEADER, proof_of
from .json_response import JsonResponse
from .services import Services


def status_router(services: Services) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.head("/health", include_in_schema=False)
    @router.get("/health")
    async def health(request: Request) -> JsonResponse:
        """Say that the server answers, with the few figures that a check wants."""
        snapshot = services.server.snapshot()
        pool, found = snapshot.pool, health_of(snapshot)
        nonce = request.headers.get(NONCE_HEADER)
        return JsonResponse(
            {
                "status": "ok" if found.answers else found.word,
                "health": found.as_json(),
                "service": "tray-bridge",
                "version": __version__,
                "state": snapshot.state,
                "demo": snapshot.demo,
                "pool": {"size": pool.size, "ready": pool.warm + pool.fitting, "busy": pool.busy},
            },
            headers={PROOF_HEADER: proof_of(services.owner_token, nonce)} if nonce else None,
        )

    @router.get("/status")
    async def status() -> JsonResponse:
        """Tell everything that the tray shows."""
        snapshot = services.server.snapshot()
        return JsonResponse({"version": __version__, "health": health_of(snapshot).as_json(), **asdict(snapshot)})

    return router
