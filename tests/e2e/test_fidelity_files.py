"""Images and files reach Claude as the client sent them, in their place, or are refused by name."""

from __future__ import annotations

import base64
import io
import os
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from PIL import Image

from tests.e2e.upstream import Wire, answer, newest, post, turns
from tests.running_bridge import RunningBridge, directive

Make = Callable[..., RunningBridge]

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
CLI_SIDE = 2000  # pixels: the CLI scales a wider or higher picture down, and one of more than 3.7 megapixels
CLI_BYTES = 500_000  # the CLI writes a larger picture anew


def picture(form: str, width: int = 40, height: int = 30, *, noisy: bool = False) -> bytes:
    size = (width, height)
    image = Image.frombytes("RGB", size, os.urandom(width * height * 3)) if noisy else Image.new("RGB", size, "teal")
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def image_part(data: bytes, declared: str = "image/png") -> Wire:
    return {"type": "image_url", "image_url": {"url": f"data:{declared};base64,{encoded(data)}"}}


def image_block(data: bytes, media_type: str) -> Wire:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": encoded(data)}}


def document(data: str, media_type: str, title: str | None = None) -> Wire:
    kind = "text" if media_type == "text/plain" else "base64"
    block = {"type": "document", "source": {"type": kind, "media_type": media_type, "data": data}}
    return {**block, "title": title} if title else block


def text(words: str) -> Wire:
    return {"type": "text", "text": words}


def file_part(data: bytes, declared: str, name: str | None = None) -> Wire:
    file = {"file_data": f"data:{declared};base64,{encoded(data)}"}
    return {"type": "file", "file": {**file, "filename": name} if name else file}


PICTURES = {form: picture(form) for form in ("PNG", "JPEG", "GIF", "WEBP")}
PARTS = [
    text("Before."),
    *(image_part(data, "image/png") for data in PICTURES.values()),  # declared as PNG, whatever they are
    text("Between."),
    file_part(PDF, "application/octet-stream", "a.pdf"),
    file_part(b"Ein Text.\n", "application/json"),
    file_part(PICTURES["GIF"], "text/plain", "picture.txt"),
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": encoded(PICTURES["PNG"])}},
    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Plain."}, "title": "b"},
    {"type": "input_image", "image_url": f"data:;base64,{encoded(PICTURES['WEBP'])}"},
    {"type": "input_file", "filename": "c.pdf", "file_data": encoded(PDF)},
    text("After."),
]
BLOCKS = [
    text("Before."),
    *(image_block(data, f"image/{form.lower()}") for form, data in PICTURES.items()),
    text("Between."),
    document(encoded(PDF), "application/pdf", "a.pdf"),
    document("Ein Text.\n", "text/plain"),
    image_block(PICTURES["GIF"], "image/gif"),
    image_block(PICTURES["PNG"], "image/png"),
    document("Plain.", "text/plain", "b"),
    image_block(PICTURES["WEBP"], "image/webp"),
    document(encoded(PDF), "application/pdf", "c.pdf"),
    text("After."),
]


def test_every_kind_arrives_byte_for_byte_in_its_place_in_history_and_newest(bridge: RunningBridge) -> None:
    question = text(directive(text="ok"))
    messages = [
        {"role": "user", "content": PARTS},
        {"role": "assistant", "content": "Seen."},
        {"role": "user", "content": [*PARTS, question]},
    ]
    assert answer(bridge, {"messages": messages})["content"] == "ok"
    assert turns(newest(bridge)) == [
        ("user", BLOCKS),
        ("assistant", [text("Seen.")]),
        ("user", [*BLOCKS, question]),
    ]


@pytest.mark.parametrize("forget", [False, True])
def test_pictures_in_a_tools_result_arrive(bridge: RunningBridge, forget: bool) -> None:
    """Whether the turn that waits for them goes on, or is built anew since the client changed its past."""
    tool = {"type": "function", "function": {"name": "see", "parameters": {"type": "object"}}}
    call = {"name": "see", "input": {}, "id": "see1"}
    question = {"role": "user", "content": directive(tools=[call], then=[{"text": "ok"}])}
    called = answer(bridge, {"messages": [question], "tools": [tool]})
    if forget:
        called["content"] = "Something else."
    result = {"role": "tool", "tool_call_id": "see1", "content": [text("Look:"), image_part(PICTURES["PNG"])]}
    assert answer(bridge, {"messages": [question, called, result], "tools": [tool]})["content"] == "ok"
    *_, (_, (told,)) = turns(newest(bridge))
    assert told["content"] == [text("Look:"), image_block(PICTURES["PNG"], "image/png")]


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_up_to_the_clis_own_limit_a_picture_is_not_touched(bridge: RunningBridge, form: str) -> None:
    data = picture(form, CLI_SIDE, 1500) if form == "PNG" else picture(form, 700, 700, noisy=True)
    assert len(data) < CLI_BYTES
    content = [image_part(data), text(directive(text="ok"))]
    answer(bridge, {"messages": [{"role": "user", "content": content}]})
    assert turns(newest(bridge)) == [("user", [image_block(data, f"image/{form.lower()}"), content[1]])]


