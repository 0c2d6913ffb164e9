"""The icon: its states differ by form, it can be told from any panel, and every size is drawn."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import get_args

import pytest
from PIL import Image, ImageChops

from tray_bridge.desktop.icon import FULL_SIZE, LOOKS, PANEL_SIZES, IconState, draw, icon_image, icon_state
from tray_bridge.snapshots import AccountSnapshot, PoolSnapshot, Problem, RequestSnapshot, ServerSnapshot

READY = ServerSnapshot(state="ready")
PROBLEM = Problem("It broke", "A thing broke.")
REQUEST = RequestSnapshot("a", "curl", "sonnet", True, 0.0, False)
PANELS = {"light": (246, 245, 244), "dark": (36, 36, 36), "black": (0, 0, 0)}


@pytest.mark.parametrize(
    ("server", "state"),
    [
        (ServerSnapshot(), "stopped"),
        (ServerSnapshot(state="starting"), "starting"),
        (ServerSnapshot(state="stopping"), "starting"),
        (READY, "ready"),
        (replace(READY, requests=(REQUEST,)), "busy"),
        (replace(READY, requests=(REQUEST,), log_problem=PROBLEM), "warning"),
        (replace(READY, pool=PoolSnapshot(problem=PROBLEM)), "warning"),
        (replace(READY, account=AccountSnapshot(signed_in=False)), "warning"),
        (replace(READY, account=AccountSnapshot(signed_in=False), demo=True), "ready"),
        (ServerSnapshot(state="error", problem=PROBLEM), "error"),
    ],
)
def test_each_state_of_the_server_has_its_icon(server: ServerSnapshot, state: str) -> None:
    assert icon_state(server) == state


def test_the_table_has_every_state() -> None:
    assert set(LOOKS) == set(get_args(IconState))


def _form(state: IconState, size: int) -> Image.Image:
    """The icon without colours: grey on grey, as who sees none would see it."""
    icon = draw(state, size)
    panel = Image.new("RGBA", icon.size, (128, 128, 128, 255))
    panel.alpha_composite(icon)
    return Image.merge("LA", (panel.convert("L"), icon.getchannel("A")))


@pytest.mark.parametrize("size", [22, 128])
def test_states_differ_by_form_and_not_by_colour_alone(size: int) -> None:
    for one, other in combinations(LOOKS, 2):
        # Pixels that are there in one and not in the other, or light in one and dark in the other.
        difference = ImageChops.difference(_form(one, size), _form(other, size))
        alpha = difference.getchannel("A").point(lambda value: 255 if value > 100 else 0)
        light = difference.getchannel("L").point(lambda value: 255 if value > 60 else 0)
        differing = ImageChops.lighter(alpha, light).histogram()[255]
        assert differing >= size * size * 0.03, (one, other)


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("state", LOOKS)
def test_an_icon_stands_out_from_the_panel(state: IconState, panel: str) -> None:
    icon = draw(state, 22).convert("RGBA")
    opaque = [pixel[:3] for pixel in _pixels(icon) if pixel[3] > 200]
    seen = [pixel for pixel in opaque if _contrast(pixel, PANELS[panel]) >= 3.0]
    assert len(seen) >= 22 * 22 * 0.1


@pytest.mark.parametrize("state", LOOKS)
def test_every_size_of_a_panel_is_drawn_for_itself(state: IconState) -> None:
    image = icon_image(state)
    assert image.size == (FULL_SIZE, FULL_SIZE)
    assert tuple(each.width for each in image.info["sizes"]) == PANEL_SIZES


def test_long_edges_lie_on_whole_pixels() -> None:
    for size in PANEL_SIZES:
        icon = draw("ready", size)
        column = [icon.getpixel((size // 2, y)) for y in range(size)]
        alphas = [pixel[3] for pixel in column if isinstance(pixel, tuple)]
        assert set(alphas) <= {0, 255}, size


def _pixels(image: Image.Image) -> list[tuple[int, int, int, int]]:
    raw = image.tobytes()
    return [(raw[i], raw[i + 1], raw[i + 2], raw[i + 3]) for i in range(0, len(raw), 4)]


def _contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """The WCAG contrast ratio."""

    def luminance(colour: tuple[int, ...]) -> float:
        parts = [part / 255 for part in colour]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
