"""The SDK, imported without the parts that are never used here, and FastAPI, whose models are built at their use.

`install` puts one finder into this process, which is all that it changes. What a library does not get is missing for
that library's own modules alone, and only while they are imported. Every other import, in any thread, is as usual.
"""

from __future__ import annotations

import builtins
import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader

SDK = "claude_agent_sdk"
# Named at the SDK's import, and used only for the servers of `create_sdk_mcp_server`, which are not used here.
UNUSED = ("jsonschema", "mcp")
LATER = "importlib.metadata"  # with which the SDK would look for the app's name, which is given to it
_lock = threading.Lock()


def install() -> None:
    """Have the SDK imported without what is not used of it, from now on. For the main thread, before all others."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def import_sdk() -> None:
    """Import the SDK. One that needs more of `mcp` and `jsonschema` than their names is imported as usual."""
    with _lock:
        finder = next((finder for finder in sys.meta_path if isinstance(finder, _Finder)), None)
        if finder is None or SDK in sys.modules:
            return
        try:
            __import__(f"{SDK}._internal.query")
        except Exception:  # whatever a later SDK needs of them: the plain import that follows says what is wrong
            finder.is_on = False
            for name in [name for name in sys.modules if name.split(".")[0] == SDK]:
                del sys.modules[name]


def import_fastapi() -> None:
    """Import FastAPI. Its models of an OpenAPI document are built at their first use, which is `/openapi.json`."""
    with _lock:
        if "fastapi" in sys.modules:
            return
        from pydantic import BaseModel, ConfigDict

        before, BaseModel.model_config = BaseModel.model_config, ConfigDict(defer_build=True)
        try:
            __import__("fastapi")
        finally:
            BaseModel.model_config = before


class _Finder:  # without `importlib.abc`, which takes a while to import
    """Find the SDK's modules where they are, and load them with an `__import__` of their own."""

    is_on = True

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not self.is_on or fullname.split(".")[0] != SDK:
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(fullname, path, target)) is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader)  # type: ignore[assignment]
                return spec
        return None


class _Loader:
    """Run a module by its own loader; while it runs, its imports of what is not used give empty modules."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        is_loading = True
        import_really = builtins.__import__

        def import_lightly(name: str, *arguments: Any, **named: Any) -> Any:
            if is_loading and name == LATER:
                return import_really(name.partition(".")[0])
            if not is_loading or name.split(".")[0] not in UNUSED:
                return import_really(name, *arguments, **named)
            names = arguments[2] if len(arguments) > 2 else named.get("fromlist")
            return _empty(name) if names else _empty(name.split(".")[0])

        module.__dict__["__builtins__"] = {**builtins.__dict__, "__import__": import_lightly}
        try:
            self._loader.exec_module(module)
        finally:
            is_loading = False


class _Nothing:
    """Whatever is taken from an empty module: something to inherit from."""

    def __init_subclass__(cls, **options: object) -> None:
        pass


class _EmptyModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _known.get(f"{self.__name__}.{name}") or type(name, (_Nothing,), {})


_known: dict[str, _EmptyModule] = {}


def _empty(name: str) -> _EmptyModule:
    """Give the empty module of this name, which no other module can import."""
    parent = name.rpartition(".")[0]
    if parent:
        _empty(parent)
    return _known.setdefault(name, _EmptyModule(name))
