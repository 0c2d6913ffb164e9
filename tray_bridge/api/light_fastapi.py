"""FastAPI, imported and put to work without what takes long and nobody needs before the first answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel, ConfigDict


def import_light() -> None:
    """Import it with its models of an OpenAPI document still to be built: `/openapi.json` alone uses them."""
    before, BaseModel.model_config = BaseModel.model_config, ConfigDict(defer_build=True)
    try:
        __import__("fastapi")
    finally:
        BaseModel.model_config = before


@contextmanager
def without_pydantic_1() -> Iterator[None]:
    """While routes are made: it would import the old pydantic whole, to find that no parameter is one of its models."""
    name = "pydantic.v1"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # as if it were not installed
    try:
        yield
    finally:
        del sys.modules[name]
