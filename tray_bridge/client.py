"""A client of the bridge for scripts and terminals, over the `openai` library.

`BridgeClient` is the library, `python -m tray_bridge.client` and `tray-bridge ask` are the command. Knows the
bridge only by its URL. `openai` takes long to import, so it is imported when a client is made.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .command_line.arguments import add_ask_arguments
from .command_line.bridge_url import bridge_url, root_of
from .command_line.terminal import prepare_streams, show_error, write
from .errors import BridgeUnreachableError, SettingsError, TrayBridgeError

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionUserMessageParam
    from typing_extensions import Self

NO_KEY = "not-needed"


class BridgeClient:
    """Asks a running bridge, blocking or not; use it in a `with` or an `async with`.

    `base_url`, `api_key` and `model` are taken from BRIDGE_URL, OPENROUTER_API_KEY and OPENROUTER_MODEL when
    not given. Calls raise BridgeUnreachableError if nothing answers, TrayBridgeError with the bridge's words.
    """

    def __init__(self, base_url: str | None = None, api_key: str | None = None, model: str | None = None) -> None:
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI

        self.base_url = root_of(base_url) if base_url else _url_by_settings()
        self.model = model or os.environ.get("OPENROUTER_MODEL") or "default"
        key = api_key or os.environ.get("OPENROUTER_API_KEY") or NO_KEY
        # A proxy of the environment cannot reach this machine's loopback.
        trust_env = not _is_loopback(self.base_url)
        url = f"{self.base_url}/v1"
        self._sync = OpenAI(base_url=url, api_key=key, http_client=DefaultHttpxClient(trust_env=trust_env))
        self._async = AsyncOpenAI(base_url=url, api_key=key, http_client=DefaultAsyncHttpxClient(trust_env=trust_env))

    def health_check(self) -> bool:
        """Whether the bridge answers and is well; raises nothing."""
        import httpx

        try:
            return httpx.get(
                f"{self.base_url}/health", timeout=5.0, trust_env=not _is_loopback(self.base_url)
            ).is_success
        except httpx.HTTPError:
            return False

    def list_models(self) -> list[str]:
        """The ids of the models that the bridge offers."""
        with _told_plainly(self.base_url):
            return [model.id for model in self._sync.models.list()]

    def complete_sync(self, prompt: str, model: str | None = None, *, stream: bool = True) -> str:
        """The whole answer to `prompt`; `stream` says how it travels."""
        if stream:
            return "".join(self.stream_sync(prompt, model))
        with _told_plainly(self.base_url):
            completion = self._sync.chat.completions.create(model=model or self.model, messages=_ask(prompt))
        return completion.choices[0].message.content or ""

    def stream_sync(self, prompt: str, model: str | None = None) -> Iterator[str]:
        """The answer to `prompt`, piece by piece."""
        with (
            _told_plainly(self.base_url),
            self._sync.chat.completions.create(model=model or self.model, messages=_ask(prompt), stream=True) as chunks,
        ):
            for chunk in chunks:
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    yield text

    async def complete(self, prompt: str, model: str | None = None, *, stream: bool = True) -> str:
        """The whole answer to `prompt`; `stream` says how it travels."""
        if stream:
            return "".join([text async for text in self.stream(prompt, model)])
        with _told_plainly(self.base_url):
            completion = await self._async.chat.completions.create(model=model or self.model, messages=_ask(prompt))
        return completion.choices[0].message.content or ""

    async def stream(self, prompt: str, model: str | None = None) -> AsyncIterator[str]:
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


def ask(arguments: argparse.Namespace, base_url: str | None = None) -> int:
    """Print the answer to the prompt; gives the exit code, raises TrayBridgeError."""
    prompt = sys.stdin.read().strip() if arguments.prompt in (None, "-") else arguments.prompt
    if not prompt:
        raise TrayBridgeError(
            "There is nothing to ask.", title="No prompt", hint='Try: tray-bridge ask "What is Python?"'
        )
    with BridgeClient(base_url, model=arguments.model) as client:
        _wait_for_bridge(client, arguments.wait)
        if arguments.n > 1:
            return asyncio.run(_ask_at_once(client, prompt, arguments.n, stream=not arguments.no_stream))
        if arguments.no_stream:
            write(client.complete_sync(prompt, stream=False))
        else:
            for text in client.stream_sync(prompt):
                write(text)
        write("\n")
    return 0


def _wait_for_bridge(client: BridgeClient, seconds: float) -> None:
    """Give a bridge that is just being started the time to answer; the request itself tells if it never does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not client.health_check():
        time.sleep(0.1)


async def _ask_at_once(client: BridgeClient, prompt: str, count: int, *, stream: bool) -> int:
    """Print each answer when it is complete; one that fails does not hold up the others."""

    async def one(number: int) -> int:
        try:
            answer = await client.complete(prompt, stream=stream)
        except TrayBridgeError as error:
            return show_error(error, f"[{number}] ")
        write(f"[{number}] {answer}\n")
        return 0

    async with client:
        return max(await asyncio.gather(*(one(number) for number in range(1, count + 1))))


@contextmanager
def _told_plainly(url: str) -> Iterator[None]:
    """Turn the library's errors into ours."""
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


def _ask(prompt: str) -> list[ChatCompletionUserMessageParam]:
    return [{"role": "user", "content": prompt}]


def _url_by_settings() -> str:
    from .settings.schema import load_settings

    if os.environ.get("BRIDGE_URL"):
        return bridge_url()
    try:
        settings = load_settings()
    except SettingsError:
        return bridge_url()
    return bridge_url(settings.host, settings.port)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m tray_bridge.client", description="Ask a running Tray Bridge.")
    add_ask_arguments(parser)
    prepare_streams()
    try:
        return ask(parser.parse_args(argv))
    except (Exception, KeyboardInterrupt) as error:
        return show_error(error)


if __name__ == "__main__":
    sys.exit(main())
