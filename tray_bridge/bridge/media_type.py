"""The media type of bytes, and an image's size, from the bytes themselves. Must not know a request.

Headers only, so that a hostile image costs nothing: no pixel is ever decoded here.
"""

from __future__ import annotations

import struct
from struct import unpack_from

# Pictures that Claude does not read, by their first bytes.
_FOREIGN = {b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"\0\0\1\0": "ICO"}
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", **dict.fromkeys((b"heic", b"heix", b"hevc", b"mif1", b"msf1"), "HEIC")}
BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
# Start-of-frame markers of JPEG; the gaps (C4, C8, CC) are tables. ITU T.81, table B.1.
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS = {0x01, *range(0xD0, 0xD9)}


def sniff(data: bytes) -> str | None:
    """Give the media type of an image that Claude reads, a PDF or text; None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    if b"%PDF-" in data[:1024]:  # readers allow junk before the header
        return "application/pdf"
    return "text/plain" if decode_text(data) is not None else None


def foreign_image(data: bytes) -> str | None:
    """Name the format of a picture that Claude does not read: BMP, TIFF, ICO, AVIF or HEIC; None for anything else."""
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12])
    return next((name for start, name in _FOREIGN.items() if data.startswith(start) and len(data) > 30), None)


def decode_text(data: bytes) -> str | None:
    """Decode a UTF-8 or UTF-16 file without its byte order mark; None for any other file."""
    try:
        return data.decode("utf-16" if data.startswith(BYTE_ORDER_MARKS) else "utf-8-sig")
    except UnicodeDecodeError:
        return None


def image_size(data: bytes, media_type: str) -> tuple[int, int]:
    """Give width and height in pixels; raises ValueError if the image is cut short or broken."""
    readers = {
        "image/png": _png_size,
        "image/jpeg": _jpeg_size,
        "image/gif": _gif_size,
        "image/webp": _webp_size,
    }
    try:
        width, height = readers[media_type](data)
    except (struct.error, IndexError) as error:
        raise ValueError("cut short") from error
    if not width or not height:
        raise ValueError("no size")
    return width, height


def _png_size(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        raise ValueError("no header")
    at = 8
    while data[at + 4 : at + 8] != b"IEND":
        at += 12 + unpack_from(">I", data, at)[0]
    width, height = unpack_from(">II", data, 16)
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while True:
        if data[at] != 0xFF:
            raise ValueError("no marker")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _BARE_MARKERS:
            at += 2
        elif marker in _FRAMES:
            height, width = unpack_from(">HH", data, at + 5)
            if data.find(b"\xff\xd9", at) < 0:
                raise ValueError("no end")
            return width, height
        else:
            at += 2 + unpack_from(">H", data, at + 2)[0]


def _gif_size(data: bytes) -> tuple[int, int]:
    if len(data) < 14:
        raise ValueError("cut short")
    width, height = unpack_from("<HH", data, 6)
    return width, height


def _webp_size(data: bytes) -> tuple[int, int]:
    size = unpack_from("<I", data, 4)[0] + 8
    if len(data) < 30 or size > len(data) + 1:  # a last byte of padding is often left out
        raise ValueError("cut short")
    form = data[12:16]
    if form == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif form == b"VP8L":
        bits = unpack_from("<I", data, 21)[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in unpack_from("<HH", data, 26))
    return width, height
