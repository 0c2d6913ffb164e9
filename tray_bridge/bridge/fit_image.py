"""Pictures that are too large for the Messages API, made to fit: quality gives way before size.

That takes up to seconds for one picture, so the event loop reads a request under `quickly` and, where that raises
`SlowPictureError`, once more in a thread.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MOST_PIXELS = 89_000_000  # Pillow warns above this, and takes twice as many for an attack
_QUALITIES = (92, 85, 75)
_STEP = 0.75
_in_a_hurry: ContextVar[bool] = ContextVar("in_a_hurry", default=False)


class SlowPictureError(Exception):
    """A picture would have to be decoded, and there is no time for that."""


@contextmanager
def quickly() -> Iterator[None]:
    """Raise SlowPictureError, within this block, where a picture would have to be decoded."""
    token = _in_a_hurry.set(True)
    try:
        yield
    finally:
        _in_a_hurry.reset(token)


def take_time() -> None:
    """Say that what comes next takes long; raises SlowPictureError where it must not."""
    if _in_a_hurry.get():
        raise SlowPictureError


def fit_image(data: bytes, *, most_bytes: int, most_side: int) -> tuple[bytes, str] | None:
    """The picture within these limits and its media type, or None where it cannot be read or moves."""
    take_time()
    from PIL import Image, ImageOps  # slow to import, and few need it

    try:
        with Image.open(io.BytesIO(data)) as opened:
            if getattr(opened, "n_frames", 1) > 1 or opened.width * opened.height > MOST_PIXELS:
                return None
            picture: Image.Image = ImageOps.exif_transpose(opened)
            has_alpha = "A" in picture.getbands() or "transparency" in picture.info
            picture = picture.convert("RGBA" if has_alpha else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    picture.thumbnail((most_side, most_side))
    kind = "WEBP" if has_alpha else "JPEG"
    while min(picture.size) > 1:
        for quality in _QUALITIES:
            written = io.BytesIO()
            picture.save(written, kind, quality=quality)
            if written.tell() <= most_bytes:
                return written.getvalue(), f"image/{kind.lower()}"
        picture = picture.resize((max(1, int(picture.width * _STEP)), max(1, int(picture.height * _STEP))))
    return None
