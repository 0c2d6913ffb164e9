"""Content parts → text, image and document blocks, in the forms of Chat Completions, Responses and Messages.

Media types are sniffed from the bytes, because clients often name a wrong one. Nothing is fetched here: the caller gets
the URLs from `find_image_urls`, and passes their bytes as `fetched`.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

from ..turns import Document, Image, JsonObject, Text
from .fields import kind_of, read_string, refuse, required_string, shown
from .fit_image import MOST_PIXELS, fit_image
from .media_type import decode_text, foreign_image, image_size, sniff

Readable: TypeAlias = Text | Image | Document

# The Messages API's own limits: 5 MB and 8,000 pixels a side for an image, 32 MB for a PDF's request.
IMAGE_BYTES = 5 * 1024 * 1024
FILE_BYTES = 32 * 1024 * 1024
IMAGE_SIDE = 8000
# Claude Code turns larger pictures into JPEG, and has no setting for it.
CLI_BYTES = 500_000
CLI_SIDE = 2000
CLI_TILES, TILE = 4784, 28  # Claude Code counts a picture in tiles of 28 pixels a side
PARTS = 2_000
_BASE64 = re.compile(r"data:[^%]{0,200}?\bbase64\s*,", re.IGNORECASE)  # a file name in it may hold a comma

_TEXT_FIELDS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
_IMAGES = {"image_url", "input_image"}
_FILES = {"file", "input_file"}
_SOURCES = {"image", "document"}
_WITHOUT_IMAGES = ("assistant", "system", "developer")
_KNOWN = "text, image_url and file, and their Responses and Messages forms (input_text, image, document, …)"


def split_parts(content: object, param: str) -> list[tuple[str, JsonObject]]:
    """List each part of a message's content with its path; a string counts as one text part, null as none."""
    if content is None:
        return []
    if isinstance(content, str):
        return [(param, {"type": "text", "text": content})]
    if isinstance(content, Mapping):
        return [(param, content)]
    if not isinstance(content, list):
        refuse(f"`{param}` must be a string or an array of parts, not {kind_of(content)}.", param)
    if len(content) > PARTS:
        refuse(f"`{param}` has {len(content)} parts; at most {PARTS} are read.", param)
    parts: list[tuple[str, JsonObject]] = []
    for index, part in enumerate(content):
        at = f"{param}[{index}]"
        if isinstance(part, str):
            part = {"type": "text", "text": part}
        elif part is None:
            continue
        elif not isinstance(part, Mapping):
            refuse(f"`{at}` must be an object with a `type`, not {kind_of(part)}.", at)
        parts.append((at, part))
    return parts


def part_type(part: JsonObject) -> str:
    """Give the part's type, guessed from its fields where it is missing; empty if that fails."""
    given = part.get("type")
    if isinstance(given, str):
        return given
    return next((name for name in ("text", "image_url", "file") if name in part), "")


def is_text(part: JsonObject) -> bool:
    """Return whether the part holds a text."""
    return part_type(part) in _TEXT_FIELDS


def read_text(part: JsonObject, param: str) -> Text:
    """Read a part for which `is_text` is True."""
    field = _TEXT_FIELDS[part_type(part)]
    text = part.get(field)
    if isinstance(text, Mapping) and isinstance(text.get("value"), str):  # as in messages of the Assistants API
        text = text["value"]
    return Text(read_string(text, f"{param}.{field}") or "")


def is_known(part: JsonObject) -> bool:
    """Return whether `read_part` knows the part's type."""
    return is_text(part) or part_type(part) in _IMAGES | _FILES | _SOURCES


def read_part(
    part: JsonObject, param: str, fetched: Mapping[str, bytes], changed: list[str] | None = None
) -> Readable | None:
    """Make the block of one part, or None for an unknown type; refuse one that is broken or too large.

    `changed` gets a word for each picture that is changed for Claude.
    """
    kind = part_type(part)
    if is_text(part):
        return read_text(part, param)
    if kind in _SOURCES and (plain := _plain_source(part, param)):
        return plain
    if kind not in _IMAGES | _FILES | _SOURCES:
        return None
    at, where = _find_data(part, param)
    data = _read_data(where, at, fetched)
    title = part.get("title") or part.get("filename")
    if isinstance(file := part.get("file"), Mapping):
        title = file.get("filename") or title
    block = _block(
        data,
        at,
        title if isinstance(title, str) else None,
        image=kind in _IMAGES or kind == "image",
        changed=changed if changed is not None else [],
    )
    return _described(block, part) if isinstance(block, Document) else block


