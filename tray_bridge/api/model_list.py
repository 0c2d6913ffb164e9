"""GET /v1/models and /v1/models/{id}: what the account offers, and the names that stand for it."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter

from ..bridge.openai_chat.models import write_model, write_models
from ..snapshots import ModelSnapshot
from .json_response import JsonResponse
from .services import Services

FAMILIES = tuple(ModelSnapshot(name, name, name.capitalize()) for name in ("opus", "sonnet", "haiku"))


def offered_models(services: Services) -> tuple[ModelSnapshot, ...]:
    """What may be asked for: the account's models, and the aliases that stand for one of them."""
    models = {model.value: model for model in services.models() or FAMILIES if model.value != "default"}
    aliases = (
        replace(models[target], value=alias)
        for alias, target in services.settings.model_aliases.items()
        if target in models and alias not in models
    )
    return (*models.values(), *aliases)


def model_router(services: Services) -> APIRouter:
    router = APIRouter()

    @router.get("/models")
    async def list_models() -> JsonResponse:
        """List the models that may be asked for."""
        return JsonResponse(write_models(offered_models(services)))

    @router.get("/models/{model_id:path}")
    async def retrieve_model(model_id: str) -> JsonResponse:
        """Describe one model; any name that a request may use is known here too."""
        resolved = services.resolve_model(model_id)
        models = services.models() or FAMILIES
        model = next((m for m in models if resolved in (m.value, m.resolved)), None)
        return JsonResponse(write_model(model_id, model or ModelSnapshot(resolved, resolved, resolved)))

    return router
