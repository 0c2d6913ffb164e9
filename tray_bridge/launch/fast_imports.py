"""Large libraries, imported without the parts that are never used here. Changes `sys.modules` only while it imports."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from . import is_fast

# Named at the SDK's import, and used only for the servers of `create_sdk_mcp_server`, which are not used here.
# Nothing else in Tray Bridge imports them, so no other thread can meet the empty modules.
_UNUSED = (
    "jsonschema",
    "mcp",
    "mcp.server",
    "mcp.shared",
    "mcp.shared.memory",
    "mcp.shared.message",
    "mcp.types",
)
_SDK = "claude_agent_sdk"
_lock = threading.Lock()


def import_sdk() -> None:
    """Import the SDK with empty modules in place of `mcp` and `jsonschema`, which make up most of its import.

    Afterwards they are gone again, so a later import of `mcp` gets the real one. An SDK that needs more of them than
    their names is imported as usual. Does nothing in a program that embeds the server.
    """
    with _lock:
        if not is_fast() or _SDK in sys.modules:
            return
        try:
            with _empty_modules(_UNUSED):
                __import__(f"{_SDK}._internal.query")
        except Exception:  # whatever a later SDK needs of them: the plain import that follows says what is wrong
            for name in [name for name in sys.modules if name.split(".")[0] == _SDK]:
                del sys.modules[name]


def import_fastapi() -> None:
    """Import FastAPI; its models of an OpenAPI document are built at their first use, which is `/openapi.json`."""
    with _lock:
        if not is_fast() or "fastapi" in sys.modules:
            return
        from pydantic import BaseModel, ConfigDict

        before, BaseModel.model_config = BaseModel.model_config, ConfigDict(defer_build=True)
        try:
            __import__("fastapi")
        finally:
            BaseModel.model_config = before


class _Nothing:
    """Whatever is taken from an empty module: something to inherit from."""

    def __init_subclass__(cls, **options: object) -> None:
        pass


class _EmptyModule(ModuleType):
    __path__: list[str] = []  # noqa: RUF012 - marks it as a package, as the import system wants it

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return sys.modules.get(f"{self.__name__}.{name}") or type(name, (_Nothing,), {})


@contextmanager
def _empty_modules(modules: tuple[str, ...]) -> Iterator[None]:
    names = [name for name in modules if name not in sys.modules]
    sys.modules.update({name: _EmptyModule(name) for name in names})
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
