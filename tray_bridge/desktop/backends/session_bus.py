"""One connection to the D-Bus session bus: sends from any thread, receives on one, matches replies to calls.

Owns the socket and its lock. Knows nothing of trays.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from jeepney import (
    DBusAddress,
    HeaderFields,
    Message,
    MessageType,
    new_error,
    new_method_call,
    new_method_return,
    new_signal,
)
from jeepney.io.blocking import DBusConnection, open_dbus_connection

logger = logging.getLogger(__name__)

OnReply: TypeAlias = Callable[[Message], None]


class SessionBus:
    """An open connection; raises OSError when there is no bus or it does not answer."""

    def __init__(self) -> None:
        self._connection = open_session_bus()
        self._lock = threading.Lock()
        self._waiting: dict[int, OnReply] = {}

    def call(self, message: Message, on_reply: OnReply | None = None) -> None:
        """Send a call; its reply, or the bus's error, goes to `on_reply` on the receiving thread.

        A lost bus is not reported here but by `receive`, which can reconnect.
        """
        with self._lock:
            serial = next(self._connection.outgoing_serial)
            if on_reply:
                self._waiting[serial] = on_reply
            try:
                self._connection.send(message, serial=serial)
            except OSError as error:
                logger.debug("could not send to the session bus: %s", error)

    def emit(self, sender: DBusAddress, name: str, signature: str | None = None, body: tuple[Any, ...] = ()) -> None:
        """Send a signal."""
        self.call(new_signal(sender, name, signature, body))

    def reply(self, to: Message, signature: str | None = None, body: tuple[Any, ...] = ()) -> None:
        """Answer a call."""
        self.call(new_method_return(to, signature, body))

    def refuse(self, what: Message, error: str, reason: str) -> None:
        """Answer a call with an error; `error` is the last part of its name."""
        self.call(new_error(what, f"org.freedesktop.DBus.Error.{error}", "s", (reason,)))

    def receive(self) -> Message:
        """Wait for the next call or signal; raises OSError when the bus is lost."""
        while True:
            message = self._connection.receive()
            if message.header.message_type not in (MessageType.method_return, MessageType.error):
                return message
            with self._lock:
                on_reply = self._waiting.pop(message.header.fields.get(HeaderFields.reply_serial, -1), None)
            if on_reply:
                on_reply(message)

    def wake(self) -> None:
        """Make `receive` return, with an empty call from ourselves."""
        me = DBusAddress("/", self._connection.unique_name, "org.freedesktop.DBus.Peer")
        self.call(new_method_call(me, "Ping"))

    def close(self) -> None:
        """Close the connection; `receive` then raises OSError."""
        self._connection.close()


def open_session_bus() -> DBusConnection:
    """Connect to the session bus; raises OSError if that fails for any reason."""
    failed: Exception = ConnectionError("no session bus: no address is known")
    for address in session_bus_addresses():
        try:
            return open_dbus_connection(address)
        except Exception as error:  # jeepney has no family of errors: KeyError, RuntimeError, AuthenticationError, …
            failed = error
    raise failed if isinstance(failed, OSError) else ConnectionError(f"no session bus: {failed!r}") from failed


def session_bus_addresses() -> list[str]:
    """List where the bus may be, in the order in which to try: the variable's addresses, then the usual places.

    The variable may hold several, may be stale (in tmux, over ssh), or ask to start a bus (`autolaunch:`), which a tray
    has no use for.
    """
    given = os.environ.get("DBUS_SESSION_BUS_ADDRESS", "").split(";")
    folders = [os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.getuid()}"]
    usual = [f"unix:path={folder}/bus" for folder in folders if folder and Path(folder, "bus").exists()]
    return list(dict.fromkeys([*(each for each in given if each.startswith("unix:")), *usual]))
