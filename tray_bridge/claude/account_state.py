"""The state of the account: how it is signed in, its plan's windows, and what the last turn showed of both.

Must not know workers. A turn that fails for want of a sign-in changes the state at once, and the next one that is
answered changes it back; the CLI itself looks only when a process starts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from ..errors import SignedOutError, TrayBridgeError
from ..snapshots import AccountSnapshot, PlanWindow

UNNAMED = "plan"  # a window whose name and end the CLI does not report
OVER = "rejected"
FOR_ALL_MODELS = frozenset({"five_hour", "seven_day"})  # an answer of any model proves that these are open


class AccountState:
    """Keep the account's snapshot. `on_change` is called at every change; it must not block."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._windows: dict[str, PlanWindow] = {}
        self._refused = False  # the last turn failed because no one is signed in
        self._account = AccountSnapshot()

    @property
    def account(self) -> AccountSnapshot:
        """Return the account's snapshot."""
        signed_in = False if self._refused else self._account.signed_in
        return replace(self._account, signed_in=signed_in, windows=tuple(self._windows.values()))

    def greeted(self, account: AccountSnapshot) -> None:
        """Take in how a process is signed in. Its token may have been revoked, so a refusal stays in force."""
        self._account = account

    def found_signed_out(self) -> None:
        """Take in that no one is signed in, before any process has reported how."""
        if self._account.signed_in is None:
            self._account = AccountSnapshot(signed_in=False)
            self._on_change()

    def note_window(self, window: PlanWindow) -> None:
        """Keep what upstream reported of a window; an error without a window's data changes nothing."""
        if window.name == UNNAMED and window.resets_at is None and window.used is None:
            return
        self._windows[window.name] = replace(window, told_at=time.time())
        self._on_change()

    def failed(self, error: TrayBridgeError) -> None:
        """Take in that a turn failed; only errors about the account count."""
        if isinstance(error, SignedOutError) and not self._refused:
            self._refused = True
            self._on_change()

    def answered(self) -> None:
        """Take in that a turn was answered: the account is signed in, and limits that did not stop the turn are
        dropped.
        """
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
