"""Other users of this machine: over loopback they need an API key, as other machines do.

The system is asked once for each connection: uvicorn makes one `client` tuple for a connection and passes the same
object with each of its requests.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import Scope

from ..machine.caller import Caller, has_several_people, who_calls

logger = logging.getLogger(__name__)

KEPT = 1024  # connections


class SameUser:
    """Tell whether a request comes from this user. `caller_of` looks up the user of a connection by its two ends."""

    def __init__(
        self,
        caller_of: Callable[[tuple[str, int], tuple[str, int]], Caller] = who_calls,
        several_people: Callable[[], bool] = has_several_people,
    ) -> None:
        self._caller_of = caller_of
        self._several_people = several_people
        self._shared: bool | None = None
        self._known: OrderedDict[tuple[str, int], tuple[object, bool]] = OrderedDict()

    def __call__(self, scope: Scope) -> bool:
        client, server = scope.get("client"), scope.get("server")
        if client is None or server is None:
            return True
        found = self._known.get(client)
        if found is not None and found[0] is client:
            return found[1]
        is_same = self._ask(client, server)
        self._known[client] = (client, is_same)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return is_same

    def _ask(self, client: tuple[str, int], server: tuple[str, int]) -> bool:
        try:
            caller = self._caller_of((client[0], client[1]), (server[0], server[1]))
        except (ValueError, OSError):
            caller = "unknown"
        if caller != "unknown":
            return caller == "same"
        if self._shared is None:
            self._shared = self._several_people()
            if self._shared:
                logger.info("This machine has several users, and cannot tell them apart: an API key is needed")
        return not self._shared
