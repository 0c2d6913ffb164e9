"""What holds for all tests of the session log."""

from __future__ import annotations

import pytest

from tray_bridge.session_log import index


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a folder may take long to list, and then it is not listed again at once."""
    monkeypatch.setattr(index, "QUICK", 10**15)
