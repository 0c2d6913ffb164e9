"""The first worker's process, spawned before the arguments and the settings are read.

Reading them takes Python a good part of the time that the CLI takes to start, so `serve` assumes the defaults. Where
that is wrong, the pool closes the process and starts another.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from ..launch import PLAIN_VARIABLE, switched_off
from ..launch.event_loop import new_event_loop
from ..machine.bridge_address import USUAL_PORT
from ..machine.cli_program import find_cli
from ..machine.own_address import without_loop
from ..machine.paths import HOME_VARIABLE, config_file, work_folder

if TYPE_CHECKING:
    from ..claude.cli_process import CliProcess

logger = logging.getLogger(__name__)

USUAL_MODEL = "sonnet"  # `snapshots.DEFAULT_MODEL`, whose module takes a while to import; a test holds them together


class EarlyStart:
    """Start the process in a new event loop; the server's first run takes both. For the main thread."""

    def __init__(self) -> None:
        from ..claude.cli_process import CliProcess, cli_options

        program = find_cli()
        options = cli_options(
            model=USUAL_MODEL,
            work_folder=work_folder(),
            cli_path=program and program.path,
            environment=without_loop(os.environ, [USUAL_PORT]),
        )
        self.loop = new_event_loop()
        self._process: CliProcess | None = CliProcess(options)
        self.loop.run_until_complete(self._process.start())

    def take(self) -> CliProcess | None:
        """Give the process; the caller must end it. None from the second call on."""
        process, self._process = self._process, None
        return process

    def close(self) -> None:
        """End the process if it was not taken."""
        if (process := self.take()) is not None:
            self.loop.run_until_complete(process.end())
            self.loop.close()


def start_early(words: Collection[str]) -> EarlyStart | None:
    """Start the process, unless `--demo`, `--help`, a variable `TRAY_BRIDGE_…` or a settings file sets something."""
    variables = {name for name in os.environ if name.upper().startswith("TRAY_BRIDGE_")}
    named = variables - {HOME_VARIABLE, PLAIN_VARIABLE} or {"--demo", "--help", "-h"}.intersection(words)
    if named or _has_settings() or "early-worker" in switched_off():
        return None
    try:
        return EarlyStart()
    except Exception as error:  # of any type: the server meets it again and reports it
        logger.info("No early start: %s", error)
        return None


def _has_settings() -> bool:
    """Whether the settings file sets anything: in the one that the tray makes every line is commented out."""
    try:
        lines = config_file().read_text("utf-8").splitlines()
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)
