"""Every sort of error text that the CLI gives, and what mends it. A test looks for each text in the program."""

from __future__ import annotations

import re

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
    ("rate_limit", 429, "Your org is out of usage · add funds to continue"),
    ("rate_limit", 429, "Your org is out of usage · contact your admin"),
    ("rate_limit", 429, "Your seat type doesn't include usage credits"),
    ("rate_limit", 429, "Your seat type doesn't include usage"),
    ("rate_limit", 429, "Your usage allocation has been disabled by your admin · contact your admin"),
    ("rate_limit", 429, "Your group's usage limit is set to $0"),
    ("rate_limit", 429, "Fable 5 requires usage credits"),
    ("rate_limit", 429, "This service is disabled for your org"),
    ("rate_limit", 429, "Usage is paused for your organization. For help, please contact support."),
    ("rate_limit", 429, "You've hit your individual spend limit"),
    (
        "rate_limit",
        429,
        "You've hit your team's pooled group budget. It resets Dec 1. Switch to another model to continue.",
    ),
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
    ("authentication_failed", None, "Authentication required · Sign in again to continue"),
    (
        "authentication_failed",
        None,
        "Failed to authenticate: this login reached its time limit and cannot be renewed. Run `claude auth login`",
    ),
    ("unknown", None, "API Error: Not signed in to the Cloud gateway — run /login."),
    ("unknown", None, "API Error: Cloud gateway token expired — refresh ANTHROPIC_AUTH_TOKEN and restart."),
    ("unknown", None, "API Error: Your sign-in to your organization's gateway has expired."),
    ("unknown", None, "API Error: Cloud gateway credentials are managed by the desktop app, but none are available."),
    ("unknown", None, "Anthropic profile login expired · Re-authenticate your Anthropic profile · API Error: gone"),
    ("invalid_request", 401, "Your organization's gateway refused the request · API Error: 401 bad"),
    ("invalid_request", None, "Authentication error · The gateway could not authenticate with its upstream provider"),
    ("invalid_request", None, "Your organization's gateway doesn't accept your own Anthropic sign-in."),
    ("invalid_request", None, "Nothing was sent: this session's sign-in couldn't be confirmed."),
    ("invalid_request", None, "This session belongs to another account, so nothing was sent."),
    ("authentication_failed", 403, "Your gateway refused · check with your gateway administrator · API Error: 403 No"),
    ("authentication_failed", 401, "AWS credentials expired or invalid · retry · API Error: 401 Unsigned"),
    ("authentication_failed", 403, "AWS authentication failed · check AWS permissions · API Error: 403 No"),
    ("authentication_failed", 401, "Google Cloud credentials expired or invalid · retry · API Error: 401 No"),
    (
        "authentication_failed",
        403,
        "Google Cloud authentication failed · check GCP IAM permissions · API Error: 403 No",
    ),
    ("authentication_failed", 403, "Microsoft Foundry authentication failed · check access · API Error: 403 No"),
    (
        "authentication_failed",
        403,
        "Gateway refused the request · signing in again won't change this · API Error: 403 No",
    ),
    ("authentication_failed", 401, "refresh your Foundry credential (ANTHROPIC_FOUNDRY_API_KEY) · API Error: 401 No"),
    ("verification_required", 403, "API Error: Verify who you are, then try again"),
    ("invalid_request", 400, "API Error: 400 We've updated our Consumer Terms. You must accept them."),
]
MODEL: list[Text] = [
    ("model_not_found", 404, "There's an issue with the selected model (claude-x). It may not exist."),
    ("unknown", 404, 'API Error: 404 {"error":{"type":"not_found_error","message":"model: claude-sonnet-9"}}'),
    ("unknown", 400, "API Error: 400 invalid model name"),
    ("unknown", 403, "API Error: 403 You don't have access to the model with the specified model ID."),
    ("unknown", 400, "API Error: 400 The provided model identifier is not supported."),
    ("model_not_found", 404, "The model claude-x is not available on your bedrock deployment. Ask your admin."),
    (
        "authentication_failed",
        403,
        "enable this model for your account · API Error: 403 You don't have access to the model with this ID.",
    ),
    (
        "invalid_request",
        None,
        "The server routed this response to a model that is not in your organization’s availableModels allowlist",
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
    (
        "server_error",
        None,
        "Could not refresh your login because another Claude Code process is refreshing it · /login",
    ),
    ("rate_limit", None, "Opus is experiencing high load. Switch to Sonnet."),
    ("server_error", None, "API Error: Connection lost before a response was produced. Try again."),
    ("server_error", None, "API Error: The response stream was malformed and no response was produced. Try again."),
    ("unknown", None, "API Error: The response could not be read (ZlibError). Try again."),
    ("server_error", None, "API Error: Unable to connect to API (ECONNREFUSED). Check the gateway set in NAME."),
    ("server_error", 503, "API Error: 503 The API is temporarily unavailable. This is a server-side issue"),
]
# Windows of the plan: time mends them, but no client should wait for it by itself.
WINDOW: list[Text] = [
    ("rate_limit", 429, "You've hit your session limit · resets 3pm"),
    ("rate_limit", 429, "You've hit your weekly limit · resets Mon 3pm · out of usage credits"),
    ("rate_limit", 429, "You've hit your Opus limit · resets Mon 3pm"),
    ("rate_limit", 429, "You've hit your org's monthly usage limit · resets Dec 1"),
    ("rate_limit", 429, "You've reached your usage limit"),
    ("rate_limit", 429, "You've hit your usage limit · contact your admin to increase it"),
    ("rate_limit", 429, "You're out of extra usage · resets 3pm"),
    ("rate_limit", 429, "You're out of usage credits · resets 3pm"),
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
    (UpstreamError, WINDOW),
    (InvalidRequestError, REQUEST),
    (
        CliUnavailableError,
        [
            ("invalid_request", None, "Failed to refresh OAuth token: the disk that holds it is full."),
            ("invalid_request", None, "Could not refresh your login: the disk that holds it is full"),
            ("invalid_request", None, "Could not refresh your login: can't save to the Keychain · then /login"),
            ("server_error", None, "API Error: SSL certificate verification failed (UNABLE_TO_VERIFY_LEAF_SIGNATURE)."),
            ("invalid_request", None, "Invalid auth token · Fix external auth token · it holds a line break"),
            ("invalid_request", None, "Invalid ANTHROPIC_CUSTOM_HEADERS · Fix the environment variable"),
        ],
    ),
]
# What each sort of error shows in the tray, until the next answer.
SHOWN: list[tuple[str, list[Text]]] = [
    ("degraded", [*MONEY, *PLAN]),
    ("signed_out", SIGN_IN),
    ("limited", WINDOW),
    ("ready", [*MODEL, *TIME[3:6], *REQUEST]),
]
# Words of the Messages API or of gateways, which the program only passes on.
OF_OTHERS = re.compile(
    r"^API Error: \d{3} |API usage limits|Third-party apps|long context beta|Please login again|^This organization has"
    r"|model: no access|API Error: 403 You don't have"
)


def fragments(text: str) -> list[str]:
    """The longer parts of a text between what the program fills in."""
    parts = re.split(r" · |API Error: ?|[()`:]|\. |, | — | AWS | your |claude-\S+ ", text)
    return [part.strip(" .") for part in parts if len(part.strip(" .")) > 7]
