"""What the tray needs of the server: `tray_bridge.server.ServerThread` has it, and nothing more is asked of
it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..snapshots import ServerSnapshot

if TYPE_CHECKING:
    from ..machine.sign_in import SignIn
    from ..settings.schema import Settings


class Server(Protocol):
    """The server on its own thread. Every method may be called from any thread, twice, and while it
    starts.
    """

    @property
    def sign_in(self) -> SignIn:
        """The sign-in of Claude Code; a success restarts the server."""

    on_end: Callable[[bool], None]
    """Called when a command asks the whole app to end; with whether requests under way may finish."""

    def pause(self, paused: bool) -> None:
        """Refuses new requests, or takes them again."""

    def stop_when_idle(self) -> None:
        """Stops once the requests under way have ended, and takes no new ones; `pause(False)` calls it off."""

    def let_page_in(self, origin: str) -> None:
        """Adds a web page that was refused to the settings."""

    def start(self) -> None:
        """Begins to start, and returns at once; what goes wrong is in `snapshot().problem`."""

    def stop(self, timeout: float = 5.0) -> None:
        """Stops, and returns when it has, or after `timeout` seconds."""

    def restart(self) -> None:
        """Stops and starts."""

    def apply(self, settings: Settings) -> None:
        """Lets new settings take effect, whatever that needs."""

    def snapshot(self) -> ServerSnapshot:
        """The server at this moment."""

    def subscribe(self, callback: Callable[[ServerSnapshot], None]) -> Callable[[], None]:
        """Calls back at changes, on the server's thread, until the returned function is called."""

    def page_pass(self) -> str:
        """What lets a browser into the page without a key, once; nothing where none is needed."""

    def cancel_request(self, request_id: str) -> bool:
        """Cancels a request in flight; tells whether there was such a one."""

    def wait_until_settled(self, timeout: float) -> ServerSnapshot:
        """Waits until the server is ready, stopped or in error."""
