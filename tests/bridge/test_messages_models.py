"""Models in Anthropic's shape: each by its short name and its full id, in pages."""

from __future__ import annotations

import pytest

from tray_bridge.bridge.anthropic_messages.models import RELEASED, list_models, page_of
from tray_bridge.snapshots import ModelSnapshot

OFFERED = [
    ModelSnapshot("default", "claude-opus-5", "Default"),
    ModelSnapshot("sonnet", "claude-sonnet-5", "Sonnet"),
    ModelSnapshot("haiku", "haiku", ""),
]
IDS = ["claude-opus-5", "sonnet", "claude-sonnet-5", "haiku"]


def test_models_are_listed_by_short_name_and_full_id() -> None:
    listed = list_models(OFFERED)
    assert [model["id"] for model in listed["data"]] == IDS
    assert (listed["has_more"], listed["first_id"], listed["last_id"]) == (False, IDS[0], IDS[-1])
    assert [model["display_name"] for model in listed["data"]] == ["Default", "Sonnet", "Sonnet", "haiku"]
    for model in listed["data"]:
        assert {**model, "id": "", "display_name": ""} == {
            "type": "model",
            "id": "",
            "display_name": "",
            "created_at": RELEASED,
            "lifecycle": "active",
        }


@pytest.mark.parametrize(
    ("query", "ids", "more"),
    [
        ({}, IDS, False),
        ({"limit": "2"}, IDS[:2], True),
        ({"limit": "4"}, IDS, False),
        ({"limit": "0"}, IDS[:1], True),
        ({"limit": "many"}, IDS, False),
        ({"limit": "99999"}, IDS, False),
        ({"limit": "1" * 5000}, IDS, False),
        ({"after_id": "sonnet"}, IDS[2:], False),
        ({"after_id": "sonnet", "limit": "1"}, IDS[2:3], True),
        ({"after_id": "nobody"}, IDS, False),
        ({"before_id": "haiku", "limit": "2"}, IDS[1:3], True),
        ({"before_id": "haiku"}, IDS[:3], False),
        ({"before_id": IDS[0]}, [], False),
    ],
)
def test_models_come_in_pages(query: dict[str, str], ids: list[str], more: bool) -> None:
    page = page_of(list_models(OFFERED), query)
    assert ([model["id"] for model in page["data"]], page["has_more"]) == (ids, more)
    assert (page["first_id"], page["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))
