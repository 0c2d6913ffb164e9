"""`/` and `/v1`, which people type: they redirect a browser to the page, and tell a program what is here."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

LANDING = ("/", "/v1", "/v1/", "/api", "/api/v1")


def landing_router() -> APIRouter:
    """Make the routes."""
    router = APIRouter(include_in_schema=False)

    async def land(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/dashboard", status_code=302)
        if request.url.path == "/":  # as Ollama answers there: its clients use it to find out whether it runs
            return PlainTextResponse("Ollama is running")
        base = f"{request.url.scheme}://{request.headers.get('host', '')}"
        return PlainTextResponse(f"Tray Bridge is running. Base URL: {base}/v1   Page: {base}/dashboard\n")

    for path in LANDING:
        router.add_api_route(path, land, methods=["GET", "HEAD"])
    return router