def test_a_wider_picture_is_scaled_by_the_cli_which_says_so(bridge: RunningBridge) -> None:
    """Part of the remainder: the CLI scales it to 2,000 pixels and adds a note for coordinates."""
    content = [image_part(picture("PNG", 2500, 1000)), text(directive(text="ok"))]
    answer(bridge, {"messages": [{"role": "user", "content": content}]})
    ((_, (image, question, note)),) = turns(newest(bridge))
    scaled = Image.open(io.BytesIO(base64.b64decode(image["source"]["data"])))
    assert scaled.size == (CLI_SIDE, 800)
    assert question["text"].rstrip() == content[1]["text"]
    assert note["text"].startswith("[Image: original 2500x1000, displayed at 2000x800.")


def test_a_heavier_picture_is_written_anew_by_the_cli(bridge: RunningBridge) -> None:
    """Part of the remainder: above 500 KB the CLI writes a smaller file, of the same size in pixels."""
    data = picture("PNG", 500, 500, noisy=True)
    assert len(data) > CLI_BYTES
    content = [image_part(data), text(directive(text="ok"))]
    answer(bridge, {"messages": [{"role": "user", "content": content}]})
    ((_, (image, question)),) = turns(newest(bridge))
    written = base64.b64decode(image["source"]["data"])
    assert Image.open(io.BytesIO(written)).size == (500, 500)
    assert len(written) <= CLI_BYTES
    assert question == content[1]


def test_a_heavy_pdf_arrives_byte_for_byte(bridge: RunningBridge) -> None:
    data = PDF.replace(b"%%EOF", b"%" + b"x" * 8_000_000 + b"\n%%EOF")
    content = [file_part(data, "application/pdf"), text(directive(text="ok"))]
    answer(bridge, {"messages": [{"role": "user", "content": content}]})
    ((_, (found, _)),) = turns(newest(bridge))
    assert found["source"]["data"] == encoded(data)


VAST = PICTURES["PNG"][:16] + struct.pack(">II", 20000, 20000) + PICTURES["PNG"][24:]

REFUSED: dict[str, tuple[Wire, str, str]] = {
    "sound": ({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}, "", "audio"),
    "a cut picture": (image_part(PICTURES["PNG"][:40]), ".image_url.url", "broken image"),
    "text as a picture": (image_part(b"not a picture"), ".image_url.url", "is not a PNG"),
    "a picture too wide": (image_part(VAST), ".image_url.url", "20000"),
    "a cut PDF": (file_part(PDF[:30], "application/pdf"), ".file.file_data", "broken PDF"),
    "bytes that are nothing": (file_part(b"\x00\xff\xfe\x80", "text/plain"), ".file.file_data", "is not a PDF"),
    "no base64": ({"type": "file", "file": {"file_data": "!!!"}}, ".file.file_data", "base64"),
    "a file kept elsewhere": ({"type": "file", "file": {"file_id": "file-1"}}, ".file.file_id", "file_data"),
    "a local path": (
        {"type": "image_url", "image_url": {"url": "file:///etc/hostname"}},
        ".image_url.url",
        "data: URL or an http(s) URL",
    ),
    "a loopback address": (
        {"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/a.png"}},
        ".image_url.url",
        "private address",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_a_400_that_names_the_part(bridge: RunningBridge, case: str) -> None:
    part, where, word = REFUSED[case]
    response = post(bridge, {"messages": [{"role": "user", "content": [text("Look."), part]}]})
    assert response.status_code == 400, response.text[:300]
    error = response.json()["error"]
    assert error["param"] == f"messages[0].content[1]{where}"
    assert word in error["message"]
    assert bridge.standin.requests == []


@pytest.fixture
def picture_server() -> Iterator[str]:
    """A web server on this machine with one picture, behind a redirect too."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("location", "/picture")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("content-type", "text/html")  # not to be trusted
            self.end_headers()
            self.wfile.write(PICTURES["JPEG"])

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_pictures_by_address_are_fetched_where_the_settings_allow_it(bridge_with: Make, picture_server: str) -> None:
    bridge = bridge_with(fetch_private_addresses=True)
    urls = [f"{picture_server}/picture", f"{picture_server}/moved"]
    content = [*({"type": "image_url", "image_url": {"url": url}} for url in urls), text(directive(text="ok"))]
    assert answer(bridge, {"messages": [{"role": "user", "content": content}]})["content"] == "ok"
    jpeg = image_block(PICTURES["JPEG"], "image/jpeg")
    assert turns(newest(bridge)) == [("user", [jpeg, jpeg, content[-1]])]
