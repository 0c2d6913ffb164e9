"""Errors sorted by what mends them (faults C2 to C6, C15): the CLI's own texts through the table, and the real CLI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.running_bridge import RunningBridge, directive
from tray_bridge.claude.account_state import AccountState
from tray_bridge.claude.failures import error_of
from tray_bridge.doctor.health import health_of
from tray_bridge.errors import (
    BillingError,
    CliUnavailableError,
    InvalidRequestError,
    ModelNotFoundError,
    PlanLimitError,
    SignedOutError,
    TrayBridgeError,
    UpstreamError,
)
from tray_bridge.snapshots import AccountSnapshot, PlanWindow

Make = Callable[..., RunningBridge]
Text = tuple[str, int | None, str]
# What the CLI says, as it stands in the program: kind, status of the Messages API, words.
MONEY: list[Text] = [
    ("billing_error", 400, "Credit balance is too low"),
    ("billing_error", None, "Credit balance is too low"),
    ("invalid_request", 400, "API Error: 400 Your credit balance is too low to access the Anthropic API."),
    ("unknown", 402, 'API Error: 402 {"type":"error","error":{"type":"billing_error","message":"Payment due"}}'),
    ("authentication_failed", None, "Claude Code tried Acme instead, but it doesn't have enough credit"),
    (
        "oauth_org_not_allowed",
        403,
        "Claude Code can't use your Claude subscription, usually because a payment is past due",
    ),
    ("unknown", 402, "API Error: 402 Insufficient credits. Add more."),
    ("invalid_request", 400, "API Error: 400 ExceededBudget: Budget has been exceeded! Current cost: 3"),
    ("rate_limit", 429, "API Error: 429 You exceeded your current quota, please check your plan and billing details."),
]
PLAN: list[Text] = [
    ("rate_limit", 429, "API Error: Usage credits required for 1M context · run /usage-credits to turn them on"),
    ("rate_limit", 429, "API Error: Request rejected (429) · Extra usage is required for long context requests."),
    ("unknown", None, "API Error: Usage credits ran out before the response was finished."),
    ("rate_limit", 429, "You've hit your monthly spend limit."),
    ("rate_limit", 429, "You've hit your channel's monthly spend limit."),
    ("rate_limit", 429, "spend limit reached · resets Dec 1"),
    ("rate_limit", 429, "You're out of usage credits. /model to switch models."),
    ("rate_limit", 429, "Opus requires usage credits. /model to switch models."),
    ("invalid_request", 400, "You have reached your specified API usage limits."),
    ("invalid_request", 400, "Third-party apps now draw from your extra usage, not your plan limits."),
    ("invalid_request", 400, "Claude Opus is not available with the Claude Pro plan."),
    ("invalid_request", 400, "Auto mode is unavailable for your plan"),
    ("invalid_request", 400, "The long context beta is not yet available for this subscription."),
    ("rate_limit", None, "Claude stopped here because Opus now requires usage credits. Switch models."),
]
SIGN_IN: list[Text] = [
    ("authentication_failed", None, "Not logged in · Please run /login"),
    ("authentication_failed", 401, "Failed to authenticate. API Error: 401 Invalid bearer token"),
    ("authentication_failed", 401, "Invalid API key · Fix external API key"),
    ("authentication_failed", 403, "API Error: 403 OAuth token has been revoked. Please obtain a new token."),
    ("authentication_failed", 401, "API Error: 401 OAuth access token has been revoked."),
    ("authentication_failed", None, "OAuth token revoked · Please run /login"),
    ("authentication_failed", None, "Failed to authenticate: OAuth session expired and could not be refreshed"),
    ("authentication_failed", None, "Failed to authenticate: your claude.ai login expired."),
    ("oauth_org_not_allowed", 403, "Your account does not have access to Claude. Please login again"),
    ("authentication_failed", 403, "OAuth authentication is currently not allowed for this organization."),
    ("invalid_request", 400, "This organization has been disabled."),
    ("account_on_hold", 403, "Your account is on hold."),
    ("authentication_failed", 403, "refresh your AWS credentials (SSO sign-in, access keys) and retry"),
    ("cloud_credential_error", None, "API Error: Could not load AWS credentials"),
    ("invalid_request", 401, "Your apiKeyHelper script is failing · This usually means you need to re-authenticate"),
    ("invalid_request", 403, "Your organization has disabled API key authentication · Unset ANTHROPIC_API_KEY"),
    ("invalid_request", 400, "Your ANTHROPIC_API_KEY belongs to a disabled organization · Update or unset it"),
    ("oauth_org_not_allowed", 403, "Your organization has disabled Claude subscription access for Claude Code"),
    ("authentication_failed", None, "Login reached its time limit · Please run /login"),
    ("invalid_request", None, "Login expired · Run /login to sign in again, or re-authenticate your profile"),
    ("authentication_failed", 403, "API Error: 403 Your account does not have access to Claude Code."),
    ("invalid_request", 400, "API Error: 400 This credential is only authorized for use with Claude Code and no other"),
    ("unknown", 403, "API Error: 403 Your account has been disabled."),
]
MODEL: list[Text] = [
    ("model_not_found", 404, "There's an issue with the selected model (claude-x). It may not exist."),
    ("unknown", 404, 'API Error: 404 {"error":{"type":"not_found_error","message":"model: claude-sonnet-9"}}'),
    ("unknown", 400, "API Error: 400 invalid model name"),
    ("unknown", 403, "API Error: 403 You don't have access to the model with the specified model ID."),
    ("unknown", 400, "API Error: 400 The provided model identifier is not supported."),
    (
        "invalid_request",
        None,
        "routed to a model that is not in your availableModels allowlist; discarded",
    ),
    ("authentication_failed", 403, 'API Error: 403 {"error":{"type":"permission_error","message":"model: no access"}}'),
]
TIME: list[Text] = [
    ("rate_limit", 429, "API Error: Request rejected (429) · this may be a temporary capacity issue."),
    ("rate_limit", 429, "You've hit your session limit · resets 3pm · /extra-usage to keep going"),
    ("rate_limit", None, "You've hit your limit · resets 3pm"),
    ("server_error", 529, "API Error: Repeated 529 Overloaded errors. The API is at capacity."),
    ("server_error", 500, "API Error: 500 Internal server error. This is a server-side issue"),
    ("server_error", None, "API Error: Connection to the API was lost (ECONNRESET). This is usually temporary"),
    ("rate_limit", None, "Opus is experiencing high load, please use /model to switch to Sonnet"),
    ("rate_limit", 429, "API Error: Server is temporarily limiting requests (not your usage limit)"),
    ("rate_limit", 429, "API Error: 429 This request would exceed the rate limit of 30,000 input tokens per minute."),
    ("authentication_failed", None, "Authentication error · This may be a temporary network issue, please try again"),
    ("server_error", None, "API Error: Your computer went to sleep before a response was produced. Try again."),
    ("server_error", None, "Failed to refresh OAuth token: another Claude Code process is refreshing it"),
]
REQUEST: list[Text] = [
    ("invalid_request", None, "Image was too large. Double press esc to go back and try again with a smaller image."),
    ("invalid_request", None, "PDF too large. Please double press esc to edit your message and try again."),
]
SORTS: list[tuple[type[TrayBridgeError], list[Text]]] = [
    (BillingError, MONEY),
    (PlanLimitError, PLAN),
    (SignedOutError, SIGN_IN),
    (ModelNotFoundError, MODEL),
    (UpstreamError, TIME),
    (InvalidRequestError, REQUEST),
    (
        CliUnavailableError,
        [
            ("invalid_request", None, "Failed to refresh OAuth token: the disk that holds it is full."),
            ("invalid_request", None, "Invalid auth token · Fix external auth token · it holds a line break"),
            ("invalid_request", None, "Invalid ANTHROPIC_CUSTOM_HEADERS · Fix the environment variable"),
        ],
    ),
]


@pytest.mark.parametrize(("kind", "said"), [(kind, said) for kind, texts in SORTS for said in texts])
def test_c4_each_text_of_the_cli_is_sorted_by_what_mends_it(kind: type[TrayBridgeError], said: Text) -> None:
    error = error_of(*said)
    assert type(error) is kind
    assert ".." not in str(error)


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


def test_c5_a_revoked_sign_in_is_seen_by_client_and_tray_until_one_works(
    make_bridge: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-revoked")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    bridge = make_bridge(pool_size=1)
    message = "OAuth token has been revoked. Please obtain a new token."
    error = refused(bridge, status=403, type="permission_error", message=message)
    assert code_and_retry(error) == ("not_signed_in", "false")
    assert error.status_code == 401 and ".." not in error.message
    bridge.wait_for(lambda s: s.account.signed_in is False)
    answered(bridge)
    bridge.wait_for(lambda s: s.account.signed_in is True)


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


OVERAGE = {
    "anthropic-ratelimit-unified-status": "rejected",
    "anthropic-ratelimit-unified-5h-status": "rejected",
    "anthropic-ratelimit-unified-5h-reset": "4102444800",
    "anthropic-ratelimit-unified-5h-utilization": "1.0",
    "anthropic-ratelimit-unified-reset": "4102444800",
    "anthropic-ratelimit-unified-representative-claim": "five_hour",
    "anthropic-ratelimit-unified-overage-status": "allowed",
}


def test_c15_extra_usage_that_pays_is_told(make_bridge: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-fine")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    bridge = make_bridge(pool_size=1)
    answered(bridge, headers=OVERAGE)
    account = bridge.wait_for(lambda s: s.account.windows, 10).account
    assert [(window.name, window.status) for window in account.windows] == [("five_hour", "extra_usage")]
