"""What leaves as JSON is JSON: a number that is none is an error here, not at the client."""

from __future__ import annotations

import pytest

from tray_bridge.bridge.anthropic_messages.models import describe_model
from tray_bridge.bridge.frames import encode_json
from tray_bridge.snapshots import ModelSnapshot


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_have_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode_json({"n": number})


def test_a_model_without_a_name_of_its_own_bears_the_one_that_was_asked_for() -> None:
    assert describe_model("sonnet", ModelSnapshot("sonnet", "sonnet", ""))["display_name"] == "sonnet"
    assert describe_model("sonnet", ModelSnapshot("sonnet", "sonnet", "Sonnet 5"))["display_name"] == "Sonnet 5"
