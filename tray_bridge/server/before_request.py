"""What clients send before a request: empty lines, which are skipped, and TLS or HTTP/2, which the log reports.

Must not know the app.
"""

from __future__ import annotations

import logging
import time

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

logger = logging.getLogger(__name__)

_TLS = b"\x16\x03"  # a handshake, RFC 8446 (5.1)
_HTTP_2 = b"PRI * HTTP/2"  # RFC 9113 (3.4)
LOG_EVERY = 60.0  # seconds: a client may try again and again
_last_told: dict[str, float] = {}


class BeforeRequest(H11Protocol):
    """uvicorn's protocol, which looks at the first bytes of each request."""

    def handle_events(self) -> None:
        """Take in what came; uvicorn calls it for each packet, and after each answer."""
        if self.conn.their_state is h11.IDLE:
            start = self._skip_empty_lines()
            if start.startswith(_TLS):
                _tell("A client speaks TLS here: its address must begin with http://, not https://")
            elif start == _HTTP_2:
                _tell("A client speaks HTTP/2 here: it must use HTTP/1.1")
                self.send_400_response("HTTP/2 is not spoken here; use HTTP/1.1.")
                return
        super().handle_events()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; a request whose body it would be can send no answer any more."""
        super().send_400_response(msg)
        if self.cycle is not None:
            self.cycle.disconnected = True

    def _skip_empty_lines(self) -> bytes:
        """Skip them, as RFC 9112 (2.2) asks of servers, and give what follows, at least its beginning."""
        buffer = self.conn._receive_buffer
        while buffer and bytes(buffer)[:1] in (b"\r", b"\n"):
            buffer.maybe_extract_at_most(1)
        return bytes(buffer)[: len(_HTTP_2)] if buffer else b""


def _tell(what: str) -> None:
    if time.monotonic() - _last_told.get(what, -LOG_EVERY) >= LOG_EVERY:
        _last_told[what] = time.monotonic()
        logger.warning("%s", what)