def read_beside(value: object, param: str, changed: list[str]) -> Image | Document:
    """Make the block of one of the `images` beside a message's content, as Ollama's clients send them.

    `value` is base64, or a data URL. `changed` is as for `read_part`.
    """
    text = _trimmed(required_string(value, param))
    if "://" in text[:16]:
        refuse(f"`{param}` must be base64, not a URL.", param)
    return _block(_read_data(text, param, {}), param, None, image=True, changed=changed)


def refuse_part(part: JsonObject, param: str) -> None:
    """Raise the 400 for a part of the newest message whose type `read_part` does not know."""
    kind = part_type(part)
    if kind in {"input_audio", "audio"}:
        refuse(f"`{param}` is audio (`{kind}`), which Claude cannot hear. Send its words as text.", param)
    refuse(f"{shown(kind)} is not a known type of part here. Known are {_KNOWN}.", f"{param}.type")


def find_image_urls(body: object) -> dict[str, str]:
    """List every http(s) URL that must be fetched before the body can be read, with the path of its first use."""
    found: dict[str, str] = {}
    if isinstance(body, Mapping):
        name = "messages" if body.get("messages") else "input"
        for param, part in _walk(body.get(name), name):
            if part_type(part) in _IMAGES | _FILES | _SOURCES:
                at, where = _locate(part)
                if isinstance(where, str) and _is_url(where := _trimmed(where)):
                    found.setdefault(where, f"{param}{at}")
    return found


def _walk(messages: object, name: str) -> Iterator[tuple[str, JsonObject]]:
    """Yield every part of every message, and those inside tool results; never raises."""
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, Mapping) and message.get("role") not in _WITHOUT_IMAGES:
            for field in ("content", "output"):
                for param, part in _mappings(message.get(field), f"{name}[{index}].{field}"):
                    yield param, part
                    yield from _mappings(part.get("content"), f"{param}.content")


def _mappings(content: object, param: str) -> Iterator[tuple[str, JsonObject]]:
    if isinstance(content, Mapping):
        yield param, content
    for index, part in enumerate(content if isinstance(content, list) else ()):
        if isinstance(part, Mapping):
            yield f"{param}[{index}]", part


def _locate(part: JsonObject) -> tuple[str, Any]:
    """Find a part's data URL, URL or base64: the path below the part, and the value."""
    if "source" in part:
        source = part["source"]
        field = "url" if isinstance(source, Mapping) and source.get("type") == "url" else "data"
        return f".source.{field}", source.get(field) if isinstance(source, Mapping) else None
    if "image_url" in part:
        value = part["image_url"]
        return (".image_url.url", value.get("url")) if isinstance(value, Mapping) else (".image_url", value)
    if isinstance(part.get("image"), str):  # the Vercel AI SDK's, and Qwen's
        return ".image", part["image"]
    path, holder = (".file", part["file"]) if isinstance(part.get("file"), Mapping) else ("", part)
    known = (field for field in ("file_data", "file_url") if holder.get(field))
    field = next(known, "image_url" if part_type(part) in _IMAGES and not path else "file_data")
    return f"{path}.{field}", holder.get(field)


def _find_data(part: JsonObject, param: str) -> tuple[str, str]:
    at, where = _locate(part)
    source, file = part.get("source"), part.get("file")
    if isinstance(source, Mapping) and (source.get("type") == "file" or source.get("file_id")):
        refuse("Files are not stored here: send the file itself as base64.", f"{param}.source.file_id")
    if where is None and (part.get("file_id") or (isinstance(file, Mapping) and file.get("file_id"))):
        path = f"{param}.file.file_id" if isinstance(file, Mapping) else f"{param}.file_id"
        refuse(
            "Files are not stored here: send the file itself as `file_data`, not its `file_id`.",
            path,
        )
    return param + at, _trimmed(required_string(where, param + at))


def _plain_source(part: JsonObject, param: str) -> Document | None:
    """Read the Messages API's text document, which holds its text as it is."""
    source, title = part.get("source"), part.get("title")
    if not isinstance(source, Mapping) or source.get("type") != "text":
        return None
    text = required_string(source.get("data"), f"{param}.source.data")
    return _described(Document("text/plain", text, title if isinstance(title, str) else None), part)


def _described(document: Document, part: JsonObject) -> Document:
    """Add what the Messages API's part says of the document besides its title."""
    context, citations = part.get("context"), part.get("citations")
    return replace(
        document,
        context=context if isinstance(context, str) and context else None,
        citations=isinstance(citations, Mapping) and citations.get("enabled") is True,
    )


