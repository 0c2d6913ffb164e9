from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from tray_bridge.errors import SettingsError
from tray_bridge.machine.api_keys import ApiKeys


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "keys.json"


def test_without_keys_none_exists_and_none_fits(path: Path) -> None:
    keys = ApiKeys(path)
    assert not keys.exist()
    assert keys.verify("tb-anything") is None
    assert keys.list() == ()


def test_a_key_is_known_by_its_name_wherever_it_is_looked_up(path: Path) -> None:
    first, second = ApiKeys(path).make("laptop"), ApiKeys(path).make("editor 2")
    keys = ApiKeys(path)
    assert (keys.verify(first), keys.verify(second)) == ("laptop", "editor 2")
    assert [key.name for key in keys.list()] == ["laptop", "editor 2"]
    assert first.startswith("tb-")
    assert len(first) > 40


@pytest.mark.parametrize("wrong", ["", "tb-", "not-needed", "laptop", "\ud800", "é" * 500])
def test_what_is_no_key_does_not_fit(path: Path, wrong: str) -> None:
    keys = ApiKeys(path)
    key = keys.make("laptop")
    assert keys.verify(wrong) is None
    assert keys.verify(key[:-1]) is None
    assert keys.verify(key.upper()) is None


def test_the_key_itself_is_kept_nowhere(path: Path) -> None:
    key = ApiKeys(path).make("laptop")
    assert key.encode() not in path.read_bytes()
    assert key not in repr(ApiKeys(path).list())
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_revoked_key_fails_at_once_in_a_running_bridge(path: Path) -> None:
    running = ApiKeys(path)
    key = running.make("laptop")
    assert running.verify(key) == "laptop"
    ApiKeys(path).revoke("laptop")
    assert running.verify(key) is None
    assert not running.exist()


def test_names_are_unique_and_plain(path: Path) -> None:
    keys = ApiKeys(path)
    keys.make("laptop")
    with pytest.raises(SettingsError, match="already"):
        keys.make("laptop")
    with pytest.raises(SettingsError, match="no key named phone"):
        keys.revoke("phone")
    for name in ("", "a\nb", "x" * 65, "<script>"):
        with pytest.raises(SettingsError, match="not a valid key name"):
            keys.make(name)


@pytest.mark.parametrize("content", ["", "{", '[{"name": 1}]', '"x"', "[[]]", '{"a": 1}'])
def test_a_broken_file_lets_nobody_in(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    keys = ApiKeys(path)
    assert keys.exist()
    assert keys.verify("tb-x") is None
    with pytest.raises(SettingsError, match="cannot be read"):
        keys.list()
    with pytest.raises(SettingsError, match="cannot be read"):
        keys.make("new")
    assert path.read_text() == content


@pytest.mark.parametrize(
    "spoilt",
    [
        {"name": 5},
        {"sha256": None},
        {"made_at": "x"},
        {"limits": {"requests_per_day": "abc"}},
        {"limits": {"tokens_per_day": -3}},
        {"limits": {"tokens_per_day": True}},
        {"limits": {"models": "sonnet"}},
        {"limits": {"dialects": [5]}},
        {"limits": {"paused": "no"}},
        {"limits": {"nope": 1}},
        {"limits": None},
    ],
)
def test_a_spoilt_value_is_not_taken_for_no_limit(path: Path, spoilt: dict[str, object]) -> None:
    keys = ApiKeys(path)
    key = keys.make("laptop")
    (entry,) = json.loads(path.read_bytes())
    path.write_text(json.dumps([{**entry, **spoilt}]))
    assert keys.verify(key) is None
    with pytest.raises(SettingsError, match="cannot be read"):
        keys.list()


def test_every_key_is_another(path: Path) -> None:
    keys = ApiKeys(path)
    assert len({keys.make(str(number)) for number in range(20)}) == 20
    assert len(json.loads(path.read_bytes())) == 20
