"""The errors that the CLI reports → `TrayBridgeError`s, sorted by what a person can do about them.

Pure. The CLI reports an error's kind (`error` of an assistant message that it writes itself), the HTTP status of the
Messages API, and a sentence, its own or the API's. A row of `ROWS` matches on these; the first that matches counts.
`tests/faults/test_failures.py` asks for every row.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import (
    BillingError,
    CliUnavailableError,
    InvalidRequestError,
    ModelNotFoundError,
    PlanLimitError,
    SignedOutError,
    TrayBridgeError,
    TurnTimeoutError,
    UpstreamError,
)

_OTHER_SIGN_IN = "Sign in with an account that may use Claude Code, then try again."
_OTHER_CREDENTIALS = "Renew the credentials of this provider, then try again."
_SAYS_NO_MORE = frozenset({"", "Not logged in", "Please run /login"})
_NOTHING_BUT_SIGN_IN = frozenset({"", "Failed to authenticate", "Please run /login"})
ASSUMED_RETRY_WAIT = 60.0  # seconds, for a limit whose end is not reported
ASSUMED_WINDOW_WAIT = (
    300.0  # the same for a window of the plan: longer than clients' libraries should wait by themselves
)


@dataclass(frozen=True, slots=True)
class Report:
    """The CLI's report of one failure. `kind` and `text` may be empty, `status` None; `wait` is in seconds.

    `text` is for a person, `whole` is all that the CLI wrote.
    """

    kind: str
    status: int | None
    text: str
    whole: str
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One sort of failure: all of `kinds`, `statuses` and `words` that are given must match."""

    make: Callable[[Report], TrayBridgeError]
    words: str = ""
    kinds: frozenset[str] = frozenset()
    statuses: frozenset[int | None] = frozenset()

    def fits(self, report: Report) -> bool:
        """Return whether the row matches a report."""
        return (
            (not self.kinds or report.kind in self.kinds)
            and (not self.statuses or report.status in self.statuses)
            and (not self.words or re.search(self.words, report.whole, re.IGNORECASE) is not None)
        )


def error_of(kind: str, status: Any, text: str, wait: float | None = None) -> TrayBridgeError:
    """Make the error of a report; one that matches no row becomes an UpstreamError with its status."""
    number = status if isinstance(status, int) and status >= 400 else None
    report = Report(kind, number, plain(text), text, wait)
    return next(row.make(report) for row in ROWS if row.fits(report))


def plain(text: str) -> str:
    """Give the message of an error that the CLI wraps as `API Error: 529 {"error": {"message": …}}`.

    What the CLI writes before it stays, except a bare advice to sign in.
    """
    wrapped = re.search(r"API Error(?: \([^)]*\))?:\s*(?:\d{3}\s+)?", text)
    before, said = (text[: wrapped.start()], text[wrapped.end() :]) if wrapped else ("", text)
    if inner := re.search(r'"message"\s*:\s*"((?:[^"\\]|\\.)*)"', said):
        said = inner.group(1)
    return (said if before.strip(" ·.") in _NOTHING_BUT_SIGN_IN else before + said).strip()


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _signed_out(report: Report) -> TrayBridgeError:
    parts = (part.strip(" .") for part in report.text.split("·"))
    # What the CLI advises is of no use here: the hint names the ways that there are.
    why = " · ".join(part for part in parts if part not in _SAYS_NO_MORE)
    return SignedOutError(f"Claude Code is not signed in{': ' + why if why else ''}.")


def _cannot_renew(report: Report) -> TrayBridgeError:
    return CliUnavailableError(_sentence(report.text), hint="Free the disk or unlock the keychain, then try again.")


def _bad_environment(report: Report) -> TrayBridgeError:
    return CliUnavailableError(_sentence(report.text), hint="Mend or remove it, then start the bridge again.")


def _other_account(report: Report) -> TrayBridgeError:
    return SignedOutError(f"This account cannot be used: {_sentence(report.text)}", hint=_OTHER_SIGN_IN)


def _other_provider(report: Report) -> TrayBridgeError:
    return SignedOutError(f"The provider refused the credentials: {_sentence(report.text)}", hint=_OTHER_CREDENTIALS)


def _plan(report: Report) -> TrayBridgeError:
    return PlanLimitError(_sentence(report.text))


def _billing(report: Report) -> TrayBridgeError:
    return BillingError(_sentence(report.text))


def _no_model(report: Report) -> TrayBridgeError:
    return ModelNotFoundError(f"Claude does not offer this model: {_sentence(report.text)}", param="model")


def _too_long(report: Report) -> TrayBridgeError:
    return UpstreamError(report.text, status=400, code="context_length_exceeded")


def _unreadable(report: Report) -> TrayBridgeError:
    """Say it without Claude Code's advice to its own model."""
    what = "document" if "document" in report.text else "picture"
    return InvalidRequestError(
        f"Claude cannot read a {what} of this conversation.", hint="Send it in another format, or leave it out."
    )


def _too_large(report: Report) -> TrayBridgeError:
    first = report.text.partition(". ")[0] or "The request is too large"
    return UpstreamError(_sentence(first), status=413, hint="Send fewer or smaller pictures and documents.")


def _invalid(report: Report) -> TrayBridgeError:
    return InvalidRequestError(_sentence(report.text))


def _silent(report: Report) -> TrayBridgeError:
    return TurnTimeoutError(_sentence(report.text), hint="Try again.")


def _terms(report: Report) -> TrayBridgeError:
    return SignedOutError(
        f"This account cannot be used yet: {_sentence(report.text)}", hint="Accept them, then try again."
    )