def _trimmed(where: str) -> str:
    """Leave out blanks, quotes and angle brackets around a URL; some clients paste them."""
    is_bare = where[:1].isalnum() and (where[-1:].isalnum() or where[-1:] == "=")
    return where if is_bare else where.strip(" \t\r\n\"'<>")


def _is_url(where: str) -> bool:
    return where[:8].lower().startswith(("http://", "https://"))


def _read_data(where: str, param: str, fetched: Mapping[str, bytes]) -> bytes:
    if _is_url(where):
        data = fetched.get(where)
        return data if data is not None else refuse(f"The URL of `{param}` could not be fetched.", param)
    scheme, colon, _ = where[:64].partition(":")
    if not colon:
        return _from_base64(where, param)
    if scheme.lower() != "data":
        refuse(f"`{param}` must be a data: URL or an http(s) URL, not {shown(scheme)}.", param)
    comma = where.find(",")
    if comma < 0:
        refuse(f"`{param}` is a data: URL without data.", param)
    payload = where[comma + 1 :]
    if payload[:5].lower() == "data:":  # a client that put its own prefix before one
        if payload.partition(",")[2][:5].lower() == "data:":
            refuse(f"`{param}` is a data: URL within others; send the innermost alone.", param)
        return _read_data(payload, param, fetched)
    if start := _BASE64.match(where):
        return _from_base64(where[start.end() :], param)
    return unquote_to_bytes(payload.encode("utf-8", "surrogatepass"))


def _from_base64(text: str, param: str) -> bytes:
    if len(text) > FILE_BYTES * 3 // 2:
        refuse(f"`{param}` is larger than {FILE_BYTES >> 20} MB.", param)
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return _from_loose_base64(text, param)


def _from_loose_base64(text: str, param: str) -> bytes:
    """Decode base64 with percent signs, line breaks, the alphabet for URLs, or no padding."""
    if "%" in text:
        text = unquote_to_bytes(text.encode("utf-8", "surrogatepass")).decode("latin-1")
    text = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        refuse(f"`{param}` is not valid base64.", param)


def _block(data: bytes, param: str, title: str | None, *, image: bool, changed: list[str]) -> Image | Document:
    media_type = sniff(data)
    if len(data) > FILE_BYTES:
        refuse(f"`{param}` is larger than {FILE_BYTES >> 20} MB.", param)
    if not data.strip():
        refuse(f"`{param}` is empty.", param)
    if (form := foreign_image(data)) and media_type in (None, "text/plain"):
        converted = fit_image(data, most_bytes=IMAGE_BYTES, most_side=CLI_SIDE, most_exact=CLI_BYTES, form=form)
        if converted is None:
            refuse(f"`{param}` is a {form} picture that cannot be read here; send PNG, JPEG, GIF or WebP.", param)
        data, media_type = converted
        changed.append("image.converted")
    if media_type is None or (image and media_type == "text/plain"):
        wanted = "a PNG, JPEG, GIF or WebP image" if image else "a PDF, a text file or an image"
        refuse(f"`{param}` is not {wanted}.", param)
    if media_type == "text/plain":
        return Document(media_type, decode_text(data) or "", title)
    if media_type == "application/pdf":
        if b"%%EOF" not in data:
            refuse(f"`{param}` is a broken PDF: its end is missing.", param)
        return Document(media_type, b64encode(data).decode(), title)
    try:
        width, height = image_size(data, media_type)
    except ValueError as error:
        refuse(f"`{param}` is a broken image ({media_type}): {error}.", param)
    if len(data) > IMAGE_BYTES or max(width, height) > IMAGE_SIDE:
        can_fit = width * height <= MOST_PIXELS
        if can_fit and (fitted := fit_image(data, most_bytes=IMAGE_BYTES, most_side=CLI_SIDE)):
            data, media_type = fitted
            width, height = image_size(data, media_type)
            changed.append("image.scaled")
        elif len(data) > IMAGE_BYTES:
            refuse(f"`{param}` is larger than {IMAGE_BYTES >> 20} MB.", param)
        else:
            refuse(f"`{param}` is {width} × {height} pixels; at most {IMAGE_SIDE} a side are read.", param)
    if len(data) > CLI_BYTES or max(width, height) > CLI_SIDE or _tiles(width, height) > CLI_TILES:
        changed.append("image.reencoded")
    return Image(media_type, b64encode(data).decode())


def _tiles(width: int, height: int) -> int:
    return -(-width // TILE) * -(-height // TILE)
