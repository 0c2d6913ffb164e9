"""Pictures that are too large for the Messages API, made to fit: quality gives way before size."""

from __future__ import annotations

import io

MOST_PIXELS = 100_000_000
_QUALITIES = (92, 85, 75)
_STEP = 0.75


def fit_image(data: bytes, *, most_bytes: int, most_side: int) -> tuple[bytes, str] | None:
    """The picture within these limits and its media type, or None where it cannot be read or moves."""
    from PIL import Image, ImageOps  # slow to import, and few need it

    try:
        with Image.open(io.BytesIO(data)) as opened:
            if getattr(opened, "n_frames", 1) > 1 or opened.width * opened.height > MOST_PIXELS:
                return None
            picture: Image.Image = ImageOps.exif_transpose(opened)
            has_alpha = "A" in picture.getbands() or "transparency" in picture.info
            picture = picture.convert("RGBA" if has_alpha else "RGB")
    except (OSError, ValueError, SyntaxError):
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
