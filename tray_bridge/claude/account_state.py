"""What is known of the account: how it is signed in, its plan's windows, and what the last turn told of both.

Knows no worker. A turn that fails because nobody is signed in changes the picture at once, and the next one that is
answered changes it back; the CLI itself only looks when a process starts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from ..errors import SignedOutError, TrayBridgeError
from ..snapshots import AccountSnapshot, PlanWindow

UNNAMED = "plan"  # a window of which the CLI says neither the name nor the end
OVER = "rejected"
FOR_ALL_MODELS = frozenset({"five_hour", "seven_day"})  # an answer of any model proves that these are open


class AccountState:
    """The account as it is to be shown. `on_change` is called at every change; it must not block."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._windows: dict[str, PlanWindow] = {}
        self._refused = False  # the last turn was refused for want of a sign-in
        self._account = AccountSnapshot()

    @property
    def account(self) -> AccountSnapshot:
        signed_in = False if self._refused else self._account.signed_in
        return replace(self._account, signed_in=signed_in, windows=tuple(self._windows.values()))

    def greeted(self, account: AccountSnapshot) -> None:
        """A process has said how it is signed in. It may hold a token that was revoked, so a refusal stays."""
        self._account = account

    def note_window(self, window: PlanWindow) -> None:
        """Keep what upstream said of a window; an error of which no window is known says nothing of one."""
        if window.name == UNNAMED and window.resets_at is None and window.used is None:
            return
        self._windows[window.name] = window
        self._on_change()

    def failed(self, error: TrayBridgeError) -> None:
        """A turn failed; only what tells of the account counts."""
        if isinstance(error, SignedOutError) and not self._refused:
            self._refused = True
            self._on_change()

    def answered(self) -> None:
        """A turn was answered: the account is signed in, and a limit that did not hold is forgotten."""
        now = time.time()
        over = [
            w.name
            for w in self._windows.values()
            if w.status == OVER and (w.name in FOR_ALL_MODELS or (w.resets_at or 0) <= now)
        ]
        for name in over:
            del self._windows[name]
        if over or self._refused:
            self._refused = False
            self._on_change()
