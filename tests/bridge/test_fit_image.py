"""Pictures are made to fit: exact where that is small enough, else with less quality and then less size."""

from __future__ import annotations

import io
import random
from base64 import b64encode
from typing import Any

import pytest
from PIL import Image as Picture

from tray_bridge.bridge import fit_image as fitting
from tray_bridge.bridge.fit_image import SlowPictureError, fit_image, quickly
from tray_bridge.bridge.many_pictures import fit_many
from tray_bridge.turns import Image, Message, Text, ToolResult

LIMITS: dict[str, Any] = {"most_bytes": 10_000_000, "most_side": 100}


def noise(mode: str, width: int, height: int) -> Picture.Image:
    count = width * height * len(Picture.new(mode, (1, 1)).getbands())
    return Picture.frombytes(mode, (width, height), random.Random(1).randbytes(count))


def saved(picture: Picture.Image, form: str = "PNG", **options: Any) -> bytes:
    picture.save(written := io.BytesIO(), form, **options)
    return written.getvalue()


def fitted(data: bytes, **limits: Any) -> tuple[str, str, tuple[int, int]] | None:
    found = fit_image(data, **{**LIMITS, **limits})
    if found is None:
        return None
    with Picture.open(io.BytesIO(found[0])) as opened:
        return found[1], str(opened.format), opened.size


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "CMYK", "1"])
def test_a_picture_without_transparency_is_a_jpeg_of_the_right_size(mode: str) -> None:
    data = saved(noise("RGB", 200, 50).convert(mode), "TIFF")
    assert fitted(data) == ("image/jpeg", "JPEG", (100, 25))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_a_picture_with_transparency_keeps_it(mode: str) -> None:
    data = saved(noise("RGBA", 50, 200).convert(mode), "PNG" if mode != "PA" else "TIFF")
    assert fitted(data) == ("image/webp", "WEBP", (25, 100))
    palette = noise("RGB", 50, 200).convert("P")
    palette.info["transparency"] = 0
    assert fitted(saved(palette, "GIF", transparency=0)) == ("image/webp", "WEBP", (25, 100))


def test_as_png_it_loses_nothing_up_to_a_limit() -> None:
    picture = noise("RGB", 40, 40)
    exact = len(saved(picture))
    found = fit_image(saved(picture, "BMP"), **LIMITS, most_exact=exact)
    assert found is not None and found[1] == "image/png"
    assert Picture.open(io.BytesIO(found[0])).tobytes() == picture.tobytes()
    assert fitted(saved(picture, "BMP"), most_exact=exact - 1) == ("image/jpeg", "JPEG", (40, 40))


def test_quality_goes_before_size() -> None:
    picture = noise("RGB", 64, 64)
    sizes = {quality: len(saved(picture, "JPEG", quality=quality)) for quality in (92, 85, 75)}
    for most in sizes.values():
        found = fit_image(saved(picture), most_bytes=most, most_side=100)
        assert found is not None and len(found[0]) == most
        assert Picture.open(io.BytesIO(found[0])).size == (64, 64)
    assert fitted(saved(picture), most_bytes=sizes[75] - 1) == ("image/jpeg", "JPEG", (48, 48))


def test_what_fits_in_no_size_is_given_up() -> None:
    assert fitted(saved(noise("RGB", 8, 8)), most_bytes=10) is None
    assert fitted(saved(noise("RGB", 1, 8)), most_bytes=10) is None


def test_what_is_animated_broken_huge_or_of_another_format_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [noise("L", 8, 8), noise("L", 8, 8).rotate(90)]
    assert fitted(saved(frames[0], "GIF", save_all=True, append_images=frames[1:])) is None
    assert fitted(b"no picture") is None
    assert fitted(saved(noise("RGB", 8, 8))[:40]) is None
    assert fitted(saved(noise("RGB", 8, 8)), form="BMP") is None
    assert fitted(saved(noise("RGB", 8, 8), "BMP"), form="BMP") == ("image/jpeg", "JPEG", (8, 8))
    monkeypatch.setattr(fitting, "MOST_PIXELS", 64)
    assert fitted(saved(noise("RGB", 8, 8))) is not None
    assert fitted(saved(noise("RGB", 8, 9))) is None


def test_a_photo_is_turned_as_its_camera_says() -> None:
    exif = Picture.Exif()
    exif[0x0112] = 6
    assert fitted(saved(noise("RGB", 80, 40), "JPEG", exif=exif)) == ("image/jpeg", "JPEG", (40, 80))


def test_the_event_loop_decodes_no_picture() -> None:
    data = saved(noise("RGB", 8, 8))
    with quickly(), pytest.raises(SlowPictureError):
        fit_image(data, **LIMITS)
    assert fitted(data) is not None, "afterwards there is time again"


def image(data: bytes) -> Image:
    return Image("image/png", b64encode(data).decode())


def test_of_more_than_20_pictures_none_has_a_side_above_2000_pixels() -> None:
    large, small = image(saved(Picture.new("RGB", (2001, 3)))), image(saved(Picture.new("RGB", (2000, 3))))
    text = Text("Look")
    few = [Message("user", (text, large, *[small] * 18)), Message("user", (ToolResult("c", (small,)), text))]
    changed: list[str] = []
    assert fit_many(few, changed) == few and changed == []
    with quickly():
        assert fit_many(few, changed) == few
    many = [*few, Message("user", (ToolResult("d", (text, large), is_error=True),))]
    first, second, third = fit_many(many, changed)
    assert changed == ["image.scaled", "image.scaled"]
    assert first.content[0] is text and first.content[2] is small and second == few[1]
    (result,) = third.content
    assert isinstance(result, ToolResult) and result.is_error and result.content[0] is text
    for picture in (first.content[1], result.content[1]):
        assert isinstance(picture, Image) and picture.media_type == "image/jpeg"
    with quickly(), pytest.raises(SlowPictureError):
        fit_many(many, changed)


def test_an_animated_picture_among_many_is_left_to_the_api() -> None:
    frames = [Picture.new("L", (2001, 2)), Picture.new("L", (2001, 2), 255)]
    animated = Image("image/gif", b64encode(saved(frames[0], "GIF", save_all=True, append_images=frames[1:])).decode())
    messages = [Message("user", (animated,) * 21)]
    changed: list[str] = []
    assert fit_many(messages, changed) == messages and changed == []
