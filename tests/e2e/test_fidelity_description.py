"""The app's OpenAPI description holds: what schemathesis makes of it is answered as described, and never by a 500."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.running_bridge import RunningBridge
from tray_bridge.bridge.all_dialects import DIALECTS
from tray_bridge.bridge.dialect import Failure
from tray_bridge.bridge.openai_chat.parameters import PARAMETERS

CHECKS = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
SLOW = list(HealthCheck)
# `/api/v1` is the same once more.
OPERATIONS = {
    "/v1/chat/completions": "POST",
    "/v1/models": "GET",
    "/v1/models/{model_id}": "GET",
    "/health": "GET",
    "/status": "GET",
}


@pytest.fixture(scope="module")
def description(shared_bridge: RunningBridge) -> Any:
    import schemathesis  # here, as each process of a run imports this file

    return schemathesis.openapi.from_url(f"{shared_bridge.url}/openapi.json")


SHAPES = {path: dialect for dialect in DIALECTS for path in dialect.paths}
OTHERS = [path for path in SHAPES if not path.startswith(("/api/v1/", "/v1/v1/")) and path not in OPERATIONS]


def check(description: Any, path: str, data: st.DataObject) -> None:
    from schemathesis.specs.openapi import checks

    case = data.draw(description[path][OPERATIONS.get(path, "POST")].as_strategy())
    response = case.call(timeout=60)
    assert response.status_code != 500, response.text
    if response.status_code >= 400:
        failure = Failure(response.status_code, "invalid_request", "Wrong.", request_id="req_1")
        shape = SHAPES.get(path, DIALECTS[0]).error(failure)
        assert set(response.json()) == set(shape)
        if isinstance(shape["error"], dict):
            # Anthropic's errors have details beside, where there is a code for them.
            assert set(response.json()["error"]) - {"details"} == set(shape["error"]) - {"details"}
    case.validate_response(response, checks=[getattr(checks, name) for name in CHECKS])


@pytest.mark.timeout(240)
@pytest.mark.parametrize("path", OPERATIONS)
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(data=st.data())
def test_made_up_requests_are_answered_as_described(description: Any, path: str, data: st.DataObject) -> None:
    check(description, path, data)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("path", OTHERS)
@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(data=st.data())
def test_made_up_requests_in_other_dialects_are_answered_as_described(
    description: Any, path: str, data: st.DataObject
) -> None:
    check(description, path, data)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("path", [*OPERATIONS, *OTHERS])
@settings(max_examples=1000, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_many_made_up_requests_are_answered_as_described(description: Any, path: str, data: st.DataObject) -> None:
    check(description, path, data)


def test_the_description_leaves_no_endpoint_out(description: Any) -> None:
    described = set(description.raw_schema["paths"])
    assert {*OPERATIONS, *SHAPES} <= described
    assert not {path for path in described if path.startswith(("/dashboard", "/owner"))}


def test_every_parameter_that_is_taken_is_described(description: Any) -> None:
    body = description["/v1/chat/completions"]["POST"].definition.raw["requestBody"]
    described = body["content"]["application/json"]["schema"]["properties"]
    assert set(described) == {p.name for p in PARAMETERS if p.treatment != "refused"}
    assert all(described[p.name]["description"] == p.note for p in PARAMETERS if p.name in described)
