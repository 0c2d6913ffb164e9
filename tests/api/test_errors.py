"""Each error's status, shape and headers; and what the openai client makes of them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from tests.api.live_server import serve
from tray_bridge import errors
from tray_bridge.api.errors import TABLE, CatchUnexpected, add_error_handlers, error_response
from tray_bridge.api.stamp import StampMiddleware
from tray_bridge.bridge.all_dialects import DIALECTS
from tray_bridge.bridge.dialect import Dialect
from tray_bridge.errors import QueueFullError, TrayBridgeError, UpstreamError

SCOPE = {"type": "http", "path": "/v1/chat/completions", "headers": []}


def children(cls: type[TrayBridgeError]) -> set[type[TrayBridgeError]]:
    found = {cls}
    for child in cls.__subclasses__():
        if child.__module__ == errors.__name__:
            found |= children(child)
    return found


def test_every_error_that_a_request_can_meet_is_in_the_table() -> None:
    no_row = {"PortTakenError", "SettingsError", "BridgeUnreachableError", "UpstreamError"}
    assert {cls.__name__ for cls in children(TrayBridgeError) - set(TABLE)} <= no_row


@pytest.mark.parametrize(
    ("error", "status", "code", "retry"),
    [
        (errors.InvalidRequestError("No messages.", param="messages"), 400, None, "false"),
        (errors.InvalidRequestError("Bad.", code="bad_thing"), 400, "bad_thing", "false"),
        (errors.ModelNotFoundError("No such model.", param="model"), 404, "model_not_found", "false"),
        (errors.RequestTooLargeError("Too large."), 413, "request_too_large", "false"),
        (errors.SignedOutError("Signed out."), 401, "not_signed_in", "false"),
        (errors.SessionLostError("Gone."), 502, "session_lost", "true"),
        (errors.CliUnavailableError("Missing."), 503, "cli_unavailable", "false"),
        (errors.TurnTimeoutError("Late."), 504, "timeout", "false"),
        (errors.ServerStoppingError("Stopping."), 503, "server_stopping", "true"),
        (errors.ServerPausedError("Paused."), 503, "server_paused", "true"),
        (errors.OutputSchemaError("Wrong.", param="text.format.schema"), 400, "invalid_schema", "false"),
        (errors.RequestCancelledError("Cancelled."), 499, "request_cancelled", "false"),
        (UpstreamError("Bad.", status=400), 400, None, "false"),
        (UpstreamError("Bad.", status=401), 401, "upstream_authentication", "false"),
        (UpstreamError("Bad.", status=403), 403, "upstream_permission", "false"),
        (UpstreamError("Bad.", status=404), 404, None, "false"),
        (UpstreamError("Bad.", status=413), 413, "request_too_large", "false"),
        (UpstreamError("Bad.", status=429), 429, "rate_limit_exceeded", "true"),
        (UpstreamError("Bad.", status=429, retry_after=3600), 429, "rate_limit_exceeded", "false"),
        (UpstreamError("Bad.", status=500), 500, "upstream_error", "true"),
        (UpstreamError("Bad.", status=529, code="busy"), 529, "busy", "true"),
        (UpstreamError("Bad.", status=0), 502, "upstream_error", "true"),
        (RuntimeError("a secret detail"), 500, "internal_error", "true"),
    ],
)
def test_an_error_becomes_its_status_code_and_advice(
    error: Exception, status: int, code: str | None, retry: str
) -> None:
    answer = error_response(error, SCOPE)
    assert answer.status_code == status
    assert answer.headers["x-should-retry"] == retry
    body = json.loads(bytes(answer.body))["error"]
    assert body["code"] == code
    assert body["param"] == getattr(error, "param", None)
    assert isinstance(body["message"], str)
    assert isinstance(body["type"], str)
    assert "secret" not in body["message"]


@pytest.mark.parametrize(
    ("error", "seconds", "milliseconds"),
    [
        (QueueFullError("Busy.", retry_after=0.2), "1", "200"),
        (QueueFullError("Busy.", retry_after=-3), "0", "0"),
        (UpstreamError("Busy.", status=429, retry_after=7.01), "8", "7010"),
        (UpstreamError("Busy.", status=529), "5", "5000"),
        (UpstreamError("Bad.", status=400), None, None),
    ],
)
def test_a_wait_is_told_in_whole_seconds_and_in_milliseconds(
    error: Exception, seconds: str | None, milliseconds: str | None
) -> None:
    headers = error_response(error, SCOPE).headers
    assert headers.get("retry-after") == seconds
    assert headers.get("retry-after-ms") == milliseconds


SHAPES: dict[str, tuple[str, ...]] = {
    "openai_chat": ("error", "error.message", "error.type", "error.param", "error.code"),
    "anthropic_messages": ("type", "error", "error.type", "error.message", "request_id"),
    "ollama": ("error",),
}
SHAPES |= dict.fromkeys(("openai_responses", "openai_completions"), SHAPES["openai_chat"])


@pytest.mark.parametrize("dialect", DIALECTS, ids=[dialect.name for dialect in DIALECTS])
async def test_an_unexpected_error_is_a_plain_500_in_the_dialect_of_its_path(dialect: Dialect) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("a secret detail")

    async with (
        serve(StampMiddleware(CatchUnexpected(broken))) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        for path in dialect.paths:
            answer = await client.post(path, json={})
            body = answer.json()
            inner = body["error"] if isinstance(body.get("error"), dict) else {}
            assert (answer.status_code, answer.headers["x-should-retry"]) == (500, "true")
            assert {*body, *(f"error.{name}" for name in inner)} == set(SHAPES[dialect.name])
            assert "Internal error in Tray Bridge" in answer.text
            assert "secret" not in answer.text
            assert answer.headers["x-request-id"].startswith("req_")


def failing_app(calls: list[float]) -> FastAPI:
    app = FastAPI()
    app.add_middleware(CatchUnexpected)
    add_error_handlers(app)

    @app.get("/v1/models")
    async def models(kind: str = "", limit: int = 1) -> dict[str, Any]:
        calls.append(asyncio.get_running_loop().time())
        if kind == "busy":
            raise QueueFullError("Busy.", retry_after=0.3)
        if kind == "long":
            raise UpstreamError("The plan's limit is reached.", status=429, retry_after=900)
        if kind == "broken":
            raise RuntimeError("a secret detail")
        return {}

    return app


async def test_routes_and_parameters_that_do_not_fit_are_told_in_openais_shape() -> None:
    async with (
        serve(failing_app([])) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        missing = (await client.get("/v1/nothing")).json()["error"]
        assert missing["code"] == "unknown_url"
        assert "GET /v1/models" in missing["message"]
        for typed, meant in (("/dashbord", "/dashboard"), ("/model", "/v1/models")):
            assert f" Did you mean {meant}? " in (await client.get(typed)).json()["error"]["message"]
        wrong = await client.post("/v1/models")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
        assert wrong.json()["error"]["code"] == "method_not_allowed"
        bad = await client.get("/v1/models?limit=many")
        assert (bad.status_code, bad.json()["error"]["param"]) == (400, "limit")
        broken = await client.get("/v1/models?kind=broken")
        assert broken.status_code == 500
        assert "secret" not in broken.text


async def test_the_openai_client_retries_after_a_short_wait_and_not_after_a_long_one() -> None:
    calls: list[float] = []
    async with (
        serve(failing_app(calls)) as port,
        openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="x", max_retries=1) as client,
    ):
        with pytest.raises(openai.RateLimitError):
            await client.models.list(extra_query={"kind": "busy"})
        assert len(calls) == 2
        assert 0.25 < calls[1] - calls[0] < 2
        with pytest.raises(openai.RateLimitError, match="limit is reached"):
            await client.models.list(extra_query={"kind": "long"})
        assert len(calls) == 3
