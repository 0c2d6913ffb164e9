"""What bytes are, and how large a picture is: headers made by hand, and each cut short."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from tray_bridge.bridge.media_type import decode_text, foreign_image, image_size, sniff

SIZE = (300, 70)


def picture(form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", SIZE).save(stream, form, **options)
    return stream.getvalue()


def webp(chunk: bytes, *, short_by: int = 0) -> bytes:
    body = b"WEBP" + chunk
    return b"RIFF" + struct.pack("<I", len(body) + short_by) + body


WEBP_EXTENDED = webp(b"VP8X" + b"\0" * 8 + (299).to_bytes(3, "little") + (69).to_bytes(3, "little"))
WEBP_LOSSLESS = webp(b"VP8L" + b"\0" * 4 + b"\x2f" + struct.pack("<I", 299 | 69 << 14 | 1 << 28) + b"\0" * 5)
WEBP_LOSSY = webp(b"VP8 " + b"\0" * 10 + struct.pack("<HH", 300 | 1 << 14, 70 | 1 << 15))
PICTURES = {
    "png": ("image/png", picture("PNG")),
    "jpeg": ("image/jpeg", picture("JPEG")),
    "progressive jpeg": ("image/jpeg", picture("JPEG", progressive=True)),
    "gif": ("image/gif", picture("GIF")),
    "webp": ("image/webp", picture("WEBP")),
    "lossless webp": ("image/webp", picture("WEBP", lossless=True)),
    "extended webp by hand": ("image/webp", WEBP_EXTENDED),
    "lossless webp by hand": ("image/webp", WEBP_LOSSLESS),
    "lossy webp by hand": ("image/webp", WEBP_LOSSY),
    "jpeg with fill bytes and bare markers": ("image/jpeg", b"\xff\xd8\xff\xff\x01\xff\xd0" + picture("JPEG")[2:]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_known_by_its_bytes_and_has_its_size(name: str) -> None:
    media_type, data = PICTURES[name]
    assert sniff(data) == media_type
    assert image_size(data, media_type) == SIZE


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_is_cut_short_has_no_size(name: str) -> None:
    media_type, data = PICTURES[name]
    for end in (9, 13, 25, len(data) // 2):
        if end < len(data) - 2 and not (media_type == "image/gif" and end > 13):  # whose size stands at the beginning
            with pytest.raises(ValueError, match=r"cut short|no end|no marker|no header"):
                image_size(data[:end], media_type)


def test_the_last_byte_of_padding_may_be_missing_from_a_webp() -> None:
    chunk = WEBP_EXTENDED[12:]
    assert image_size(webp(chunk, short_by=1), "image/webp") == SIZE
    with pytest.raises(ValueError, match="cut short"):
        image_size(webp(chunk, short_by=2), "image/webp")


def test_a_picture_without_width_or_height_has_no_size() -> None:
    for width, height in ((0, 5), (5, 0)):
        with pytest.raises(ValueError, match="no size"):
            image_size(b"GIF89a" + struct.pack("<HH", width, height) + b"\0" * 4, "image/gif")
    with pytest.raises(ValueError, match="no header"):
        image_size(b"\x89PNG\r\n\x1a\n" + b"\0" * 30, "image/png")
    with pytest.raises(ValueError, match="no marker"):
        image_size(b"\xff\xd8\x00\x00", "image/jpeg")
    with pytest.raises(ValueError, match="no end"):
        image_size(picture("JPEG").replace(b"\xff\xd9", b""), "image/jpeg")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"GIF87a", "image/gif"),
        (b"GIF88a", "text/plain"),
        (b"RIFF\0\0\0\0WAVE", "text/plain"),
        (b"junk %PDF-1.7 \xff", "application/pdf"),
        (b"\xff" * 1020 + b"%PDF-", None),
        ("Grüße".encode(), "text/plain"),
        ("Grüße".encode("latin-1"), None),
        (b"", "text/plain"),
    ],
)
def test_what_bytes_are(data: bytes, found: str | None) -> None:
    assert sniff(data) == found


def test_text_has_no_byte_order_mark() -> None:
    assert decode_text("\ufeffä".encode()) == "ä"
    assert decode_text("ä".encode("utf-16")) == "ä"
    assert decode_text("ä".encode("utf-16-be")) is None  # no mark: these bytes are no UTF-8
    assert decode_text(b"\xff\xfea") is None


@pytest.mark.parametrize("form", ["BMP", "TIFF", "ICO"])
def test_a_picture_that_claude_does_not_read_is_named(form: str) -> None:
    assert foreign_image(picture(form)) is not None
    assert foreign_image(picture(form)[:20]) is None


def test_a_picture_that_claude_reads_is_not_foreign() -> None:
    assert all(foreign_image(data) is None for _, data in PICTURES.values())
