"""The icon: its states differ by form, it can be told from any panel, and every size is drawn."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import get_args

import pytest
from PIL import Image, ImageChops

from tray_bridge.desktop.icon import FULL_SIZE, LOOKS, PANEL_SIZES, IconState, draw, icon_image, icon_state
from tray_bridge.desktop.plan_ring import AMBER_FROM, STEPS, ring_of, room
from tray_bridge.snapshots import AccountSnapshot, PlanWindow, PoolSnapshot, Problem, RequestSnapshot, ServerSnapshot

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


def windows(*windows: PlanWindow) -> ServerSnapshot:
    return replace(READY, account=AccountSnapshot(signed_in=True, windows=windows))


@pytest.mark.parametrize(
    ("server", "steps"),
    [
        (READY, None),
        (windows(PlanWindow("seven_day", None, 2000.0)), None),
        (windows(PlanWindow("five_hour", 0.9, 900.0)), None),  # it began anew, and nothing is known of that
        (windows(PlanWindow("five_hour", 0.0, 2000.0)), 0),
        (windows(PlanWindow("five_hour", 0.01, 2000.0)), 1),
        (windows(PlanWindow("five_hour", 0.25, 2000.0), PlanWindow("seven_day", 0.5, 2000.0)), STEPS // 2),
        (windows(PlanWindow("five_hour", 0.79, 2000.0)), AMBER_FROM - 1),  # when it is told, too
        (windows(PlanWindow("five_hour", 0.8, 2000.0)), AMBER_FROM),
        (windows(PlanWindow("five_hour", 0.999, 2000.0)), STEPS - 1),
        (windows(PlanWindow("five_hour", None, 2000.0, "rejected")), STEPS),
        (replace(windows(PlanWindow("five_hour", 0.5, 2000.0)), demo=True), None),
    ],
)
def test_the_ring_is_as_long_as_the_fullest_window_is_full(server: ServerSnapshot, steps: int | None) -> None:
    assert ring_of(server, 1000.0) == steps


@pytest.mark.parametrize("size", PANEL_SIZES)
@pytest.mark.parametrize("state", ["ready", "warning", "stopped"])
def test_a_ring_leaves_the_icon_legible_and_grows(state: IconState, size: int) -> None:
    def coloured(steps: int) -> int:
        inner = size // 4
        image = draw(state, size, steps)
        edge = [image.getpixel((x, 0)) for x in range(size)] + [image.getpixel((0, y)) for y in range(inner, size)]
        return sum(isinstance(p, tuple) and p[3] > 200 and max(p[:3]) - min(p[:3]) > 60 for p in edge)

    lengths = [coloured(steps) for steps in (0, STEPS // 2, STEPS)]
    assert lengths[0] <= lengths[1] < lengths[2]
    # What is inside is the icon of that many pixels, but for the badge.
    margin = sum(room(size))
    inside = draw(state, size, 0).crop((margin, margin, size - margin, size - margin))
    part = (inside.width // 4, 0, inside.width // 2, inside.height // 2)
    assert inside.crop(part).tobytes() == draw(state, size - 2 * margin).crop(part).tobytes()


@pytest.mark.parametrize("panel", PANELS)
def test_a_ring_stands_out_from_the_panel(panel: str) -> None:
    for steps, part in ((STEPS // 2, 0.05), (STEPS, 0.1)):
        icon = draw("ready", 22, steps)
        margin = room(22)[0]
        for x in range(margin, 22 - margin):
            for y in range(margin, 22 - margin):
                icon.putpixel((x, y), (0, 0, 0, 0))
        seen = [p for p in _pixels(icon) if p[3] > 200 and _contrast(p[:3], PANELS[panel]) >= 3.0]
        assert len(seen) >= 22 * 22 * part, (steps, len(seen))


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
