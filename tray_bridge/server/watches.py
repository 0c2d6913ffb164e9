"""What a run of the server looks at from time to time: newer releases, the account, and the owner's note."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..machine.owner_note import OwnerNote, has_note, write_note

if TYPE_CHECKING:
    from ..claude.pool import SessionPool
    from ..settings.schema import Settings

LOOK_AT_NOTE, LONGEST_LOOK_AT_NOTE = 2.0, 60.0  # seconds; the longer one where the note cannot be left
ACCOUNT_AFTER = 1.0  # seconds: a first request tells it sooner
RELEASE_AFTER = 30.0  # seconds: requests come first after a start


async def watch_releases(settings: Callable[[], Settings], tell: Callable[[str | None], None]) -> None:
    """Ask each day whether a newer release exists, unless the settings say not to. Runs until it is cancelled."""
    await asyncio.sleep(RELEASE_AFTER)
    from .. import __version__
    from ..machine.releases import DAY, newer_release

    while True:
        if settings().check_for_updates and not settings().demo:
            tell(await asyncio.to_thread(newer_release, __version__))
        await asyncio.sleep(DAY)


async def look_at_account(settings: Callable[[], Settings], pool: SessionPool) -> None:
    """Ask Claude Code whether it is signed in, where no process is kept that says so."""
    await asyncio.sleep(ACCOUNT_AFTER)
    now = settings()
    if now.demo or now.pool_size or pool.account.signed_in is not None:
        return
    from ..machine.sign_in import ask_account

    found = await asyncio.to_thread(ask_account, now.cli_path)
    if found and not found["loggedIn"]:
        pool.found_signed_out()


async def keep_note(current: Callable[[], OwnerNote | None]) -> None:
    """Leave the owner's note again when its folder was swept. Runs until there is none to leave."""
    pause = LOOK_AT_NOTE
    while (note := current()) is not None:
        pause = LOOK_AT_NOTE if has_note(note) else min(2 * pause, LONGEST_LOOK_AT_NOTE)
        await asyncio.sleep(pause)
        if not has_note(note):
            write_note(note)
