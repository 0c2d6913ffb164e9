from __future__ import annotations

import stat
import sys
import threading
from pathlib import Path

import pytest

from tray_bridge.errors import SettingsError
from tray_bridge.machine.paths import config_file
from tray_bridge.settings.schema import (
    ensure_settings_file,
    explain,
    load_settings,
    reload_settings,
    save_setting,
    unknown_keys,
)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAY_BRIDGE_HOME", str(tmp_path / "own"))


def write_file(text: str) -> Path:
    path = config_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_without_any_source_the_defaults_hold() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.pool_size) == ("127.0.0.1", 8000, 3)
    assert settings.model_aliases["gpt-4o"] == "sonnet"


def test_flags_beat_the_environment_which_beats_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write_file("port = 8001\npool_size = 1\nlog_days = 3\n")
    monkeypatch.setenv("PORT", "8002")
    monkeypatch.setenv("POOL_SIZE", "2")
    settings = load_settings({"port": "8003", "host": None})
    assert (settings.port, settings.pool_size, settings.log_days) == (8003, 2, 3)


def test_of_two_variables_of_one_setting_the_short_name_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAY_BRIDGE_PORT", "8001")
    monkeypatch.setenv("PORT", "8002")
    assert load_settings().port == 8002
    monkeypatch.setenv("PORT", "")  # which is none
    assert load_settings().port == 8001


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("PORT", "9", "port", 9),
        ("TRAY_BRIDGE_PORT", "9", "port", 9),
        ("POOL_SIZE", "0", "pool_size", 0),
        ("CLAUDE_TIMEOUT", "1.5", "claude_timeout", 1.5),
        ("TRAY_BRIDGE_LOG_MODE", "metadata", "log_mode", "metadata"),
        ("TRAY_BRIDGE_SHOW_REASONING", "false", "show_reasoning", False),
        ("TRAY_BRIDGE_ALLOWED_ORIGINS", "http://a, http://b", "allowed_origins", ("http://a", "http://b")),
        ("TRAY_BRIDGE_LOG_FOLDER", "~/logs", "log_folder", Path("~/logs")),
        ("TRAY_BRIDGE_LOG_FOLDER", "", "log_folder", None),
    ],
)
def test_each_kind_of_value_is_read_from_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, key: str, value: object
) -> None:
    monkeypatch.setenv(variable, text)
    assert getattr(load_settings(), key) == (value.expanduser() if isinstance(value, Path) else value)


@pytest.mark.parametrize("text", ["x,y", ' ["x", "y"]', "['x',\n'y']"])
def test_a_list_is_read_as_a_variable_or_as_the_file_has_it(text: str) -> None:
    assert load_settings({"allowed_hosts": text}).allowed_hosts == ("x", "y")
    assert load_settings({"allowed_hosts": "[]"}).allowed_hosts == ()
    with pytest.raises(SettingsError, match="a list of texts"):
        load_settings({"allowed_hosts": '["x"'})


@pytest.mark.parametrize("text", ["mine=haiku", '{mine = "haiku"}'])
def test_a_table_is_read_as_a_variable_or_as_the_file_has_it(text: str) -> None:
    assert load_settings({"model_aliases": text}).model_aliases["mine"] == "haiku"
    with pytest.raises(SettingsError, match="a table of name = model"):
        load_settings({"model_aliases": "{mine"})


def test_aliases_are_added_to_the_built_in_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    write_file('[model_aliases]\n"gpt-4o" = "opus"\nmine = "haiku"\n')
    aliases = load_settings().model_aliases
    assert (aliases["gpt-4o"], aliases["mine"], aliases["gpt-4o-mini"]) == ("opus", "haiku", "haiku")
    monkeypatch.setenv("TRAY_BRIDGE_MODEL_ALIASES", "theirs=opus, gpt-5 = haiku")
    aliases = load_settings().model_aliases
    assert (aliases["theirs"], aliases["gpt-5"], "mine" in aliases) == ("opus", "haiku", False)


def test_a_bad_flag_is_named_with_what_would_be_right() -> None:
    with pytest.raises(SettingsError, match=r"`pool_size` is '40' in the flag --pool-size.* from 0 to 16"):
        load_settings({"pool_size": "40"})


def test_a_bad_variable_is_named_with_what_would_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAY_BRIDGE_LOG_MODE", "some")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "environment variable TRAY_BRIDGE_LOG_MODE" in caught.value.message
    assert "one of `full`, `metadata`, `off`" in caught.value.message


def test_a_bad_value_in_the_file_is_named_with_its_line() -> None:
    path = write_file('# mine\nhost = "127.0.0.1"\nport = "many"\n')
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert f"`port` is 'many' in {path}:3, but takes a whole number from 0 to 65535." in caught.value.message


def test_every_bad_value_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    write_file("log_days = 0\n")
    monkeypatch.setenv("PORT", "x")
    with pytest.raises(SettingsError, match=r"(?s)(?=.*PORT)(?=.*log_days)"):
        load_settings()


