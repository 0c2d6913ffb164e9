"""The ring around the icon: how full the fullest window of the plan is.

Owns what counts as full and how the ring is drawn. Knows snapshots only. Pillow is imported when a ring is drawn.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from ..doctor.health import is_reached
from ..snapshots import ServerSnapshot
from .notifications import NEARLY_FULL

if TYPE_CHECKING:
    from PIL.Image import Image

Colour: TypeAlias = tuple[int, int, int, int]
STEPS = 24
"""Lengths that the ring can have: at 22 px a step is three pixels."""
AMBER_FROM = math.ceil(NEARLY_FULL * STEPS)
TRACK = (138, 138, 138, 120)


def ring_of(server: ServerSnapshot, now: float) -> int | None:
    """Return how many of `STEPS` the ring has at `now`; None if no share of a window is known."""
    if server.demo:
        return None
    shares = [
        1.0 if is_reached(window, now) else window.used
        for window in server.account.windows
        if window.resets_at is None or window.resets_at > now
    ]
    known = [share for share in shares if share is not None]
    if not known:
        return None
    share = min(max(known), 1.0)
    most = STEPS if share >= 1 else STEPS - 1 if share >= NEARLY_FULL else AMBER_FROM - 1
    return min(most, math.ceil(share * STEPS))


def room(size: int) -> tuple[int, int]:
    """Return the ring's width and the gap inside it, in pixels of an icon of `size`."""
    return max(1, round(0.09 * size)), max(1, round(0.04 * size))


def draw_ring(image: Image, size: int, steps: int, colours: tuple[Colour, Colour, Colour]) -> None:
    """Draw the ring along the edge of `image`, which is a whole number of times as large as `size`.

    It begins at the top and goes clockwise. `colours` are those below 80 %, from there on, and when full.
    """
    from PIL import Image as Images
    from PIL import ImageChops, ImageDraw

    whole = image.width
    width = room(size)[0] * whole // size
    outline = Images.new("L", image.size)
    pen = ImageDraw.Draw(outline)
    radius = 0.28 * whole
    pen.rounded_rectangle((0, 0, whole - 1, whole - 1), radius, fill=255)
    pen.rounded_rectangle((width, width, whole - width - 1, whole - width - 1), max(0.0, radius - width), fill=0)
    image.paste(TRACK, mask=outline)
    part = Images.new("L", image.size)
    # A circle around the corners, too.
    around = (-whole // 2, -whole // 2, whole + whole // 2, whole + whole // 2)
    ImageDraw.Draw(part).pieslice(around, -90, -90 + 360 * steps / STEPS, fill=255 if steps else 0)
    colour = colours[(steps >= AMBER_FROM) + (steps >= STEPS)]
    image.paste(colour, mask=ImageChops.multiply(outline, part))
