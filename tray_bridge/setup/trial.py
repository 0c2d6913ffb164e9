"""One request as a client would send it: its dialect, streamed, with its key. Knows the bridge only by its URL."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from .. import __version__
from .change import SetupError
from .clients import SetupClient, Values

QUESTION = "Reply with the one word: ready"
SECONDS = 120.0
_PATHS = {"chat": "/chat/completions", "responses": "/responses", "messages": "/messages"}
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def try_out(client: SetupClient, values: Values) -> None:
    """Send one request and read its whole answer; raises SetupError with what the bridge said."""
    path = _PATHS[client.dialect]
    request = urllib.request.Request(  # noqa: S310 - the bridge's own address
        values.base_url + path,
        json.dumps(_body(client, values)).encode(),
        {
            "content-type": "application/json",
            "authorization": f"Bearer {values.key}",
            "user-agent": f"tray-bridge/{__version__} (setup {client.id})",
            "anthropic-version": "2023-06-01",
        },
    )
    try:
        with _opener.open(request, timeout=SECONDS) as response:
            answer = response.read(10_000_000).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        raise SetupError(
            f"The bridge answered {path} with {error.code}: {_message(error)}", title="Set up, but not answered"
        ) from error
    except OSError as error:
        raise SetupError(f"No answer came: {error}.", title="Set up, but not answered") from error
    if problem := _failure(answer):
        raise SetupError(f"The bridge answered: {problem}", title="Set up, but not answered")


def _failure(answer: str) -> str:
    """Return the message of a stream that failed; empty for an answer."""
    for line in answer.splitlines():
        if line.startswith("data: {"):
            event = json.loads(line.removeprefix("data: "))
            if error := event.get("error") or (event.get("response") or {}).get("error"):
                return str(error.get("message", error))
    return ""


def _body(client: SetupClient, values: Values) -> dict[str, Any]:
    if client.dialect == "responses":
        return {"model": values.model, "input": QUESTION, "stream": True, "store": False}
    messages = [{"role": "user", "content": QUESTION}]
    body: dict[str, Any] = {"model": values.model, "messages": messages, "stream": True}
    if client.dialect == "messages":
        return {**body, "max_tokens": 64}
    return {**body, "stream_options": {"include_usage": True}}


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"]["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return error.reason or ""