@pytest.mark.parametrize("content", [b"port = \n", b"port = 1\nport = 2\n", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_told_by_its_path(content: bytes) -> None:
    path = write_file("")
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="is not valid TOML") as caught:
        load_settings()
    assert str(path) in caught.value.message


def test_a_byte_order_mark_does_no_harm() -> None:
    write_file("").write_bytes(b"\xef\xbb\xbfport = 8005\n")
    assert load_settings().port == 8005


def test_an_unknown_key_is_told_with_the_nearest_name_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    path = write_file("port = 8001\npoolsize = 4\n")
    assert load_settings().pool_size == 3
    assert unknown_keys() == [f"{path}:2: there is no setting `poolsize`, so it is ignored. Did you mean `pool_size`?"]
    assert "poolsize" in caplog.text


def test_settings_are_frozen_and_hashable() -> None:
    settings = load_settings()
    assert hash(settings) == hash(load_settings())
    assert settings == load_settings()
    assert settings != load_settings({"port": 1})
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # mypy knows it, and a plain program does not


def test_the_limit_of_sessions_is_never_below_the_pool() -> None:
    settings = load_settings({"pool_size": 12})
    assert settings.session_limit == 12
    assert settings.model_copy(update={"pool_size": 2}).session_limit == settings.max_sessions == 8


def test_a_broken_file_keeps_the_last_good_settings_and_says_so() -> None:
    before = load_settings({"port": 8009})
    path = write_file("port = [\n")
    after, problem = reload_settings(before, {"port": 8009})
    assert after is before
    assert problem is not None
    assert str(path) in problem.message
    assert "stay in force" in problem.hint
    path.write_text("log_days = 2\n")
    after, problem = reload_settings(before, {"port": 8009})
    assert (after.log_days, after.port, problem) == (2, 8009, None)


def test_saving_keeps_comments_and_order() -> None:
    path = write_file('# my bridge\nport = 8001  # not 8000\n\n# logs\nlog_days = 3\n\n[model_aliases]\na = "b"\n')
    save_setting("port", 8002)
    save_setting("notifications", False)
    text = path.read_text()
    assert text.startswith("# my bridge\nport = 8002  # not 8000\n\n# logs\nlog_days = 3\n")
    assert load_settings().notifications is False
    assert load_settings().model_aliases["a"] == "b"


def test_the_first_saving_makes_a_file_that_describes_every_setting() -> None:
    save_setting("log_mode", "off")
    path = config_file()
    lines = path.read_text().splitlines()
    assert 'log_mode = "off"' in lines
    assert "# port = 8000" in lines
    assert load_settings() == load_settings({"log_mode": "off"})
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_line_of_the_described_file_may_be_uncommented() -> None:
    defaults = load_settings()
    path = ensure_settings_file()
    text = path.read_text()
    for setting in explain():
        text = text.replace(f"# {setting.key} = ", f"{setting.key} = ")
    path.write_text(text)
    assert load_settings() == defaults
    assert unknown_keys() == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("allowed_origins", ("http://a",)),
        ("model_aliases", {"x": "opus", "gpt-9.1": "haiku"}),
        ("log_folder", Path("/tmp/somewhere")),
        ("claude_timeout", 7.5),
    ],
)
def test_a_saved_value_is_read_back(key: str, value: object) -> None:
    defaults = load_settings()
    save_setting(key, value)
    read = getattr(load_settings(), key)
    assert read == value if key != "model_aliases" else {**read, **value} == read  # type: ignore[dict-item]
    save_setting(key, None)
    assert load_settings() == defaults


def test_a_bad_value_is_not_saved() -> None:
    with pytest.raises(SettingsError, match="from 0 to 65535"):
        save_setting("port", 70000)
    with pytest.raises(SettingsError, match=r"no setting `prot`\. Did you mean `port`"):
        save_setting("prot", 1)
    assert not config_file().exists()


def test_a_broken_file_is_not_overwritten_by_saving() -> None:
    path = write_file("port = [\n")
    with pytest.raises(SettingsError):
        save_setting("log_days", 2)
    assert path.read_text() == "port = [\n"


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_saving_through_a_link_changes_the_linked_file(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("port = 8001\n")
    config_file().parent.mkdir(parents=True)
    config_file().symlink_to(real)
    save_setting("port", 8002)
    assert config_file().is_symlink()
    assert real.read_text() == "port = 8002\n"


def test_saving_from_many_threads_loses_nothing() -> None:
    keys = ["port", "pool_size", "log_days", "queue_limit", "parked_sessions", "suspended_sessions"]
    threads = [threading.Thread(target=save_setting, args=(key, 5)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [getattr(load_settings(), key) for key in keys] == [5] * len(keys)


def test_every_setting_is_described() -> None:
    for setting in explain():
        assert setting.description, setting.key
        assert setting.variable == setting.key.upper() or setting.variable.startswith("TRAY_BRIDGE_")
    assert {s.key for s in explain() if not s.variable.startswith("TRAY_")} == {"port", "pool_size", "claude_timeout"}
