"""GET /v1/models and /v1/models/{id}: what the account offers, and the names that stand for it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ..snapshots import ModelSnapshot
from .json_response import JsonResponse
from .services import Services

RELEASED = 1_700_000_000  # clients want a creation time (JetBrains/koog#139); the CLI tells none
FAMILIES = tuple(ModelSnapshot(name, name, name.capitalize()) for name in ("opus", "sonnet", "haiku"))


def model_router(services: Services) -> APIRouter:
    router = APIRouter()

    @router.get("/models")
    async def list_models() -> JsonResponse:
        """List the models that may be asked for."""
        models = {model.value: model for model in services.models() or FAMILIES if model.value != "default"}
        data = [_model(model.value, model) for model in models.values()]
        data += [
            _model(alias, models[target])
            for alias, target in services.settings.model_aliases.items()
            if target in models and alias not in models
        ]
        return JsonResponse({"object": "list", "data": data})

    @router.get("/models/{model_id:path}")
    async def retrieve_model(model_id: str) -> JsonResponse:
        """Describe one model; any name that a request may use is known here too."""
        resolved = services.resolve_model(model_id)
        models = services.models() or FAMILIES
        model = next((m for m in models if resolved in (m.value, m.resolved)), None)
        return JsonResponse(_model(model_id, model or ModelSnapshot(resolved, resolved, resolved)))

    return router


def _model(model_id: str, model: ModelSnapshot) -> dict[str, Any]:
    return {
        "id": model_id,
        "object": "model",
        "created": RELEASED,
        "owned_by": "anthropic",
        "name": model.display_name,
        "resolved": model.resolved,
    }
