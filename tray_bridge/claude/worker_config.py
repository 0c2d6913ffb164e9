"""What all workers of a pool have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..snapshots import PlanWindow
from .cli_process import CliProcess, cli_options
from .start_slots import StartSlots


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What each of them is started with, and what they share."""

    model: str
    work_folder: Path
    cli_path: Path | None
    environment: Mapping[str, str]
    settings: Mapping[str, str]
    transcript_folder: Path | None
    reuse: bool
    start_slots: StartSlots
    on_plan_window: Callable[[PlanWindow], None]

    def new_process(self) -> CliProcess:
        """Make a process that has yet to be spawned."""
        return CliProcess(
            cli_options(
                model=self.model,
                work_folder=self.work_folder,
                cli_path=self.cli_path,
                environment=self.environment,
                settings=self.settings,
            )
        )
