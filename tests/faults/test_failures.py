"""Errors sorted by what mends them (faults C2 to C6, C15): the CLI's own texts through the table, and the real CLI."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import openai
import pytest

from tests.faults.error_texts import SHOWN, SORTS, WINDOW, Text
from tests.running_bridge import RunningBridge, directive, running_bridge
from tray_bridge.api.errors import error_response
from tray_bridge.api.in_flight import InFlight
from tray_bridge.claude.account_state import AccountState
from tray_bridge.claude.failures import error_of
from tray_bridge.doctor.health import health_of
from tray_bridge.errors import (
    InvalidRequestError,
    ModelNotFoundError,
    SignedOutError,
    TrayBridgeError,
    UpstreamError,
)
from tray_bridge.snapshots import AccountSnapshot, PlanWindow, ServerSnapshot
from tray_bridge.standin import StandIn


@pytest.mark.parametrize(("kind", "said"), [(kind, said) for kind, texts in SORTS for said in texts])
def test_c4_each_text_of_the_cli_is_sorted_by_what_mends_it(kind: type[TrayBridgeError], said: Text) -> None:
    error = error_of(*said)
    assert type(error) is kind
    assert ".." not in str(error)


def retry_headers(error: TrayBridgeError) -> Mapping[str, str]:
    """What clients' libraries read of this error."""
    return error_response(error, {"type": "http", "path": "/v1/chat/completions", "headers": []}).headers


@pytest.mark.parametrize("said", WINDOW)
def test_c2_a_window_of_the_plan_is_not_waited_for_by_a_library(said: Text) -> None:
    headers = retry_headers(error_of(*said))
    assert headers["x-should-retry"] == "false" and int(headers["retry-after"]) > 60
    ends_soon = retry_headers(error_of(*said, wait=20))
    assert ends_soon["x-should-retry"] == "true" and ends_soon["retry-after"] == "20"


@pytest.mark.parametrize(("word", "said"), [(word, said) for word, texts in SHOWN for said in texts])
async def test_c3_each_text_changes_what_the_tray_shows_and_an_answer_clears_it(word: str, said: Text) -> None:
    state, in_flight = AccountState(lambda: None), InFlight(lambda: None)
    error = error_of(*said)
    state.failed(error)
    with pytest.raises(type(error)), in_flight.enter("req_1", "client", streamed=False):
        raise error

    def shown() -> str:
        account = state.account
        return health_of(ServerSnapshot(state="ready", account=account, trouble=in_flight.trouble)).word

    assert shown() == word
    state.answered()
    with in_flight.enter("req_2", "client", streamed=False):
        pass
    assert shown() == "ready"


@pytest.mark.parametrize("words", ["Prompt is too long", "This message is too long to send, so Claude didn't get it."])
def test_c4_a_prompt_that_is_too_long_has_its_own_code(words: str) -> None:
    error = error_of("invalid_request", 400, words)
    assert isinstance(error, UpstreamError) and error.code == "context_length_exceeded"


def refused(bridge: RunningBridge, **error: Any) -> openai.APIStatusError:
    question = directive(error=error)
    with pytest.raises(openai.APIStatusError) as caught:
        bridge.client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": question}])
    return caught.value


def code_and_retry(error: openai.APIStatusError) -> tuple[object, str]:
    body: Any = error.body
    return body["code"], error.response.headers["x-should-retry"]


def answered(bridge: RunningBridge, **spec: Any) -> None:
    question = directive(text="ok", **spec)
    bridge.client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": question}])


LONG_CONTEXT = {
    "status": 429,
    "type": "rate_limit_error",
    "message": "Extra usage is required for long context requests.",
}


def test_c2_a_limit_that_time_does_not_mend_is_not_retried(bridge: RunningBridge) -> None:
    error = refused(bridge, **LONG_CONTEXT)
    assert code_and_retry(error) == ("insufficient_quota", "false")
    assert "retry-after" not in error.response.headers


def test_c3_a_limit_leaves_nothing_in_the_plans_windows(bridge: RunningBridge) -> None:
    refused(bridge, **LONG_CONTEXT)
    answered(bridge)
    assert [w for w in bridge.snapshot().account.windows if w.status == "rejected"] == []


@pytest.mark.parametrize(
    "error",
    [
        {
            "status": 400,
            "type": "invalid_request_error",
            "message": "Your credit balance is too low to access the Anthropic API. Go to Plans & Billing.",
        },
        {"status": 402, "type": "billing_error", "message": "There is an issue with your billing."},
        {
            "status": 400,
            "type": "invalid_request_error",
            "message": "Third-party apps now draw from your extra usage, not your plan limits. Add more to go on.",
        },
    ],
)
def test_c4_what_money_mends_is_insufficient_quota(bridge: RunningBridge, error: dict[str, Any]) -> None:
    assert code_and_retry(refused(bridge, **error)) == ("insufficient_quota", "false")


def test_c5_the_account_is_signed_out_after_a_refusal_until_an_answer_comes() -> None:
    changes: list[bool | None] = []
    state = AccountState(lambda: changes.append(state.account.signed_in))
    state.greeted(AccountSnapshot(signed_in=True))
    state.failed(SignedOutError("The token was revoked."))
    state.greeted(AccountSnapshot(signed_in=True))  # of a token that the CLI has not tried
    assert state.account.signed_in is False
    state.answered()
    assert state.account.signed_in is True and changes == [False, True]


def test_c3_a_limit_of_all_models_is_gone_with_the_next_answer() -> None:
    state = AccountState(lambda: None)
    state.note_window(PlanWindow("plan", None, None, "rejected"))
    assert not state.account.windows
    state.note_window(PlanWindow("five_hour", 1.0, 4e9, "rejected"))
    state.note_window(PlanWindow("seven_day_opus", 1.0, 4e9, "rejected"))
    state.answered()
    assert [window.name for window in state.account.windows] == ["seven_day_opus"]


def test_a_window_of_the_plan_says_when_it_was_reported() -> None:
    state, before = AccountState(lambda: None), time.time()
    state.note_window(PlanWindow("five_hour", 0.4, 4e9, "allowed"))
    (window,) = state.account.windows
    assert window.told_at is not None and before <= window.told_at <= time.time()


SEEN = {
    "credit": ({"status": 402, "type": "billing_error", "message": "There is an issue with your billing."}, "degraded"),
    "plan": (LONG_CONTEXT, "degraded"),
    "a limit": ({"status": 429, "type": "rate_limit_error", "message": "Slow", "retry_after": 600}, "limited"),
    "organisation": (
        {"status": 403, "type": "permission_error", "message": "Your account has been disabled."},
        "signed_out",
    ),
}


@pytest.mark.parametrize("sort", SEEN)
def test_c3_what_keeps_the_account_from_answers_is_shown_until_one_comes(bridge: RunningBridge, sort: str) -> None:
    error, shown = SEEN[sort]
    refused(bridge, **error)
    bridge.wait_for(lambda s: health_of(s).word == shown)
    answered(bridge)
    bridge.wait_for(lambda s: health_of(s).word in ("ready", "busy"))
    assert not [window for window in bridge.snapshot().account.windows if window.status == "rejected"]


def test_c6_a_model_that_upstream_does_not_know_is_model_not_found(bridge: RunningBridge) -> None:
    error = refused(bridge, status=404, type="not_found_error", message="model: claude-sonnet-9")
    assert (error.status_code, *code_and_retry(error)) == (404, "model_not_found", "false")
    assert "claude-sonnet-9" in error.message or "model" in error.message


@pytest.mark.parametrize("what", ["image", "document"])
def test_c19_a_picture_that_claude_cannot_read_is_told_without_the_clis_advice(what: str) -> None:
    said = f"an {what} in the conversation could not be processed and was removed. Re-read the file with another one."
    error = error_of("invalid_request", 400, said)
    assert (
        isinstance(error, InvalidRequestError) and "Re-read" not in str(error) and "another format" in str(error.hint)
    )


def test_c19_a_request_that_is_too_large_is_told_without_the_clis_advice() -> None:
    said = "Request too large (max 32MB). Accumulated images pushed it over the limit. Remove older images or compact."
    error = error_of("invalid_request", 413, said)
    assert isinstance(error, UpstreamError) and error.status == 413 and "compact" not in f"{error} {error.hint}"


@pytest.mark.parametrize(
    "said", ["OAuth token does not meet scope requirement user:inference", "This API key was revoked"]
)
def test_c5_a_403_that_a_new_sign_in_mends_says_so(said: str) -> None:
    assert isinstance(error_of("unknown", 403, f"API Error: 403 {said}"), SignedOutError)


def test_c6_a_model_that_the_organization_may_not_use_is_not_offered() -> None:
    said = "API Error: 403 Access to this model is not allowed for your organization"
    assert isinstance(error_of("unknown", 403, said), ModelNotFoundError)


# At the end of the file: a process that another bridge started meanwhile would have this token, too.
OVERAGE = {
    "anthropic-ratelimit-unified-status": "rejected",
    "anthropic-ratelimit-unified-5h-status": "rejected",
    "anthropic-ratelimit-unified-5h-reset": "4102444800",
    "anthropic-ratelimit-unified-5h-utilization": "1.0",
    "anthropic-ratelimit-unified-reset": "4102444800",
    "anthropic-ratelimit-unified-representative-claim": "five_hour",
    "anthropic-ratelimit-unified-overage-status": "allowed",
}


@pytest.fixture(scope="module")
def signed_in(running_standin: StandIn) -> Iterator[RunningBridge]:
    """A bridge that is signed in by a token of a plan."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-fine")
        patch.delenv("ANTHROPIC_API_KEY")
        with running_bridge(running_standin) as running:
            yield running


def test_c15_extra_usage_that_pays_is_told(signed_in: RunningBridge) -> None:
    answered(signed_in, headers=OVERAGE)
    account = signed_in.wait_for(lambda s: s.account.windows).account
    assert [(window.name, window.status) for window in account.windows] == [("five_hour", "extra_usage")]
    assert time.time() - (account.windows[0].told_at or 0) < 60  # when the CLI reported it


def test_c5_a_revoked_sign_in_is_seen_by_client_and_tray_until_one_works(signed_in: RunningBridge) -> None:
    bridge = signed_in
    message = "OAuth token has been revoked. Please obtain a new token."
    error = refused(bridge, status=403, type="permission_error", message=message)
    assert code_and_retry(error) == ("not_signed_in", "false")
    assert error.status_code == 401 and ".." not in error.message
    bridge.wait_for(lambda s: s.account.signed_in is False)
    answered(bridge)
    bridge.wait_for(lambda s: s.account.signed_in is True)
