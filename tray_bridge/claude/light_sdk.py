"""The SDK, imported without the libraries that only its in-process MCP servers need. Its only importer.

`mcp` and `jsonschema` make up most of the SDK's import: some 0.7 s and 40 MB. The SDK names them at its import, and
uses them only for servers made with `create_sdk_mcp_server`, which `tool_desk` replaces. With `importlib.metadata` it
would find out the name of an app that gives none. So while the SDK is imported, empty modules stand in for the three;
afterwards they are gone again and whoever imports `mcp` gets the real one. An SDK that wants more of them than names is
imported as usual.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import Any

_ABSENT = (
    "importlib.metadata",
    "jsonschema",
    "mcp",
    "mcp.server",
    "mcp.shared",
    "mcp.shared.memory",
    "mcp.shared.message",
    "mcp.types",
)
_SDK = "claude_agent_sdk"


class _Nothing:
    """Whatever is taken from an absent module: it can be inherited from, and no more."""

    def __init_subclass__(cls, **options: object) -> None:
        pass


class _AbsentModule(ModuleType):
    __path__: list[str] = []  # noqa: RUF012 - marks it as a package, as the import system wants it

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return sys.modules.get(f"{self.__name__}.{name}") or type(name, (_Nothing,), {})


@contextmanager
def _absent_modules(modules: Sequence[str] = _ABSENT) -> Iterator[None]:
    names = [name for name in modules if name not in sys.modules]
    sys.modules.update({name: _AbsentModule(name) for name in names})
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


def without_tracing() -> AbstractContextManager[None]:
    """While a process is spawned and nothing else is imported: there is no trace here that the SDK could pass on.

    It would load OpenTelemetry to find that out.
    """
    return _absent_modules(("opentelemetry", "opentelemetry.propagate"))


def _import_light() -> None:
    try:
        with _absent_modules():
            __import__(f"{_SDK}._internal.query")
    except Exception:  # whatever a later SDK asks of them: the plain import below says what is wrong, if anything is
        for name in [name for name in sys.modules if name.split(".")[0] == _SDK]:
            del sys.modules[name]


if _SDK not in sys.modules:
    _import_light()

from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, Transport  # noqa: E402
from claude_agent_sdk._internal.transport.subprocess_cli import SubprocessCLITransport  # noqa: E402

# What it calls a fatal error is a session that ended: whoever used it says so, once and in words.
logging.getLogger(_SDK).setLevel(logging.CRITICAL)

__all__ = ["ClaudeAgentOptions", "ClaudeSDKClient", "SubprocessCLITransport", "Transport"]
