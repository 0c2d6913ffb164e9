"""Draws the application's icons for every platform and the logo, from the shape that the tray icon has.

Run `python assets/draw.py` after a change to `tray_bridge/desktop/icon.py` or to this file, and commit what
it writes: `tray_bridge/desktop/icons/` (PNG sizes and ICO, used while the program runs),
`assets/tray-bridge.icns` and `logo.png`.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

from tray_bridge.desktop.icon import CLEAR, SHARPNESS, TEAL, WHITE, Look, Pen
from tray_bridge.desktop.plan_ring import Colour

REPOSITORY = Path(__file__).resolve().parent.parent
ICONS = Path("tray_bridge/desktop/icons")

PNG_SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)  # those that Linux desktops look up
ICO_SIZES = (16, 20, 24, 32, 40, 48, 64, 256)  # Windows at 100 to 250 percent
ICNS_SIZES = (16, 32, 64, 128, 256, 512, 1024)
MAC_PART = 824 / 1024  # an icon's body is this part of its canvas in the macOS grid

DETAILED_FROM = 64  # smaller icons are the tray icon's bold bridge: slender parts would only blur

SKY_TOP, SKY_FOOT = (13, 112, 122, 255), (74, 196, 182, 255)
SUN, WATER = (255, 214, 128, 255), (8, 76, 94, 255)
HORIZON, DECK = 0.765, 0.625  # heights, as all lengths here, in parts of the icon's width
TOWER, SHORE = 0.20, 0.42  # each tower's, and each end's, way from the middle
CABLE_LOW, CABLE_HIGH = 0.575, 0.245

Drawing: TypeAlias = Callable[[Pen], None]


def app_icon(size: int) -> Image.Image:
    """The icon at `size` pixels square, drawn for that size."""
    if size < DETAILED_FROM:
        return _layers(size, detailed=False)
    return _layers(max(size, 128), detailed=True).resize((size, size), Image.Resampling.LANCZOS)


def mac_icon(size: int) -> Image.Image:
    """The icon with the clear margin that macOS expects."""
    body = app_icon(round(size * MAC_PART))
    canvas = Image.new("RGBA", (size, size), CLEAR)
    canvas.paste(body, ((size - body.width) // 2, (size - body.height) // 2))
    return canvas


def logo() -> Image.Image:
    """The icon with the name beside it, in a colour that reads on white and on black."""
    icon, gap, font = app_icon(256), 48, ImageFont.load_default(132)
    name = "Tray Bridge"
    left, top, right, bottom = font.getbbox(name)
    canvas = Image.new("RGBA", (256 + gap + round(right - left) + 8, 256), CLEAR)
    canvas.alpha_composite(icon, (0, 0))
    place = (256 + gap - left, 128 - (top + bottom) / 2)
    ImageDraw.Draw(canvas).text(place, name, font=font, fill=TEAL, stroke_width=1, stroke_fill=TEAL)
    return canvas


def _layers(size: int, *, detailed: bool) -> Image.Image:
    """Paints each part through its mask, at `SHARPNESS` times the size, and shrinks the whole at the end."""
    whole = size * SHARPNESS
    image = _vertical(whole, SKY_TOP, SKY_FOOT)
    if detailed:
        parts: tuple[tuple[Colour, float, Drawing], ...] = (
            (SUN, 0.22, lambda pen: _disc(pen, 0.5, 0.42, 0.235)),
            (SUN, 1.0, lambda pen: _disc(pen, 0.5, 0.42, 0.165)),
            (WATER, 1.0, lambda pen: pen.canvas.rectangle((0, pen.free(HORIZON), whole, whole), fill=WHITE)),
            (SUN, 0.60, _reflection),
            (WHITE, 0.80, _hangers),
            (WHITE, 1.0, _bridge),
        )
    else:
        parts = ((WHITE, 1.0, lambda pen: pen.bridge(WHITE)),)
    for colour, strength, drawing in parts:
        mask = _mask(size, drawing).point([round(value * strength) for value in range(256)])
        image.paste(Image.new("RGB", image.size, colour[:3]), mask=mask)
    image.putalpha(_mask(size, lambda pen: pen.tile(Look("solid", WHITE))))
    return image.resize((size, size), Image.Resampling.BOX)


def _mask(size: int, drawing: Drawing) -> Image.Image:
    canvas = Image.new("RGBA", (size * SHARPNESS,) * 2, CLEAR)
    drawing(Pen(ImageDraw.Draw(canvas), size))
    return canvas.getchannel("A")


def _vertical(whole: int, top: Colour, foot: Colour) -> Image.Image:
    down = Image.linear_gradient("L").resize((whole, whole))
    return Image.composite(Image.new("RGB", down.size, foot[:3]), Image.new("RGB", down.size, top[:3]), down)


def _disc(pen: Pen, x: float, y: float, r: float) -> None:
    pen.canvas.ellipse((pen.free(x - r), pen.free(y - r), pen.free(x + r), pen.free(y + r)), fill=WHITE)


def _bar(pen: Pen, left: float, top: float, right: float, foot: float, *, round_off: float = 0) -> None:
    box = (pen.free(left), pen.free(top), pen.free(right), pen.free(foot))
    pen.canvas.rounded_rectangle(box, pen.free(round_off), fill=WHITE)


def _reflection(pen: Pen) -> None:
    for y, half in ((0.832, 0.128), (0.870, 0.088), (0.908, 0.048)):
        _bar(pen, 0.5 - half, y - 0.009, 0.5 + half, y + 0.009, round_off=0.009)


def _cable(x: float) -> float:
    """The cable's height at `x`: a parabola between the towers, and half of one on each shore's side."""
    low, high = CABLE_LOW, CABLE_HIGH
    away = min(abs(x - 0.5), SHORE)
    if away <= TOWER:
        return low - (low - high) * (away / TOWER) ** 2
    return DECK - (DECK - high) * math.pow((SHORE - away) / (SHORE - TOWER), 1.5)


def _bridge(pen: Pen) -> None:
    """The tray icon's bridge with the slender parts that a large picture can show."""
    _bar(pen, 0.5 - SHORE, DECK, 0.5 + SHORE, DECK + 0.052, round_off=0.012)
    for x in (0.5 - TOWER, 0.5 + TOWER):
        _bar(pen, x - 0.031, CABLE_HIGH - 0.035, x + 0.031, 0.80, round_off=0.012)
        _bar(pen, x - 0.052, 0.785, x + 0.052, 0.825, round_off=0.012)
    radius = 0.0125
    for step in range(2001):
        x = 0.5 - SHORE + 0.02 + (SHORE - 0.02) * step / 1000
        _disc(pen, x, _cable(x), radius)


def _hangers(pen: Pen) -> None:
    """The thin verticals between cable and deck."""
    for step in range(1, 20):
        x = step / 20
        if abs(abs(x - 0.5) - TOWER) > 0.035 and abs(x - 0.5) < SHORE - 0.03:
            _bar(pen, x - 0.0045, _cable(x), x + 0.0045, DECK)


def write_all(root: Path) -> None:
    """Writes every file below `root`, laid out as in the repository."""
    folder = root / ICONS
    folder.mkdir(parents=True, exist_ok=True)
    (root / "assets").mkdir(exist_ok=True)
    for size in PNG_SIZES:
        app_icon(size).save(folder / f"tray-bridge-{size}.png", optimize=True)
    icons = [app_icon(size) for size in ICO_SIZES]
    icons[-1].save(folder / "tray-bridge.ico", sizes=[icon.size for icon in icons], append_images=icons[:-1])
    icons = [mac_icon(size) for size in ICNS_SIZES]
    icons[-1].save(root / "assets/tray-bridge.icns", append_images=icons[:-1])
    logo().save(root / "logo.png", optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, nargs="?", default=REPOSITORY, help="where to write")
    write_all(parser.parse_args().root)
