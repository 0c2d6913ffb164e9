"""Base URLs with and without `/v1`: what they mean."""

from __future__ import annotations

import pytest

from tray_bridge.api.paths import meant_path


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/responses", "/v1/responses"),
        ("/responses/resp_1/input_items", "/v1/responses/resp_1/input_items"),
        ("/completions", "/v1/completions"),
        ("/messages/count_tokens", "/v1/messages/count_tokens"),
        ("/models/sonnet/", "/v1/models/sonnet"),
        ("/v1/v1/v1/messages", "/v1/messages"),
        ("/v1/api/chat", "/api/chat"),
        ("//v1//models", "/v1/models"),
        ("http://localhost:8000/v1/models", "/v1/models"),
        ("/openai/deployments/gpt-4o/chat/completions", "/v1/chat/completions"),
        ("/openai/v1/responses", "/v1/responses"),
        ("/openai/deployments", "/openai/deployments"),
        ("/api/v1/models", "/api/v1/models"),
        ("/modelsx", "/modelsx"),
        ("/dashboard/models", "/dashboard/models"),
        ("/", "/"),
    ],
)
def test_what_a_path_means(asked: str, meant: str) -> None:
    assert meant_path(asked) == meant
