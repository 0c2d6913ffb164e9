"""The first session's process, spawned before the arguments and the settings are read.

Reading them takes Python as long as a good part of the CLI's own start, so `serve` guesses that they are the defaults.
A guess that was wrong costs that process and no more: the pool takes only a session that fits.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from .cli_program import find_cli
from .event_loop import new_event_loop
from .paths import HOME_VARIABLE, config_file, work_folder

if TYPE_CHECKING:
    from .claude.session import Session

logger = logging.getLogger(__name__)


class EarlyStart:
    """Made in the main thread. Its loop is the server's from its first start on, and with it the session."""

    def __init__(self) -> None:
        from .claude.light_sdk import without_tracing
        from .claude.orphans import guard
        from .claude.pool import PoolConfig
        from .claude.session import Session
        from .claude.start_slots import StartSlots

        program = find_cli()
        config = PoolConfig("sonnet", work_folder(), cli_path=program and program.path)
        self.loop = new_event_loop()
        alone = config.for_session(StartSlots(), lambda _: None)
        self._session: Session | None = Session(alone, lambda _: None)
        guard.wait()  # until the server is there: a process that only starts leaves by itself when the app is killed
        with without_tracing():
            self.loop.run_until_complete(self._session.spawn())

    def take(self) -> Session | None:
        """The session, once; whoever has it ends it."""
        session, self._session = self._session, None
        return session

    def close(self) -> None:
        """End the session if nobody took it."""
        if (session := self.take()) is not None:
            self.loop.run_until_complete(session.close())
            self.loop.close()


def start_early(words: Collection[str]) -> EarlyStart | None:
    """Start, unless the words of the command line, or other settings, may well want something else."""
    named = any(name.upper().startswith("TRAY_BRIDGE_") and name != HOME_VARIABLE for name in os.environ)
    if named or not {"--demo", "--help", "-h"}.isdisjoint(words) or config_file().exists():
        return None
    try:
        return EarlyStart()
    except Exception as error:  # whatever it is, the server meets it again and tells
        logger.info("No early start: %s", error)
        return None
