"""GET /health and /status: is it alive, and how is it."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from .. import __version__
from .json_response import JsonResponse
from .services import Services


def status_router(services: Services) -> APIRouter:
    router = APIRouter()

    @router.get("/health")
    async def health() -> JsonResponse:
        """Say that the server answers, with the few figures that a check wants."""
        snapshot = services.server.snapshot()
        pool = snapshot.pool
        return JsonResponse(
            {
                "status": "ok",
                "service": "tray-bridge",
                "version": __version__,
                "state": snapshot.state,
                "demo": snapshot.demo,
                "pool": {"size": pool.size, "ready": pool.warm + pool.fitting, "busy": pool.busy},
            }
        )

    @router.get("/status")
    async def status() -> JsonResponse:
        """Tell everything that the tray shows."""
        return JsonResponse({"version": __version__, **asdict(services.server.snapshot())})

    return router