def _untrusted(report: Report) -> TrayBridgeError:
    hint = "Set NODE_EXTRA_CA_CERTS to your network's CA certificate, then start the bridge again."
    return CliUnavailableError(_sentence(report.text), hint=hint)


def _limited(report: Report) -> TrayBridgeError:
    wait = ASSUMED_RETRY_WAIT if report.wait is None else report.wait
    return UpstreamError(report.text or "Claude is over its limit.", status=429, retry_after=wait)


def _window(report: Report) -> TrayBridgeError:
    wait = ASSUMED_WINDOW_WAIT if report.wait is None else report.wait
    return UpstreamError(_sentence(report.text), status=429, retry_after=wait)


def _upstream(report: Report) -> TrayBridgeError:
    wait = report.wait if report.status in (429, 503, 529) else None
    return UpstreamError(report.text or "Claude gave no answer.", status=report.status or 502, retry_after=wait)


ROWS = (
    Row(_too_long, r"(prompt|message) is too long|input length and .?max_tokens.? exceed|exceeds? the context window"),
    Row(_unreadable, r"could not be processed and was removed"),
    Row(_too_large, statuses=frozenset({413})),
    # Remedy: money or another plan. Waiting does not help.
    Row(_billing, kinds=frozenset({"billing_error"})),
    Row(_billing, statuses=frozenset({402})),
    Row(
        _billing,
        r"credit balance|billing[_ ]error|doesn't have enough credit|payment (is )?(required|failed|past due)"
        r"|insufficient (credits?|funds|balance|quota)|budget (has been |is )?exceeded|exceeded your current quota",
    ),
    # Remedy: time, and a long one.
    Row(
        _window,
        r"^(?!.*spend limit)(you've (hit|reached) your\b.*\b(usage |session |weekly |hour )?limit\b"
        r"|you're out of (extra usage|usage credits?) · resets)",
        kinds=frozenset({"rate_limit"}),
    ),
    Row(
        _plan,
        r"(extra usage|usage credits?) (is |are )?required|requires? (extra usage|usage credits?)"
        r"|out of (extra usage|usage credits?)|usage credits ran out|draw from your (extra usage|usage credits?)"
        r"|out of usage · |seat type doesn't include|usage allocation has been disabled|limit is set to \$0"
        r"|service is disabled for your org|usage is paused for your organization|pooled group budget"
        r"|spend(ing)? limit|reached your specified[\w\s-]*usage limits"
        r"|not available with the claude \w+ plan|unavailable for your plan"
        r"|not (yet )?(available|included) (for|in|on|with) (this|your) (current )?(subscription|plan)",
    ),
    # The disk of the sign-in is full, or its keychain locked.
    Row(_cannot_renew, r"(failed to refresh oauth token|could not refresh your login): (the disk|can't save)"),
    # The environment of the bridge holds what cannot be sent.
    Row(_bad_environment, r"fix (the environment variable|external auth token)", statuses=frozenset({None})),
    Row(
        _untrusted,
        r"certificate verification failed|self[- ]signed certificate|UNABLE_TO_(VERIFY|GET)_\w*(CERT|SIGNATURE)",
    ),
    Row(_upstream, r"temporary network issue|another claude code process is refreshing"),
    # Remedy: sign in.
    Row(
        _other_provider,
        r"(AWS|Google Cloud|Foundry|gateway) (credentials?|tokens?|authentication failed)|gateway refused"
        r"|(organization's|your|the) gateway"
        r"|credentials are managed by|gateway administrator",
        kinds=frozenset({"authentication_failed", "invalid_request", "unknown"}),
        statuses=frozenset({None, 401, 403}),
    ),
    Row(_other_provider, kinds=frozenset({"cloud_credential_error"})),
    Row(
        _other_account,
        r"organization has been disabled|belongs to a disabled organization|has disabled (api key|claude subscription)"
        r"|not (currently )?allowed for this organization|api key authentication is disabled"
        r"|does not have access to claude\b|only authorized for use with claude code"
        r"|account (has been |is )(disabled|suspended|on hold)",
    ),
    Row(_terms, r"updated our [\w\s]{0,30}terms"),
    Row(_other_account, r"\bnothing was sent\b|doesn't accept your own anthropic sign-in", statuses=frozenset({None})),
    Row(_other_account, kinds=frozenset({"oauth_org_not_allowed", "account_on_hold", "verification_required"})),
    Row(
        _signed_out,
        r"token (has been |was |is )?(revoked|expired|invalid)|(login|session) (has )?expired|please run /login"
        r"|scope requirement|api key (has been |was |is )?(disabled|revoked|deleted|expired)",
        statuses=frozenset({None, 400, 401, 403}),
    ),
    Row(_signed_out, statuses=frozenset({401})),
    Row(_signed_out, kinds=frozenset({"authentication_failed"}), statuses=frozenset({None})),
    Row(_signed_out, r"/login\b|claude (auth )?login", statuses=frozenset({None})),
    # The model is unknown to the account.
    Row(_no_model, kinds=frozenset({"model_not_found"})),
    Row(_no_model, r"availableModels allowlist"),
    Row(
        _no_model,
        r"\bmodel:|invalid model name|issue with the selected model|access to (the|this) model|unknown model"
        r"|model\b.{0,80}\b(does not exist|was not found|not found|is not (available|supported))",
        statuses=frozenset({400, 403, 404}),
    ),
    # Remedy: time.
    Row(_silent, r"stream idle timeout|no data arrived for|request timed out", statuses=frozenset({None})),
    Row(_limited, statuses=frozenset({429})),
    Row(_limited, kinds=frozenset({"rate_limit"}), statuses=frozenset({None})),
    # The request is wrong.
    Row(_invalid, kinds=frozenset({"invalid_request"}), statuses=frozenset({None})),
    Row(_upstream),
)
