"""`tray-bridge ask`: a question to a running bridge, and its answer.

Joins the prompt with piped input, and keeps the last conversation so that `-c` can continue it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import mimetypes
import sys
import time
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..client import BridgeClient, Prompt, url_by_settings
from ..errors import BridgeUnreachableError, TrayBridgeError
from ..machine.paths import cache_folder
from ..machine.private_files import replace_file
from .arguments import add_ask_arguments
from .fetch import Address, Bridge, ForeignProgramError, find_bridge
from .terminal import prepare_streams, show_error, write
from .values import plain

if TYPE_CHECKING:
    pass

LARGEST_FILE = 20_000_000  # bytes


def ask(arguments: argparse.Namespace, place: Address | None = None) -> int:
    """Print the answer to the prompt; gives the exit code, raises TrayBridgeError."""
    question = _question(arguments)
    messages = [*_earlier(arguments), {"role": "user", "content": question}]
    bridge = _wait_for_bridge(place or Address(url_by_settings(), or_own=True), arguments.wait)
    with BridgeClient(
        bridge.url, api_key=bridge.key or "not-needed", model=plain(arguments.model or "") or None
    ) as client:
        if arguments.n > 1:
            return asyncio.run(_ask_at_once(client, messages, arguments))
        answer = ""
        if arguments.no_stream or arguments.json:
            answer = client.complete_sync(messages, stream=False)
            if not arguments.json:
                write(answer)
        else:
            for text in client.stream_sync(messages):
                answer += text
                write(text)
        write(json.dumps({"model": client.model, "answer": answer}) + "\n" if arguments.json else "\n")
    _keep([*messages, {"role": "assistant", "content": answer}])
    return 0


def _question(arguments: argparse.Namespace) -> str | list[dict[str, Any]]:
    """Join the prompt, piped input and the files; with pictures and PDFs as a list of parts."""
    prompt = plain(" ".join(word for word in arguments.prompt if word != "-"))
    piped = _piped().strip() if sys.stdin and not sys.stdin.isatty() else ""
    texts, parts = [text for text in (prompt, piped) if text], []
    for path in arguments.file:
        text, part = _read_file(path)
        texts += [text] if text else []
        parts += [part] if part else []
    if not texts and not parts:
        raise TrayBridgeError(
            "There is nothing to ask.", title="No prompt", hint='Try: tray-bridge ask "What is Python?"'
        )
    text = "\n\n".join(texts)
    return [*([{"type": "text", "text": text}] if text else []), *parts] if parts else text


def _piped() -> str:
    """What is piped in: UTF-8, UTF-16 with its mark, or the system's encoding; raises TrayBridgeError for no text."""
    data = sys.stdin.buffer.read()
    try:
        text = data.decode("utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode(sys.stdin.encoding, "replace")
    if "\0" in text:
        raise TrayBridgeError("The piped input is not a text.", title="No text", hint="Pipe in UTF-8.")
    return text.replace("\r\n", "\n")


def _read_file(path: Path) -> tuple[str, dict[str, Any] | None]:
    """Read a file as a text or as a part of the message; raises TrayBridgeError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TrayBridgeError(f"{path} cannot be read: {error.strerror or error}.", title="No such file") from error
    if len(content) > LARGEST_FILE:
        raise TrayBridgeError(f"{path} is larger than {LARGEST_FILE // 1_000_000} MB.", title="File too large")
    kind = mimetypes.guess_type(path.name)[0] or ""
    data = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    if kind.startswith("image/") and kind != "image/svg+xml":
        return "", {"type": "image_url", "image_url": {"url": data}}
    if kind == "application/pdf":
        return "", {"type": "file", "file": {"filename": path.name, "file_data": data}}
    try:
        return f"{path.name}:\n\n{content.decode('utf-8')}", None
    except UnicodeDecodeError:
        raise TrayBridgeError(f"{path} is not a text, a picture or a PDF.", title="Unknown kind of file") from None


def _earlier(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Give the system prompt and, with `-c`, the last conversation."""
    earlier: list[dict[str, Any]] = []
    if arguments.go_on:
        try:
            earlier = json.loads(_last().read_text("utf-8"))
        except (OSError, ValueError):
            raise TrayBridgeError(
                "There is no conversation to continue.", title="Nothing to continue", hint="Ask without -c first."
            ) from None
    if arguments.system:
        rest = [message for message in earlier if message["role"] != "system"]
        return [{"role": "system", "content": plain(arguments.system)}, *rest]
    return earlier


def _keep(messages: list[dict[str, Any]]) -> None:
    try:
        replace_file(_last(), json.dumps(messages).encode())
    except OSError:
        return  # a full disk is no reason to fail after the answer


def _last() -> Path:
    return cache_folder() / "last-conversation.json"


def _wait_for_bridge(place: Address, seconds: float) -> Bridge:
    """Find the bridge; wait up to `seconds` for one that is starting."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return find_bridge(place.url, or_own=place.or_own)
        except ForeignProgramError:
            raise
        except BridgeUnreachableError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(0.1)


async def _ask_at_once(client: BridgeClient, prompt: Prompt, arguments: argparse.Namespace) -> int:
    """Print each answer when it is complete; one that fails does not stop the others."""

    async def one(number: int) -> int:
        try:
            answer = await client.complete(prompt, stream=not arguments.no_stream)
        except TrayBridgeError as error:
            return show_error(error, f"[{number}] ")
        line = {"number": number, "model": client.model, "answer": answer}
        write(json.dumps(line) + "\n" if arguments.json else f"[{number}] {answer}\n")
        return 0

    async with client:
        return max(await asyncio.gather(*(one(number) for number in range(1, arguments.n + 1))))


def main(argv: list[str] | None = None) -> int:
    """The command `python -m tray_bridge.client`."""
    parser = argparse.ArgumentParser("python -m tray_bridge.client", description="Ask a running Tray Bridge.")
    add_ask_arguments(parser)
    prepare_streams()
    try:
        return ask(parser.parse_args(argv))
    except (Exception, KeyboardInterrupt) as error:
        return show_error(error)
