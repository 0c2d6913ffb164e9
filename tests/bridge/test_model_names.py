"""Whatever name a client has for a model, it gets the best that the account offers under it."""

from __future__ import annotations

import re

import pytest

from tray_bridge.bridge.model_names import resolve_model
from tray_bridge.errors import ModelNotFoundError
from tray_bridge.snapshots import ModelSnapshot

OFFERED = (
    ModelSnapshot("default", "claude-opus-4-6", "Default"),
    ModelSnapshot("opus", "claude-opus-4-6", "Opus"),
    ModelSnapshot("sonnet", "claude-sonnet-4-6", "Sonnet"),
    ModelSnapshot("sonnet[1m]", "claude-sonnet-4-6[1m]", "Sonnet, long context"),
    ModelSnapshot("claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929", "Sonnet 4.5"),
    ModelSnapshot("haiku", "claude-haiku-4-5-20251001", "Haiku"),
    ModelSnapshot("fable", "claude-fable-5", "Fable"),
)
ALIASES = {"gpt-4o": "sonnet", "gpt-4o-mini": "haiku", "o3": "claude-opus-4-6", "sonnet-old": "sonnet"}


@pytest.mark.parametrize(
    ("requested", "value"),
    [
        ("opus", "opus"),
        ("Sonnet", "sonnet"),
        (" haiku ", "haiku"),
        ("fable", "fable"),
        ("claude-fable", "fable"),
        ("claude-opus", "opus"),
        ("claude-sonnet-4-6", "sonnet"),
        ("claude-sonnet-4.6", "sonnet"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929"),
        ("claude-sonnet-4.5", "claude-sonnet-4-5-20250929"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("claude-sonnet-4", "sonnet"),
        ("claude-sonnet-4-6-20260101", "sonnet"),
        ("claude-haiku-4-5-20251001", "haiku"),
        ("claude-3-sonnet", "sonnet"),
        ("claude-3.5-sonnet", "sonnet"),
        ("claude-3-5-sonnet-20241022", "sonnet"),
        ("claude-3-5-sonnet-latest", "sonnet"),
        ("claude-3.7-sonnet:thinking", "sonnet"),
        ("claude-3-opus@20240229", "opus"),
        ("claude-sonnet-latest", "sonnet"),
        ("sonnet[1m]", "sonnet[1m]"),
        ("claude-sonnet-4-6[1m]", "sonnet[1m]"),
        ("claude-sonnet-4.6[1m]", "sonnet[1m]"),
        ("opus[1m]", "opus"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5-20250929"),
        ("anthropic/claude-3.5-haiku", "haiku"),
        ("openrouter/anthropic/claude-opus-4", "opus"),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "sonnet"),
        ("vertex_ai/claude-opus-4@20250514", "opus"),
        ("gpt-4o", "sonnet"),
        ("GPT-4o", "sonnet"),
        ("openai/gpt-4o-mini", "haiku"),
        ("o3", "opus"),
        ("sonnet-old", "sonnet"),
        ("", "haiku"),
        ("default", "haiku"),
        ("claude", "haiku"),
        ("claude-latest", "haiku"),
        ("claude-3", "haiku"),
    ],
)
def test_a_name_means_the_best_offered_model(requested: str, value: str) -> None:
    assert resolve_model(requested, OFFERED, ALIASES, "haiku") == value


@pytest.mark.parametrize("requested", ["gpt-9", "sonnetto", "gpt-sonnet", "llama-3", "claude-instant", "4", "\ud800"])
def test_an_unknown_name_is_told_with_what_exists(requested: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        resolve_model(requested, OFFERED, ALIASES, "sonnet")
    assert (caught.value.param, caught.value.code) == ("model", "model_not_found")
    assert "Offered are: default, opus, sonnet, " in caught.value.message
    caught.value.message.encode()


def test_an_unknown_name_is_quoted_up_to_80_characters_as_plain_ascii() -> None:
    for requested, quoted in (("é" * 2, r"\xe9\xe9"), ("x" * 80, "x" * 80), ("y" * 81, "y" * 80)):
        with pytest.raises(ModelNotFoundError, match=r"The model `" + re.escape(quoted) + "` does not exist"):
            resolve_model(requested, OFFERED, ALIASES, "sonnet")


def test_an_alias_wins_over_a_name_that_exists() -> None:
    assert resolve_model("opus", OFFERED, {"opus": "haiku"}, "sonnet") == "haiku"
    assert resolve_model("default", OFFERED, {"default": "opus"}, "sonnet") == "opus"


def test_an_alias_to_nothing_is_an_unknown_model() -> None:
    with pytest.raises(ModelNotFoundError):
        resolve_model("gpt-4o", OFFERED, {"gpt-4o": "gpt-9"}, "sonnet")


def test_the_default_may_be_the_accounts_own_or_an_alias() -> None:
    assert resolve_model("", OFFERED, ALIASES, "default") == "default"
    assert resolve_model("", OFFERED, ALIASES, "gpt-4o") == "sonnet"


@pytest.mark.parametrize("requested", ["opus", "sonnet", "haiku", "claude-3.5-haiku", "gpt-4o"])
def test_until_the_account_is_known_the_three_families_are_offered(requested: str) -> None:
    assert resolve_model(requested, (), ALIASES, "sonnet") in {"opus", "sonnet", "haiku"}


def test_a_family_that_the_account_lacks_is_not_replaced_by_another() -> None:
    with pytest.raises(ModelNotFoundError, match="haiku"):
        resolve_model("opus", (ModelSnapshot("haiku", "claude-haiku-4-5", "Haiku"),), {}, "haiku")


def test_an_account_with_only_a_default_still_serves_its_family() -> None:
    only = (ModelSnapshot("default", "claude-sonnet-4-6", "Default"),)
    assert resolve_model("sonnet", only, {}, "sonnet") == "default"
