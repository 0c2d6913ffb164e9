"""What the tray needs of the server, which `tray_bridge.server.thread.ServerThread` provides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..snapshots import ServerSnapshot

if TYPE_CHECKING:
    from ..machine.sign_in import SignIn
    from ..settings.schema import Settings


class Server(Protocol):
    """The server on its own thread. Every method is safe from any thread, twice, and while it starts."""

    @property
    def sign_in(self) -> SignIn:
        """Give the sign-in of Claude Code; a success restarts the server."""

    @property
    def settings(self) -> Settings:
        """Give the settings in force."""

    on_end: Callable[[bool], None]
    """Called when a command asks the whole app to end; with whether requests under way may finish."""

    def pause(self, paused: bool) -> None:
        """Refuse new requests, or take them again."""

    def stop_when_idle(self) -> None:
        """Stop once the requests under way have ended, and takes no new ones; `pause(False)` calls it off."""

    def restart_when_idle(self) -> None:
        """Restart once the requests under way have ended, and take no new ones; `pause(False)` calls it off."""

    def let_page_in(self, origin: str) -> None:
        """Add a web page that was refused to the settings."""

    def start(self) -> None:
        """Begin to start, and return at once; an error is in `snapshot().problem`."""

    def stop(self, timeout: float = 5.0) -> None:
        """Stop, and return when it has stopped, or after `timeout` seconds."""

    def restart(self) -> None:
        """Stop and start."""

    def apply(self, settings: Settings) -> None:
        """Apply new settings, with a restart if necessary."""

    def snapshot(self) -> ServerSnapshot:
        """Give the newest snapshot."""

    def subscribe(self, callback: Callable[[ServerSnapshot], None]) -> Callable[[], None]:
        """Call back at changes, on the server's thread, until the returned function is called."""

    def page_pass(self) -> str:
        """Make a pass that opens the page once without a key; empty if none is needed."""

    def cancel_request(self, request_id: str) -> bool:
        """Cancel a request in flight; return whether it was there."""

    def wait_until_settled(self, timeout: float) -> ServerSnapshot:
        """Wait until the server is ready, stopped or in error."""
