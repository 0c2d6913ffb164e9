"""Settings → what the pool needs: the CLI program, its environment, and whether its processes can be reset.

Owns the demo's stand-in, and the proof of a program that is not known yet. Must not know the pool.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from ..machine.cli_program import CliProgram, find_cli
from ..machine.own_address import without_loop
from ..machine.paths import cache_folder, capabilities_file, transcript_folder, work_folder
from ..setup.claude_account import account_environment, account_settings

if TYPE_CHECKING:
    from ..claude.capabilities import Capabilities, Verdict
    from ..claude.pool import PoolConfig
    from ..settings.schema import Settings
    from ..standin import StandIn

PROVE_AFTER = 5.0  # seconds: a program that is not known is examined once the start is over
PROVE_AGAIN = 600.0  # seconds until a program is examined again that did not answer; twice as long each time
LONGEST_PAUSE = 86400.0


class PoolSetup:
    """Make the pool's configuration, in one run of the server. `on_proved` is called when `config` would change."""

    def __init__(self, on_proved: Callable[[], None]) -> None:
        self._on_proved = on_proved
        self._environment: dict[str, str] = {}
        self._cli_settings: dict[str, str] = {}
        self._standin: StandIn | None = None
        self._proof: asyncio.Task[None] | None = None
        self._examined: CliProgram | None = None
        self._verdict: Verdict | None = None  # of the program that is examined

    async def open(self, settings: Settings, own_ports: Collection[int]) -> None:
        """Prepare the environment of the workers; for the demo, start the stand-in that they ask."""
        if settings.demo:
            self._environment = await asyncio.to_thread(self._start_standin)
        else:
            account = account_environment() if settings.claude_settings else {}
            self._cli_settings = account_settings() if settings.claude_settings else {}
            self._environment = {**account, **without_loop({**os.environ, **account}, own_ports)}

    async def close(self) -> None:
        """Stop the stand-in. Call it once no worker asks it any more."""
        if self._standin is not None:
            await asyncio.to_thread(self._standin.stop)

    async def stop_proof(self) -> None:
        """End the examination of a program, if one is under way."""
        if self._proof is not None:
            self._proof.cancel()
            await asyncio.wait({self._proof})

    def config(self, settings: Settings) -> PoolConfig:
        """Make the pool's configuration; a program that is not known is examined from now on."""
        from ..claude.pool import PoolConfig

        program = find_cli(settings.cli_path)  # 0.1 ms; the SDK alone looks in fewer places
        verdict = self._verdict_on(program, examine=settings.reuse_workers)
        no_reuse = verdict.why_not if settings.reuse_workers else "The setting `reuse_workers` says so."
        return PoolConfig(
            default_model=settings.default_model,
            work_folder=work_folder(),
            cli_path=settings.cli_path or (program and program.path),
            transcript_folder=transcript_folder() if verdict.can_resume else None,
            environment=self._environment,
            settings=self._cli_settings,
            reuse=not no_reuse,
            no_reuse=no_reuse,
            size=settings.pool_size,
            max_sessions=settings.session_limit,
            turn_timeout=settings.claude_timeout,
            queue_limit=settings.queue_limit,
            queue_timeout=settings.queue_timeout,
            parked=settings.parked_sessions,
            parked_seconds=settings.parked_minutes * 60,
            suspended=settings.suspended_sessions,
            suspended_seconds=settings.suspended_minutes * 60,
            idle_seconds=settings.idle_minutes * 60,
        )

    def _verdict_on(self, program: CliProgram | None, *, examine: bool) -> Verdict:
        """Give what is known of the program; one that is not known is examined from now on, if `examine`."""
        from ..claude.capabilities import NOT_YET, Capabilities, Verdict

        capabilities = Capabilities(capabilities_file())
        if (known := capabilities.known(program)) is not None:
            return known
        not_yet = Verdict(can_reset=False, why_not=NOT_YET, is_final=False)
        if program is None or not examine:
            return not_yet
        if self._verdict is None or self._proof is None or self._proof.done() or self._examined != program:
            if self._proof is not None:
                self._proof.cancel()
            self._examined, self._verdict = program, not_yet
            self._proof = asyncio.get_running_loop().create_task(self._prove(capabilities, program))
        return self._verdict

    async def _prove(self, capabilities: Capabilities, program: CliProgram) -> None:
        """Examine a program, again and again with longer pauses until the verdict is final."""
        pause = PROVE_AGAIN
        await asyncio.sleep(PROVE_AFTER)
        while True:
            self._verdict = await capabilities.prove(program)
            self._on_proved()
            if self._verdict.is_final:
                break
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _start_standin(self) -> dict[str, str]:
        """Start the demo's model; gives the variables that lead a worker to it and to no account."""
        from ..standin import StandIn

        self._standin = StandIn(first_delay=0.2, rate=60.0)
        self._standin.start()
        return {
            "ANTHROPIC_BASE_URL": self._standin.url,
            "ANTHROPIC_API_KEY": "demo",
            "ANTHROPIC_AUTH_TOKEN": "",
            "CLAUDE_CODE_OAUTH_TOKEN": "",
            "CLAUDE_CODE_USE_BEDROCK": "",
            "CLAUDE_CODE_USE_VERTEX": "",
            "CLAUDE_CODE_USE_FOUNDRY": "",
            "CLAUDE_CONFIG_DIR": str(cache_folder() / "demo"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }
