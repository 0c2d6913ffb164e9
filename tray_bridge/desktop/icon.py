"""The icon: one shape, a bridge on a tile, and a mark for each state.

Owns the table from state to look. Knows snapshots only. Must not know how the image is shown. Pillow is imported when
the first image is drawn, so that `import tray_bridge.desktop.icon` costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..doctor.health import HealthWord, health_of
from ..snapshots import ServerSnapshot
from .plan_ring import Colour, draw_ring, room

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

IconState: TypeAlias = Literal["stopped", "starting", "ready", "busy", "paused", "warning", "error"]

TEAL, GREY, WHITE = (20, 140, 142, 255), (138, 138, 138, 255), (255, 255, 255, 255)
BLUE = (47, 111, 222, 255)
AMBER, RED, INK = (245, 166, 35, 255), (224, 58, 62, 255), (40, 32, 16, 255)
CLEAR = (0, 0, 0, 0)

FULL_SIZE = 128
LARGEST_ARCH = 128  # a panel may take the largest image and shrink it
SMALLEST = 16
# The pixels of each badge's sign at the smallest size, from the badge's middle.
SMALL_SIGNS = {
    "dots": [(x, y) for x in (-3, -1, 1) for y in (-1, 0)],
    "bars": [(x, y) for x in (-2, 1) for y in (-2, -1, 0, 1)],
    "cross": [(at, way * at - (way < 0)) for at in (-2, -1, 0, 1) for way in (1, -1)],
    "triangle": [(x, y) for x in (-1, 0) for y in (-1, 0, 2)],
}
PANEL_SIZES = (16, 22, 24, 32, 44, 48, 64)
SHARPNESS = 8  # each pixel is drawn as 8 x 8 and averaged


@dataclass(frozen=True, slots=True)
class Look:
    """How a state differs from the others, by form before colour."""

    tile: Literal["solid", "outline", "dashed"]
    colour: Colour
    badge: Literal["none", "dots", "bars", "triangle", "cross"] = "none"


LOOKS: dict[IconState, Look] = {
    "stopped": Look("outline", GREY),
    "starting": Look("dashed", TEAL),
    "ready": Look("solid", TEAL),
    "busy": Look("solid", TEAL, "dots"),
    "paused": Look("dashed", GREY, "bars"),
    "warning": Look("solid", TEAL, "triangle"),
    "error": Look("outline", GREY, "cross"),
}


STATES: dict[HealthWord, IconState] = {
    "ready": "ready",
    "busy": "busy",
    "paused": "paused",
    "signed_out": "warning",
    "limited": "warning",
    "degraded": "warning",
    "starting": "starting",
    "stopping": "starting",
    "stopped": "stopped",
    "failed": "error",
}


def icon_state(snapshot: ServerSnapshot) -> IconState:
    """Return the state that the icon shows; states that need an action of the person come first."""
    return STATES[health_of(snapshot).word]


@lru_cache(maxsize=32)
def icon_image(state: IconState, ring: int | None = None) -> Image:
    """Return the icon at 128 px; `info["sizes"]` holds it drawn sharp for each usual size of a panel."""
    image = draw(state, FULL_SIZE, ring)
    image.info["sizes"] = tuple(draw(state, size, ring) for size in PANEL_SIZES)
    return image


def draw(state: IconState, size: int, ring: int | None = None) -> Image:
    """Draw a state at `size` pixels square, with the long edges on whole pixels; `ring` is its length in steps."""
    from PIL import Image, ImageDraw

    look = LOOKS[state]
    image = Image.new("RGBA", (size * SHARPNESS, size * SHARPNESS), CLEAR)
    margin = 0 if ring is None else sum(room(size))
    inner = size - 2 * margin
    body = Image.new("RGBA", (inner * SHARPNESS, inner * SHARPNESS), CLEAR)
    pen = Pen(ImageDraw.Draw(body), inner, look)
    pen.tile(look)
    pen.bridge(WHITE if look.tile == "solid" else look.colour)
    image.paste(body, (margin * SHARPNESS, margin * SHARPNESS))
    if ring is not None:
        draw_ring(image, size, ring, (TEAL, AMBER, RED))
    Pen(ImageDraw.Draw(image), size, look).badge(look.badge)
    return image.resize((size, size), Image.Resampling.BOX)


class Pen:
    """Draw in fractions of the icon's width (0 to 1), on a canvas `SHARPNESS` times as large as the image."""

    def __init__(self, canvas: ImageDraw, size: int, look: Look | None = None) -> None:
        self.canvas = canvas
        self.look = look or LOOKS["ready"]
        self.size = size

    def px(self, part: float) -> int:
        """Give a length or place on the canvas, at the nearest whole pixel of the image, and at least one."""
        return max(1, round(part * self.size)) * SHARPNESS

    def free(self, part: float) -> float:
        """Give a length or place on the canvas unrounded, for curves and slants."""
        return part * self.size * SHARPNESS

    def tile(self, look: Look) -> None:
        """Draw the tile with round corners."""
        whole = self.size * SHARPNESS
        edge = round(0.03 * self.size) * SHARPNESS
        box = (edge, edge, whole - edge - 1, whole - edge - 1)
        radius = self.free(0.24)
        self.canvas.rounded_rectangle(box, radius, fill=look.colour)
        if look.tile == "solid":
            return
        wall = self.px(0.075)
        inner = (box[0] + wall, box[1] + wall, box[2] - wall, box[3] - wall)
        self.canvas.rounded_rectangle(inner, max(0.0, radius - wall), fill=CLEAR)
        if look.tile == "dashed":
            gap = self.px(0.13) // 2
            for middle in (0.33, 0.67):
                at = self.free(middle)
                self.canvas.rectangle((at - gap, 0, at + gap, whole), fill=CLEAR)
                self.canvas.rectangle((0, at - gap, whole, at + gap), fill=CLEAR)

    def bridge(self, colour: Colour) -> None:
        """Draw two towers, a deck from edge to edge, and the cable; at a panel's size an arch, which is legible
        there.
        """
        if self.size <= LARGEST_ARCH:
            self.arch(colour)
            return
        whole = self.size * SHARPNESS
        edge = self.px(0.05)
        deck, thick = self.px(0.62), self.px(0.09)
        top, foot = self.px(0.24), self.px(0.80)
        width, inset = self.px(0.09), self.px(0.27)
        towers = (inset, whole - inset - width)
        self.canvas.rectangle((edge, deck, whole - edge - 1, deck + thick - 1), fill=colour)
        for x in towers:
            self.canvas.rectangle((x, top, x + width - 1, foot - 1), fill=colour)

        line = max(SHARPNESS, round(self.free(0.05)))
        left, right = towers[0] + width / 2, towers[1] + width / 2
        middle, reach = (left + right) / 2, (right - left) / 2
        high, drop = top + line / 2, deck - top - line
        cable = [(middle + reach * step / 24, high + drop * (1 - (step / 24) ** 2)) for step in range(-24, 25)]
        self.canvas.line([(edge + line, deck), (left, high)], fill=colour, width=line)
        self.canvas.line(cable, fill=colour, width=line, joint="curve")
        self.canvas.line([(right, high), (whole - edge - line, deck)], fill=colour, width=line)

    def arch(self, colour: Colour) -> None:
        """Draw one arch under a deck: four strokes would merge there, or be read as 44."""
        whole = self.size * SHARPNESS
        edge = self.px(0.05)
        deck, thick = self.px(0.30), self.px(0.12)
        self.canvas.rectangle((edge, deck, whole - edge - 1, deck + thick - 1), fill=colour)
        left, right = self.px(0.16), whole - self.px(0.16)
        top, foot = deck + thick - SHARPNESS, self.px(0.80)
        box = (left, top, right - 1, top + 2 * (foot - top))
        self.canvas.pieslice(box, 180, 360, fill=colour)
        inset = self.px(0.13)
        inner = (left + inset, top + inset, right - inset - 1, top + 2 * (foot - top))
        self.canvas.pieslice(inner, 180, 360, fill=CLEAR if self.look.tile != "solid" else self.look.colour)

    def badge(self, kind: str) -> None:
        """Draw a mark in the lower right corner, with a clear rim that separates it on any panel."""
        whole = self.size * SHARPNESS
        r, rim = self.px(0.27), self.px(0.06)
        middle = whole - r
        disc = (whole - 2 * r, whole - 2 * r, whole - 1, whole - 1)
        cleared = (disc[0] - rim, disc[1] - rim, whole + rim, whole + rim)
        if kind == "triangle":
            top, side = disc[1], 1.12 * r
            self.triangle(middle, top, side, whole, CLEAR, grow=rim)
            self.triangle(middle, top, side, whole, AMBER)
        elif kind != "none":
            self.canvas.ellipse(cleared, fill=CLEAR)
            self.canvas.ellipse(disc, fill=RED if kind == "cross" else BLUE)
        if self.size <= SMALLEST:
            self.small_sign(kind, middle)
        else:
            self.sign(kind, middle, r)

    def sign(self, kind: str, middle: int, r: int) -> None:
        """Draw the sign of a badge with radius `r` around `middle`."""
        if kind == "dots":
            dot = self.px(0.085)
            for x in (middle - dot * 1.75, middle, middle + dot * 1.75):
                self.canvas.ellipse((x - dot / 2, middle - dot / 2, x + dot / 2, middle + dot / 2), fill=WHITE)
        elif kind == "bars":
            bar, high = self.px(0.075), r * 0.9
            for x in (middle - bar * 1.5, middle + bar * 0.5):
                self.canvas.rectangle((x, middle - high / 2, x + bar - 1, middle + high / 2), fill=WHITE)
        elif kind == "cross":
            arm, width = r * 0.42, round(self.free(0.085))
            for way in (1, -1):
                self.canvas.line(
                    (middle - arm, middle - arm * way, middle + arm, middle + arm * way),
                    fill=WHITE,
                    width=width,
                )
        elif kind == "triangle":
            bar = self.px(0.075)
            x, y = middle - bar / 2, middle - r + r * 0.66
            self.canvas.rectangle((x, y, x + bar - 1, y + r * 0.62), fill=INK)
            self.canvas.rectangle((x, y + r * 0.82, x + bar - 1, y + r * 0.82 + bar - 1), fill=INK)

    def small_sign(self, kind: str, middle: int) -> None:
        """Draw the sign of a badge pixel by pixel: between two pixels nothing would be left of it."""
        colour = INK if kind == "triangle" else WHITE
        for x, y in SMALL_SIGNS.get(kind, ()):
            left, top = middle + x * SHARPNESS, middle + y * SHARPNESS
            self.canvas.rectangle((left, top, left + SHARPNESS - 1, top + SHARPNESS - 1), fill=colour)

    def triangle(self, x: float, top: float, side: float, foot: float, colour: Colour, grow: float = 0) -> None:
        """Draw an upright triangle with round corners."""
        r = self.free(0.05)
        corners = [(x, top + r * 1.6), (x - side + r * 1.3, foot - r), (x + side - r * 1.3, foot - r)]
        self.canvas.polygon(corners, fill=colour)
        for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
            self.canvas.line((start, end), fill=colour, width=round(2 * (r + grow)))
        for cx, cy in corners:
            reach = r + grow
            self.canvas.ellipse((cx - reach, cy - reach, cx + reach, cy + reach), fill=colour)
