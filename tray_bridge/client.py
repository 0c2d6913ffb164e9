"""A client of the bridge for scripts, over the `openai` library; `command_line/ask.py` is the command on top of it.

Knows the bridge only by its URL. `openai` takes long to import, so it is imported when a client is made.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from . import __version__
from .errors import BridgeUnreachableError, SettingsError, TrayBridgeError
from .machine.bridge_address import bridge_url, is_loopback_url, root_of

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam
    from typing_extensions import Self

NO_KEY = "not-needed"
Prompt: TypeAlias = "str | Sequence[Mapping[str, Any]]"


class BridgeClient:
    """Ask a running bridge, blocking or not; use it in a `with` or an `async with`.

    `base_url`, `api_key` and `model` default to BRIDGE_URL, TRAY_BRIDGE_API_KEY and OPENROUTER_MODEL.
    OPENROUTER_API_KEY is used too, but only with a `base_url` or BRIDGE_URL that the caller named. A prompt is a text
    or a list of messages. Calls raise BridgeUnreachableError if nothing answers, and TrayBridgeError with the bridge's
    own message.
    """

    def __init__(self, base_url: str | None = None, api_key: str | None = None, model: str | None = None) -> None:
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI

        self.base_url = root_of(base_url) if base_url else url_by_settings()
        self.model = model or os.environ.get("OPENROUTER_MODEL") or "default"
        key = api_key or os.environ.get("TRAY_BRIDGE_API_KEY")
        if not key and (base_url or os.environ.get("BRIDGE_URL")):
            key = os.environ.get("OPENROUTER_API_KEY")
        key = key or NO_KEY
        # A proxy of the environment cannot reach this machine's loopback.
        trust_env = not is_loopback_url(self.base_url)
        url = f"{self.base_url}/v1"
        named = {"User-Agent": f"tray-bridge/{__version__}"}
        self._sync = OpenAI(
            base_url=url, api_key=key, default_headers=named, http_client=DefaultHttpxClient(trust_env=trust_env)
        )
        self._async = AsyncOpenAI(
            base_url=url, api_key=key, default_headers=named, http_client=DefaultAsyncHttpxClient(trust_env=trust_env)
        )

    def health_check(self) -> bool:
        """Return whether the bridge can answer requests; raises nothing."""
        import httpx

        try:
            return httpx.get(
                f"{self.base_url}/health", timeout=5.0, trust_env=not is_loopback_url(self.base_url)
            ).is_success
        except httpx.HTTPError:
            return False

    def list_models(self) -> list[str]:
        """List the ids of the models that the bridge offers."""
        with _told_plainly(self.base_url):
            return [model.id for model in self._sync.models.list()]

    def complete_sync(self, prompt: Prompt, model: str | None = None, *, stream: bool = True) -> str:
        """The whole answer to `prompt`; `stream` says how it travels."""
        if stream:
            return "".join(self.stream_sync(prompt, model))
        with _told_plainly(self.base_url):
            completion = self._sync.chat.completions.create(model=model or self.model, messages=_ask(prompt))
        return completion.choices[0].message.content or ""

    def stream_sync(self, prompt: Prompt, model: str | None = None) -> Iterator[str]:
        """The answer to `prompt`, piece by piece."""
        with (
            _told_plainly(self.base_url),
            self._sync.chat.completions.create(model=model or self.model, messages=_ask(prompt), stream=True) as chunks,
        ):
            for chunk in chunks:
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    yield text

    async def complete(self, prompt: Prompt, model: str | None = None, *, stream: bool = True) -> str:
        """The whole answer to `prompt`; `stream` says how it travels."""
        if stream:
            return "".join([text async for text in self.stream(prompt, model)])
        with _told_plainly(self.base_url):
            completion = await self._async.chat.completions.create(model=model or self.model, messages=_ask(prompt))
        return completion.choices[0].message.content or ""

    async def stream(self, prompt: Prompt, model: str | None = None) -> AsyncIterator[str]:
        """The answer to `prompt`, piece by piece; leaving the loop cancels the rest."""
        with _told_plainly(self.base_url):
            chunks = await self._async.chat.completions.create(
                model=model or self.model, messages=_ask(prompt), stream=True
            )
            async with chunks:
                async for chunk in chunks:
                    if chunk.choices and (text := chunk.choices[0].delta.content):
                        yield text

    def close(self) -> None:
        """Close the connections of the blocking calls."""
        self._sync.close()

    async def aclose(self) -> None:
        """Close all connections."""
        self._sync.close()
        await self._async.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


@contextmanager
def _told_plainly(url: str) -> Iterator[None]:
    """Turn the library's errors into `TrayBridgeError`s."""
    import httpx
    import openai

    try:
        yield
    except openai.APITimeoutError as error:
        raise TrayBridgeError(f"No answer came from {url} in time.", title="Timeout") from error
    except openai.APIConnectionError as error:
        raise BridgeUnreachableError(f"Nothing answers at {url}.") from error
    except openai.APIError as error:
        body = error.body if isinstance(error.body, dict) else {}
        raise TrayBridgeError(str(body.get("message") or error.message), title="The request failed") from error
    except httpx.HTTPError as error:
        raise TrayBridgeError("The connection was lost in the middle of the answer.") from error


def _ask(prompt: Prompt) -> list[ChatCompletionMessageParam]:
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    return cast("list[ChatCompletionMessageParam]", list(prompt))


def url_by_settings() -> str:
    """Return BRIDGE_URL, else where the settings put the bridge."""
    from .settings.schema import load_settings

    if os.environ.get("BRIDGE_URL"):
        return bridge_url()
    try:
        settings = load_settings()
    except SettingsError:
        return bridge_url()
    return bridge_url(settings.host, settings.port)


if __name__ == "__main__":
    import importlib  # the command uses this library, which must not import it

    sys.exit(importlib.import_module("tray_bridge.command_line.ask").main())
