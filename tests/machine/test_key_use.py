"""What keys have used: added up across programs, by key and day."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tray_bridge.machine.api_keys import ApiKey, KeyLimits
from tray_bridge.machine.key_use import KeyUse, Use

LAPTOP = ApiKey("laptop", "hash", 1000.5)
DAY = "2026-11-28"


def test_it_adds_up_whoever_writes(tmp_path: Path) -> None:
    path = tmp_path / "used.db"
    assert KeyUse(path).of(LAPTOP, DAY) == Use()
    assert not path.exists()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: KeyUse(path).add([(LAPTOP, DAY, Use(1, 10))]), range(20)))
    KeyUse(path).add([(LAPTOP, DAY, Use(-1, 0))])
    assert KeyUse(path).of(LAPTOP, DAY) == Use(19, 200)
    assert KeyUse(path).of(LAPTOP._replace(limits=KeyLimits(3)), DAY) == Use(19, 200)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_day_and_another_key_of_that_name_begin_anew(tmp_path: Path) -> None:
    use = KeyUse(tmp_path / "used.db")
    use.add([(LAPTOP, DAY, Use(1, 10))])
    assert use.of(LAPTOP._replace(made_at=2000.0), DAY) == Use()
    assert use.of(LAPTOP, "2026-11-29") == Use()
    use.add([(LAPTOP, "2026-11-29", Use(2, 5))])
    assert (use.of(LAPTOP, DAY), use.of(LAPTOP, "2026-11-29")) == (Use(), Use(2, 5))


def test_a_broken_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "used.db"
    path.write_bytes(b"no database " * 1000)
    assert KeyUse(path).of(LAPTOP, DAY) == Use()
    KeyUse(path).add([(LAPTOP, DAY, Use(1, 1))])
    assert KeyUse(path).of(LAPTOP, DAY) == Use(1, 1)
