"""Where this user's programs keep their files, on each system."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where this user's programs keep their files. Tests hand their own in."""

    home: Path
    working: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    system: str = sys.platform

    @classmethod
    def here(cls) -> Place:
        """Make it for this user and the current folder."""
        return cls(Path.home(), Path.cwd(), os.environ)

    @property
    def config(self) -> Path:
        """XDG's folder, or Windows' roaming one."""
        if self.system == "win32":
            return Path(self.environment.get("APPDATA") or self.home / "AppData" / "Roaming")
        return Path(self.environment.get("XDG_CONFIG_HOME") or self.home / ".config")

    @property
    def support(self) -> Path:
        """The system's own folder: macOS has one beside XDG's."""
        return self.home / "Library" / "Application Support" if self.system == "darwin" else self.config

    def named(self, variable: str, default: Path) -> Path:
        """Return the path in an environment variable, else `default`."""
        return Path(found) if (found := self.environment.get(variable)) else default
