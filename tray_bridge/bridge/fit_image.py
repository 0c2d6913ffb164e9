"""Pictures that are too large for the Messages API, made to fit: first with less quality, then with less size.

That takes up to seconds for one picture, so the event loop reads a request under `quickly` and, where that raises
`SlowPictureError`, once more in a thread.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MOST_PIXELS = 89_000_000  # Pillow warns above this, and refuses above twice as many
_QUALITIES = (92, 85, 75)
_STEP = 0.75
_in_a_hurry: ContextVar[bool] = ContextVar("in_a_hurry", default=False)


class SlowPictureError(Exception):
    """A picture must be decoded, which takes too long for the event loop."""


@contextmanager
def quickly() -> Iterator[None]:
    """Raise SlowPictureError within this block where a picture must be decoded."""
    token = _in_a_hurry.set(True)
    try:
        yield
    finally:
        _in_a_hurry.reset(token)


def take_time() -> None:
    """Announce slow work; raises SlowPictureError within `quickly`."""
    if _in_a_hurry.get():
        raise SlowPictureError


def fit_image(
    data: bytes, *, most_bytes: int, most_side: int, most_exact: int = 0, form: str | None = None
) -> tuple[bytes, str] | None:
    """Give the picture within these limits and its media type, or None if it cannot be read or is animated.

    As PNG it loses nothing: that is tried first, up to `most_exact` bytes. Only pictures of the format `form` are read,
    if one is given.
    """
    take_time()
    from PIL import Image, ImageOps  # slow to import, and seldom needed

    try:
        with Image.open(io.BytesIO(data), formats=None if form is None else (form,)) as opened:
            if getattr(opened, "n_frames", 1) > 1 or opened.width * opened.height > MOST_PIXELS:
                return None
            picture: Image.Image = ImageOps.exif_transpose(opened)
            has_alpha = "A" in picture.getbands() or "transparency" in picture.info
            picture = picture.convert("RGBA" if has_alpha else "RGB")
    except (OSError, ValueError, KeyError, SyntaxError, Image.DecompressionBombError):
        return None
    picture.thumbnail((most_side, most_side))
    if most_exact:
        picture.save(written := io.BytesIO(), "PNG")
        if written.tell() <= most_exact:
            return written.getvalue(), "image/png"
    kind = "WEBP" if has_alpha else "JPEG"
    while True:
        for quality in _QUALITIES:
            written = io.BytesIO()
            picture.save(written, kind, quality=quality)
            if written.tell() <= most_bytes:
                return written.getvalue(), f"image/{kind.lower()}"
        if min(picture.size) == 1:
            return None
        picture = picture.resize((max(1, int(picture.width * _STEP)), max(1, int(picture.height * _STEP))))
