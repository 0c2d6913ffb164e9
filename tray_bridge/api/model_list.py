"""GET /v1/models and /v1/models/{id}: the models of the account, and their aliases."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request

from ..bridge.all_dialects import dialect_of
from ..bridge.openai_chat.models import write_model, write_models
from ..snapshots import USUAL_MODELS, ModelSnapshot
from .json_response import JsonResponse
from .path_parameter import path_parameter
from .services import Services


def offered_models(services: Services) -> tuple[ModelSnapshot, ...]:
    """List the account's models and, unless the settings leave them out, the aliases of one of them."""
    models = {model.value: model for model in services.models() or USUAL_MODELS if model.value != "default"}
    if not services.settings.list_aliases:
        return tuple(models.values())
    aliases = (
        replace(models[target], value=alias)
        for alias, target in services.settings.model_aliases.items()
        if target in models and alias not in models
    )
    return (*models.values(), *aliases)


def find_model(services: Services, name: str) -> ModelSnapshot:
    """Find the model that any name of a request means. Raises ModelNotFoundError."""
    resolved = services.resolve_model(name)
    models = services.models() or USUAL_MODELS
    found = next((m for m in models if resolved in (m.value, m.resolved)), None)
    return found or ModelSnapshot(resolved, resolved, resolved)


def model_router(services: Services) -> APIRouter:
    """Make the routes. Several dialects have this path; the headers tell which one asks."""
    router = APIRouter()

    @router.head("/models", include_in_schema=False)
    @router.get("/models")
    async def list_models(request: Request) -> JsonResponse:
        """List the models that may be asked for."""
        offered = offered_models(services)
        dialect = dialect_of(request.url.path, request.headers)
        if (listed := dialect.models(offered)) is None:
            return JsonResponse(write_models(offered))
        return JsonResponse(dialect.models_page(listed, request.query_params))

    @router.head("/models/{model_id:path}", include_in_schema=False)
    @router.get("/models/{model_id:path}", openapi_extra=path_parameter("model_id", "A name that a request may use."))
    async def retrieve_model(request: Request) -> JsonResponse:
        """Describe one model, under any name that a request may use."""
        model_id = request.path_params["model_id"]
        model = find_model(services, model_id)
        described = dialect_of(request.url.path, request.headers).model(model_id, model)
        return JsonResponse(write_model(model_id, model) if described is None else described)

    return router
