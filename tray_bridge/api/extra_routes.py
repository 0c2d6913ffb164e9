"""Further routes of single dialects: stored answers, a count of tokens, a list of models.

Each is a module in this folder with a function from `Services` to a router, and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter

from .ollama_routes import ollama_router
from .services import Services
from .stored_answers import stored_answers_router

ROUTERS: Sequence[Callable[[Services], APIRouter]] = (stored_answers_router, ollama_router)


def extra_routers(services: Services) -> list[APIRouter]:
    """Make all routers."""
    return [router(services) for router in ROUTERS]
