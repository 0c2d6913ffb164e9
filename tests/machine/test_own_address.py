"""A worker never asks the bridge, whatever ANTHROPIC_BASE_URL says."""

from __future__ import annotations

import logging

import pytest

from tray_bridge.machine.own_address import is_own, without_loop


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000",
        "http://localhost:8000/v1",
        "http://LOCALHOST.:8000",
        "https://[::1]:8000/",
        "http://0.0.0.0:8000",
        "http://host.docker.internal:8000",
        "localhost:8000",
    ],
)
def test_the_bridges_own_address_is_known_in_every_form(url: str) -> None:
    assert is_own(url, [8000])


@pytest.mark.parametrize(
    "url",
    ["", "https://api.anthropic.com", "http://127.0.0.1:8001", "http://gateway.example:8000", "http://[", "http://a:b"],
)
def test_another_address_is_left_alone(url: str) -> None:
    assert not is_own(url, [8000])
    assert without_loop({"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "k"}, [8000]) == {}


def test_address_and_key_are_blanked_and_it_is_told(caplog: pytest.LogCaptureFixture) -> None:
    environ = {"ANTHROPIC_BASE_URL": "http://localhost:8000", "ANTHROPIC_AUTH_TOKEN": "secret", "PATH": "/bin"}
    with caplog.at_level(logging.WARNING):
        assert without_loop(environ, [8000]) == {"ANTHROPIC_BASE_URL": "", "ANTHROPIC_AUTH_TOKEN": ""}
    assert "ANTHROPIC_BASE_URL is http://localhost:8000, which is Tray Bridge itself" in caplog.text
    assert "secret" not in caplog.text
