"""Stand-ins for the desktop's own commands (`xdg-open`, `xclip`, …): each writes down how it was called."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

RECORD = """\
#!/bin/sh
{{ printf '%s\\n' "$@"; }} > {out}.arguments.part
{reading}
env > {out}.environment
mv {out}.arguments.part {out}.arguments
exit {status}
"""


class DesktopCommands:
    """A folder to be first on the PATH. Only what `make` was called for is in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    @property
    def path(self) -> str:
        return f"{self.folder}{os.pathsep}{os.environ['PATH']}"

    def make(self, name: str, *, reads: bool = False, status: int = 0) -> None:
        """Puts a command there; one that `reads` keeps its input too."""
        out = shlex.quote(str(self.folder / name))
        script = self.folder / name
        reading = f"cat > {out}.input" if reads else ""
        script.write_text(RECORD.format(out=out, reading=reading, status=status))
        script.chmod(0o755)

    def arguments(self, name: str) -> list[str] | None:
        """How the command was called last, or None if it was not."""
        return self._lines(f"{name}.arguments")

    def input(self, name: str) -> str | None:
        """What the command was fed last; None while it has not ended."""
        if self.arguments(name) is None:
            return None
        return (self.folder / f"{name}.input").read_text()

    def environment(self, name: str) -> list[str]:
        return self._lines(f"{name}.environment") or []

    def forget(self) -> None:
        """Forgets all calls so far."""
        for record in self.folder.glob("*.*"):
            record.unlink()

    def _lines(self, name: str) -> list[str] | None:
        try:
            return (self.folder / name).read_text().splitlines()
        except FileNotFoundError:
            return None
