"""The icons in the repository are those that `assets/draw.py` draws, in every size that a platform asks for."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

ROOT = Path(__file__).parents[2]
ICONS = "tray_bridge/desktop/icons"


@pytest.fixture(scope="module")
def draw() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "assets/draw.py"))


@pytest.fixture(scope="module")
def drawn(draw: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    draw["write_all"](folder)
    return folder


@pytest.mark.full  # drawing them takes six seconds
def test_the_kept_pictures_are_the_ones_that_the_script_draws(drawn: Path) -> None:
    names = sorted(path.relative_to(drawn) for path in drawn.rglob("*") if path.is_file())
    assert len(names) == 12
    for name in names:
        with Image.open(drawn / name) as fresh, Image.open(ROOT / name) as kept:
            assert fresh.size == kept.size, name
            difference = ImageChops.difference(fresh.convert("RGBA"), kept.convert("RGBA"))
            # Releases of Pillow may round differently; another shape or colour differs by far more.
            assert max(ImageStat.Stat(difference).mean) < 1, name


def test_every_picture_shows_something_on_clear_corners() -> None:
    for path in (ROOT / ICONS).glob("*.png"):
        with Image.open(path) as icon:
            corner, middle = icon.getpixel((0, 0)), icon.getpixel((icon.width // 2, icon.height // 5))
            assert isinstance(corner, tuple)
            assert isinstance(middle, tuple)
            assert corner[3] == 0, path.name
            assert middle[3] == 255, path.name


def test_windows_and_mac_find_the_sizes_that_they_ask_for(draw: dict[str, Any]) -> None:
    with Image.open(ROOT / ICONS / "tray-bridge.ico") as ico:
        assert {width for width, _ in ico.info["sizes"]} == set(draw["ICO_SIZES"])
    with Image.open(ROOT / "assets/tray-bridge.icns") as icns:
        assert {width * scale for width, _, scale in icns.info["sizes"]} >= {32, 256, 512, 1024}
