"""All errors that a person may see. Owns their texts; `api/errors.py` gives each its HTTP status.

Every error has a *title* (what failed, a few words), a *message* (what exactly, naming the value) and a *hint* (what
to do next). Tray, command line and page show all three.
"""

from __future__ import annotations


class TrayBridgeError(Exception):
    """The base of all errors that a person may see: a title, a message and a hint."""

    title = "Something went wrong"
    hint = ""

    def __init__(self, message: str, *, title: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if title is not None:
            self.title = title
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidRequestError(TrayBridgeError):
    """The client's request cannot be carried out as it is; `param` names the field (`messages[2].content`)."""

    title = "Invalid request"

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.param = param
        self.code = code


class ToolSchemaError(InvalidRequestError):
    """Claude Code does not take the schema of the tool named `tool`; the turn's tools know the field's path."""

    title = "Unusable schema"

    def __init__(self, message: str, *, tool: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.tool = tool


class OutputSchemaError(InvalidRequestError):
    """Claude Code cannot use the JSON Schema of the answer. `api/answering.py` adds the field."""

    title = "Unusable schema"


class RequestTooLargeError(InvalidRequestError):
    """The request is over a limit on size or count."""

    title = "Request too large"


class BodyTimeoutError(InvalidRequestError):
    """The request's body did not arrive in time."""

    title = "Request too slow"


class UnsupportedBodyError(InvalidRequestError):
    """The encoding of the request's body is not supported."""

    title = "Unsupported body"


class ModelNotFoundError(InvalidRequestError):
    """The account does not offer the requested model."""

    title = "Unknown model"


class AccessDeniedError(TrayBridgeError):
    """Host or Origin is not allowed."""

    title = "Access denied"


class InvalidKeyError(TrayBridgeError):
    """The API key of the bridge is missing or wrong."""

    title = "Invalid API key"


class QueueFullError(TrayBridgeError):
    """All processes are busy and the queue is full, or the wait in it was too long."""

    title = "Too many requests"

    def __init__(self, message: str, *, retry_after: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class KeyLimitError(TrayBridgeError):
    """The API key has reached its limit; `retry_after` is in seconds, if that is known."""

    title = "Limit of the key"
    hint = "Raise the limit on the page, under Keys."

    def __init__(self, message: str, *, retry_after: float | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class SignedOutError(TrayBridgeError):
    """Claude Code is not signed in."""

    title = "Not signed in"
    hint = "Sign in on the page or in the tray's menu, or run `tray-bridge login`, then try again."


class PlanLimitError(TrayBridgeError):
    """The plan does not cover the request. Waiting does not help; another plan or paid usage does."""

    title = "Not covered by the plan"
    hint = "Waiting does not help: turn on extra usage in Claude's settings, or choose another model."


class BillingError(TrayBridgeError):
    """The account has no credit left, or its payment failed."""

    title = "No credit"
    hint = "Waiting does not help: add credit or correct the payment in the account's billing settings."


class UpstreamError(TrayBridgeError):
    """Claude answered with an error: `status` is the Messages API's HTTP status, `retry_after` in seconds."""

    title = "Claude answered with an error"

    def __init__(
        self,
        message: str,
        *,
        status: int,
        retry_after: float | None = None,
        code: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.retry_after = retry_after
        self.code = code


class SessionLostError(TrayBridgeError):
    """The CLI process ended in the middle of a turn, or sent a message that is not understood."""

    title = "Claude Code stopped unexpectedly"
    hint = "Send the request again; if this repeats, run `tray-bridge doctor`."


class CliUnavailableError(TrayBridgeError):
    """The CLI is missing, cannot be started, or is too old."""

    title = "Claude Code cannot be started"
    hint = "Run `tray-bridge doctor` to see why."


class TurnTimeoutError(TrayBridgeError):
    """Nothing came from Claude for the whole time limit."""

    title = "Claude took too long"


class ServerStoppingError(TrayBridgeError):
    """The server was stopped while the request was under way."""

    title = "The server is stopping"
    hint = "Start it again from the tray, then send the request again."


class ServerPausedError(ServerStoppingError):
    """A person paused the server: it takes no new requests."""

    title = "Paused"
    hint = "Resume it in the tray or on the page, then send the request again."
    retry_after = 30.0


class RequestCancelledError(TrayBridgeError):
    """A person cancelled the request in the tray or on the page."""

    title = "Request cancelled"


class PortTakenError(TrayBridgeError):
    """Another program listens on the port: `holder` names it if that is known, `next_free` is a free port."""

    title = "Port in use"

    def __init__(self, port: int, *, holder: str | None, next_free: int, is_us: bool = False) -> None:
        by = f" by {holder}" if holder else ""
        super().__init__(
            f"Port {port} is in use{by}.",
            hint=f"Choose another: `tray-bridge --port {next_free}` is free, or set PORT={next_free}.",
        )
        self.port = port
        self.holder = holder
        self.next_free = next_free
        self.is_us = is_us


class SettingsError(TrayBridgeError):
    """A setting has a bad value: the message names its key, its source and the values that it takes."""

    title = "Bad setting"


class KeyNameError(SettingsError):
    """An API key of the bridge cannot have this name; `param` is its field in a request."""

    title = "API keys"
    param = "name"


class KeyTakenError(KeyNameError):
    """An API key of the bridge has this name already."""


class UnknownKeyError(KeyNameError):
    """No API key of the bridge has this name."""

    hint = "`tray-bridge key list` and the page, under Keys, show the names of all."


class BridgeUnreachableError(TrayBridgeError):
    """No bridge answers at the address that a command or client uses."""

    title = "Tray Bridge does not answer"
    hint = "Start it with `tray-bridge`, or set BRIDGE_URL to where it runs."


def name_of(error: BaseException) -> str:
    """Name an error without its message, which may quote a request: `UpstreamError (status 403)`. For the log."""
    status = getattr(error, "status", None)
    return type(error).__name__ + (f" (status {status})" if status else "")
