"""Images and files are what their bytes say, and what is broken or too large is refused by its path."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.bridge.chat_bodies import USER, ask, base64_of, data_url, messages_of, picture, read, refusal_of
from tray_bridge.bridge import content
from tray_bridge.bridge.content import find_image_urls
from tray_bridge.turns import Document, Image

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = picture()
URL = "https://example.org/cat.png"


def block_of(part: dict[str, Any], fetched: dict[str, bytes] | None = None) -> object:
    (block,) = read({"messages": [{"role": "user", "content": [part]}]}, fetched).turn.messages[0].content
    return block


def param_of(part: dict[str, Any]) -> str | None:
    return refusal_of({"messages": [USER, {"role": "user", "content": ["x", part]}]}).param


def image_url(url: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, "detail": "low"}}


def text_file(data: str) -> dict[str, Any]:
    return {"type": "file", "file": {"filename": "a.txt", "file_data": f"data:text/plain;base64,{data}"}}


def file_of(data: bytes, **fields: Any) -> dict[str, Any]:
    return {"type": "file", "file": {"file_data": data_url(data), **fields}}


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp"])
def test_an_images_type_is_told_by_its_bytes(kind: str) -> None:
    data = picture(kind)
    wrong = data_url(data, "image/bmp")
    assert block_of(image_url(wrong)) == Image(f"image/{kind}", base64_of(data))


@pytest.mark.parametrize(
    "part",
    [
        image_url(data_url(PNG, "image/png")),
        {"type": "image_url", "image_url": data_url(PNG)},
        {"image_url": {"url": data_url(PNG)}},
        image_url(base64_of(PNG)),
        image_url("DATA:image/png;base64," + base64_of(PNG)),
        image_url("data:image/png;base64," + base64_of(PNG).rstrip("=")),
        image_url("data:image/png;base64,Data:image/png;base64," + base64_of(PNG)),
        image_url("data:image/png;base64," + base64_of(PNG).replace("+", "-").replace("/", "_")),
        image_url("data:image/png;base64," + base64_of(PNG)[:10] + "\n" + base64_of(PNG)[10:]),
        image_url("data:image/png;base64," + base64_of(PNG).replace("+", "%2B").replace("=", "%3D")),
        image_url("data:image/png," + "".join(f"%{byte:02x}" for byte in PNG)),
        {"type": "input_image", "image_url": data_url(PNG), "detail": "auto"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64_of(PNG)}},
        {"type": "image", "source": {"type": "url", "url": data_url(PNG)}},
        file_of(PNG, filename="a.png"),
    ],
)
def test_an_image_is_read_in_every_form_that_clients_use(part: dict[str, Any]) -> None:
    assert block_of(part) == Image("image/png", base64_of(PNG))


@pytest.mark.parametrize(
    "part",
    [
        file_of(PDF, filename="a.pdf"),
        {"type": "file", "file": {"file_data": base64_of(PDF), "filename": "a.pdf", "file_id": None}},
        {"type": "input_file", "filename": "a.pdf", "file_data": data_url(PDF)},
        {"type": "document", "title": "a.pdf", "source": {"type": "base64", "data": base64_of(PDF)}},
    ],
)
def test_a_pdf_is_read_in_every_form_that_clients_use(part: dict[str, Any]) -> None:
    assert block_of(part) == Document("application/pdf", base64_of(PDF), "a.pdf")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"caf\xc3\xa9 \x00 @/etc/hostname", "café \0 @/etc/hostname"),
        (b"\xef\xbb\xbfmarked", "marked"),
        ("utf-16 ☕".encode("utf-16"), "utf-16 ☕"),
    ],
)
def test_a_text_file_is_its_text(data: bytes, text: str) -> None:
    assert block_of(file_of(data, filename="a.txt")) == Document("text/plain", text, "a.txt")


def test_base64_may_be_half_as_long_again_as_the_largest_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "FILE_BYTES", 4)
    for breaks in (0, 2):  # 4 and 6 characters
        block = block_of(text_file(f"Pz{chr(10) * breaks}8/"))
        assert isinstance(block, Document) and block.data == "???"
    for breaks in (3, 4):
        part = text_file(f"Pz{chr(10) * breaks}8/")
        assert "is larger than" in refusal_of({"messages": [{"role": "user", "content": [part]}]}).args[0]


@pytest.mark.parametrize("data", ["Pz8/fn5+", "Pz8_fn5-", "Pz8/fn5-", "Pz8%2Ffn5%2B", "Pz8/\nfn5+"])
def test_base64_may_have_either_alphabet(data: str) -> None:
    block = block_of(text_file(data))
    assert isinstance(block, Document) and block.data == "???~~~"


def test_a_messages_api_text_document_is_its_text() -> None:
    part = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "\ud800 x"}}
    assert block_of(part) == Document("text/plain", "\ud800 x")


def test_a_data_url_may_hold_plain_text() -> None:
    part = {"type": "file", "file": {"file_data": "data:text/plain;charset=utf-8,a%20b%E2%98%95"}}
    assert block_of(part) == Document("text/plain", "a b☕")


def test_an_image_by_url_is_what_was_fetched() -> None:
    assert block_of(image_url(URL), {URL: PNG}) == Image("image/png", base64_of(PNG))


def test_every_url_is_found_with_its_path_and_once() -> None:
    body = {
        "messages": [
            {"role": "user", "content": ["x", image_url(URL), image_url(URL), image_url(data_url(PNG))]},
            {"role": "assistant", "content": [image_url("https://example.org/own.png")]},
            {"role": "tool", "content": [image_url("HTTP://example.org/b")]},
            {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://c/c"}}]},
            {"role": "user", "content": [{"type": "tool_result", "content": [image_url("https://d/d")]}]},
            {"role": "user", "content": [{"type": "input_file", "file_url": "https://e/e"}]},
            {"role": "user", "content": {"type": "input_image", "image_url": "https://f/f"}},
            {"role": "user", "content": [{"type": "text", "text": "https://not.an/image"}]},
        ]
    }
    assert find_image_urls(body) == {
        URL: "messages[0].content[1].image_url.url",
        "HTTP://example.org/b": "messages[2].content[0].image_url.url",
        "https://c/c": "messages[3].content[0].source.url",
        "https://d/d": "messages[4].content[0].content[0].image_url.url",
        "https://e/e": "messages[5].content[0].file_url",
        "https://f/f": "messages[6].content.image_url",
    }


def test_urls_in_a_responses_body_are_found_too() -> None:
    output = [{"type": "input_image", "image_url": URL}]
    body = {"input": [{"type": "function_call_output", "call_id": "a", "output": output}]}
    assert find_image_urls(body) == {URL: "input[0].output[0].image_url"}


@pytest.mark.parametrize("pasted", [f" {URL}", f"{URL}\n", f"<{URL}>", f'"{URL}', f"{URL}?a="])
def test_what_was_pasted_around_a_url_is_left_out(pasted: str) -> None:
    body = {"messages": [{"role": "user", "content": [image_url(pasted)]}]}
    assert list(find_image_urls(body)) == [URL + "?a=" * ("=" in pasted)]


@pytest.mark.parametrize("body", [None, [], "x", {}, {"messages": 1}, {"messages": [1, {"content": [1, {}]}]}])
def test_looking_for_urls_never_fails(body: object) -> None:
    assert find_image_urls(body) == {}


@pytest.mark.parametrize(
    ("part", "path"),
    [
        (image_url(None), ".image_url.url"),
        (image_url(1), ".image_url.url"),
        (image_url(""), ".image_url.url"),
        (image_url(URL), ".image_url.url"),
        (image_url("file:///etc/hostname"), ".image_url.url"),
        (image_url("/etc/hostname"), ".image_url.url"),
        (image_url("data:image/png"), ".image_url.url"),
        (image_url("data:image/png,\ud800"), ".image_url.url"),
        (image_url("data:image/png;base64,&&&"), ".image_url.url"),
        (image_url("data:," * 2000), ".image_url.url"),
        (image_url(data_url(b"")), ".image_url.url"),
        (image_url(data_url(b"just text")), ".image_url.url"),
        (image_url(data_url(PNG[:-20])), ".image_url.url"),
        (image_url(data_url(picture("jpeg")[:200])), ".image_url.url"),
        (image_url(data_url(picture("webp")[:-8])), ".image_url.url"),
        (image_url(data_url(picture("gif")[:10])), ".image_url.url"),
        (image_url(data_url(b"BM" + b"\xff" * 100)), ".image_url.url"),
        ({"type": "input_image", "file_id": "file-1"}, ".file_id"),
        ({"type": "image_url"}, ".image_url"),
        ({"type": "file", "file": {"file_id": "file-1"}}, ".file.file_id"),
        ({"type": "file", "file": {}}, ".file.file_data"),
        (file_of(b"\xff\xfe\xfd\x00\xd8"), ".file.file_data"),
        (file_of(b"%PDF-1.4 cut sh"), ".file.file_data"),
        (file_of(b" \n"), ".file.file_data"),
        ({"type": "document", "source": {"type": "text", "data": ""}}, ".source.data"),
        ({"type": "image", "source": None}, ".source.data"),
        ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, ""),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_path(part: dict[str, Any], path: str) -> None:
    assert param_of(part) == f"messages[1].content[1]{path}"


def test_audio_is_refused_by_name() -> None:
    part = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    assert "input_audio" in refusal_of({"messages": [{"role": "user", "content": [part]}]}).message


def test_a_broken_image_of_the_past_is_left_out_and_named() -> None:
    body = {"messages": [{"role": "user", "content": [image_url(data_url(PNG[:-9]))]}, USER]}
    assert ask(**body).ignored == ("content.image_url.unreadable",)


def test_a_file_over_the_limit_is_refused_before_it_is_decoded() -> None:
    part = {"type": "file", "file": {"file_data": "data:application/pdf;base64," + "A" * 51_000_000}}
    assert param_of(part) == "messages[1].content[1].file.file_data"


def test_an_images_text_never_appears_in_an_error() -> None:
    error = refusal_of({"messages": [{"role": "user", "content": [image_url("secret:" + "s" * 500)]}]})
    assert len(json.dumps(error.message)) < 200


def test_eight_thousand_pixels_are_allowed() -> None:
    assert messages_of({"role": "user", "content": [image_url(data_url(picture("png", (8000, 1))))]})


def test_a_file_that_is_too_large_is_refused_by_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "FILE_BYTES", len(PDF) - 1)
    assert param_of(file_of(PDF)) == "messages[1].content[1].file.file_data"
    monkeypatch.setattr(content, "FILE_BYTES", len(PDF))
    assert isinstance(block_of(file_of(PDF)), Document)
