"""Ollama's paths besides chat and generation: versions and models, and errors for what is not supported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from ..bridge.dialect import Failure
from ..bridge.fields import read_boolean, refuse
from ..bridge.frames import encode_json
from ..bridge.ollama.dialect import Ollama
from ..bridge.ollama.models import VERSION, list_models, running_models, show_model
from ..errors import ModelNotFoundError
from ..snapshots import ModelSnapshot
from .body import read_json_body
from .json_response import JsonResponse
from .model_list import find_model, offered_models
from .services import Services

_EMBEDDING = "Claude makes no embeddings. Use another server for them."
_MANAGING = "Models are Anthropic's: none can be pushed, created, copied or deleted here."


def ollama_router(services: Services) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.head("/api/version", include_in_schema=False)
    @router.get("/api/version")
    async def version() -> JsonResponse:
        """Tell the version of Ollama whose API is served here."""
        return JsonResponse({"version": VERSION})

    @router.head("/api/tags", include_in_schema=False)
    @router.get("/api/tags")
    async def tags() -> JsonResponse:
        """List the models."""
        return JsonResponse(list_models(offered_models(services)))

    @router.head("/api/ps", include_in_schema=False)
    @router.get("/api/ps")
    async def running() -> JsonResponse:
        """List the models in memory: none, as they run at Anthropic's."""
        return JsonResponse(running_models(offered_models(services)))

    @router.post("/api/show")
    async def show(request: Request) -> JsonResponse:
        """Describe a model."""
        name, model = await _asked_model(services, await _body(services, request))
        return JsonResponse(show_model(name, model))

    @router.post("/api/pull")
    async def pull(request: Request) -> Response:
        """Report a known model as pulled, because it is always available."""
        body = await _body(services, request)
        await _asked_model(services, body)
        done = {"status": "success"}
        if read_boolean(body.get("stream"), "stream") is False:
            return JsonResponse(done)
        return Response(encode_json(done) + b"\n", media_type="application/x-ndjson")

    for path in ("/api/embed", "/api/embeddings"):
        router.add_api_route(path, _refusal(_EMBEDDING), methods=["POST"], include_in_schema=False)
    for path in ("/api/push", "/api/create", "/api/copy", "/api/delete", "/api/blobs/{digest}"):
        router.add_api_route(path, _refusal(_MANAGING), methods=["POST", "DELETE", "HEAD"], include_in_schema=False)
    return router


def _refusal(words: str) -> Any:
    async def refuse_it() -> JsonResponse:
        return JsonResponse(Ollama().error(Failure(501, "invalid_request", words)), status_code=501)

    return refuse_it


async def _body(services: Services, request: Request) -> Mapping[str, Any]:
    return await read_json_body(request, limit_megabytes=services.settings.body_limit_mb)


async def _asked_model(services: Services, body: Mapping[str, Any]) -> tuple[str, ModelSnapshot]:
    name = body.get("model") or body.get("name")
    if not isinstance(name, str):
        refuse("model is required", "model")
    try:
        return name, find_model(services, name)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(f"model '{name[:80]}' not found. {error.message}", param="model") from error
