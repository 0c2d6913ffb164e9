"""Each client's file: written as its own documentation has it, comments kept, undone to the byte."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from tray_bridge.machine.private_files import replace_file
from tray_bridge.setup import change
from tray_bridge.setup.change import SetupError, plan, undo, was_set_up, write
from tray_bridge.setup.clients import SETUP_CLIENTS, SetupClient, Values, find_client
from tray_bridge.setup.jsonc import read, set_value
from tray_bridge.setup.place import Place
from tray_bridge.setup.text_edits import set_env, set_toml, set_yaml_item, set_yaml_keys

VALUES = Values("http://127.0.0.1:8000/v1", "sonnet", "not-needed")

# What a person may have there already, comments, odd indentation and all.
EARLIER = {
    "continue": "# mine\nname: My config\nversion: 0.0.1\nmodels:\n  - name: Local\n    provider: ollama # keep\n"
    "    model: qwen\n\n# the end\nrules:\n  - Be brief\n",
    "zed": '// Zed settings\n{\n    "theme": "One Dark", // dark\n    "language_models": {\n'
    '        "ollama": { "api_url": "x" },\n'
    '        "ollama": { "api_url": "x" },\n    },\n}\n',
    "aider": "# aider\nmodel: gpt-4o   # my favourite\nauto-commits: false\n",
    "llm": "- model_id: mine\n  model_name: mine # note\n  api_base: http://localhost:1\n",
    "opencode": '{"$schema": "https://opencode.ai/config.json", "theme": "system"}',
    "cline": '{\n  "version": 1,\n  "lastUsedProvider": "cline",\n  "providers": {\n    "cline": {}\n  }\n}',
    "codex": '# codex\nmodel = "gpt-5" # old\n\n[tui]\nnotifications = true\n\n[model_providers.mine]\nname = "Mine"\n',
    "claude-code": "{}",
    "vscode": '[\n\t// mine\n\t{ "name": "Other", "vendor": "ollama" }\n]\n',
    "open-webui": "# env\nexport OPENAI_API_KEY=old\nWEBUI_NAME=x",
    "sdk": "A=1\r\nOPENAI_API_KEY=old\r\n",
}


def yaml(text: str) -> Any:
    return pytest.importorskip("yaml").safe_load(text)


def wanted(client: SetupClient, path: Path) -> None:
    """Check what the client itself would read."""
    text = path.read_text("utf-8")
    if client.id == "continue":
        model = next(one for one in yaml(text)["models"] if one["name"] == "Tray Bridge")
        assert (model["provider"], model["apiBase"], model["model"]) == ("openai", VALUES.base_url, "sonnet")
    elif client.id == "zed":
        provider = read(text)["language_models"]["openai_compatible"]["Tray Bridge"]
        assert provider["api_url"] == VALUES.base_url
        assert provider["available_models"][0]["name"] == "sonnet"
    elif client.id == "aider":
        found = yaml(text)
        assert (found["model"], found["openai-api-base"]) == ("openai/sonnet", VALUES.base_url)
        assert found["openai-api-key"] == "not-needed"
    elif client.id == "llm" and path.suffix == ".yaml":
        model = next(one for one in yaml(text) if one["model_id"] == "tray-bridge")
        assert (model["api_base"], model["api_key_name"]) == (VALUES.base_url, "tray-bridge")
    elif client.id == "llm":
        assert json.loads(text)["tray-bridge"] == "not-needed"
    elif client.id == "opencode":
        assert read(text)["provider"]["tray-bridge"]["options"]["baseURL"] == VALUES.base_url
    elif client.id == "cline":
        found = json.loads(text)
        entry = found["providers"][found["lastUsedProvider"]]
        assert (entry["settings"]["baseUrl"], entry["settings"]["apiKey"]) == (VALUES.base_url, "not-needed")
        assert {"updatedAt", "tokenSource"} <= entry.keys()
        assert found["version"] == 1
    elif client.id == "codex":
        found = tomlkit.parse(text).unwrap()
        assert (found["model"], found["model_provider"]) == ("sonnet", "tray-bridge")
        assert found["model_providers"]["tray-bridge"]["wire_api"] == "responses"
    elif client.id == "claude-code":
        assert json.loads(text)["env"]["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:8000"
    elif client.id == "vscode":
        item = next(one for one in read(text) if one["name"] == "Tray Bridge")
        assert item["models"][0]["url"] == "http://127.0.0.1:8000/v1/chat/completions"
    else:
        assert "=http://127.0.0.1:8000/v1" in text


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("TRAY_BRIDGE_HOME", str(tmp_path / "own"))
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    return Place(tmp_path / "home", tmp_path / "work", {}, "linux")


@pytest.mark.parametrize("client", SETUP_CLIENTS, ids=lambda client: client.id)
def test_a_file_that_is_there_keeps_its_comments_and_is_given_back_to_the_byte(
    client: SetupClient, place: Place
) -> None:
    path = client.files(place)[0][0]
    path.parent.mkdir(parents=True, exist_ok=True)
    before = EARLIER[client.id].encode()
    path.write_bytes(before)
    path.chmod(0o640)
    changes = plan(client, VALUES, place)
    assert "+" in changes[0].diff()
    assert path.read_bytes() == before
    write(client, changes)
    for changed, _ in client.files(place):
        wanted(client, changed)
    after = path.read_text("utf-8")
    for comment in ("# mine", "# keep", "# the end", "// Zed settings", "// dark", "# aider", "# note", "# codex"):
        assert (comment in EARLIER[client.id]) <= (comment in after)
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o640
    assert was_set_up(client)
    undo(client, place)
    assert path.read_bytes() == before
    assert [other for other, _ in client.files(place)[1:] if other.exists()] == []
    assert not was_set_up(client)


@pytest.mark.parametrize("client", SETUP_CLIENTS, ids=lambda client: client.id)
def test_a_file_that_was_not_there_is_taken_away_again(client: SetupClient, place: Place) -> None:
    write(client, plan(client, VALUES, place))
    for path, _ in client.files(place):
        wanted(client, path)
    undo(client, place)
    assert [path for path, _ in client.files(place) if path.exists()] == []


@pytest.mark.parametrize("client", SETUP_CLIENTS, ids=lambda client: client.id)
def test_set_up_twice_it_says_the_same_once_and_the_oldest_file_comes_back(client: SetupClient, place: Place) -> None:
    path = client.files(place)[0][0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(EARLIER[client.id].encode())
    write(client, plan(client, VALUES, place))
    once = path.read_bytes()
    assert not [change for change in plan(client, VALUES, place) if change.differs]
    other = Values("http://127.0.0.1:9000/v1", "opus", "tb-key")
    write(client, plan(client, other, place))
    assert path.read_bytes() != once
    assert b":9000" in path.read_bytes()
    assert b":8000" not in path.read_bytes()
    undo(client, place)
    assert path.read_bytes() == EARLIER[client.id].encode()


def test_a_file_that_was_changed_since_is_not_overwritten_unless_that_is_wanted(place: Place) -> None:
    aider = find_client("aider")
    assert aider
    path = place.home / ".aider.conf.yml"
    path.write_text("dark-mode: true\n")
    write(aider, plan(aider, VALUES, place))
    path.write_text(path.read_text() + "vim: true\n")
    with pytest.raises(SetupError, match="changed since"):
        undo(aider, place)
    undo(aider, place, force=True)
    assert path.read_text() == "dark-mode: true\n"


def test_a_file_that_another_program_changed_after_it_was_shown_is_not_written(place: Place) -> None:
    zed = find_client("zed")
    assert zed
    path = place.home / ".config" / "zed" / "settings.json"
    shown = plan(zed, VALUES, place)
    path.parent.mkdir(parents=True)
    path.write_text('{"theme": "new"}')
    with pytest.raises(SetupError, match="changed just now"):
        write(zed, shown)
    assert path.read_text() == '{"theme": "new"}'
    assert not was_set_up(zed)


def test_a_client_set_up_in_two_folders_is_undone_in_the_one_that_is_meant(place: Place, tmp_path: Path) -> None:
    sdk = find_client("sdk")
    assert sdk
    places = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".env").write_text(f"NAME={name}\n")
        places.append(Place(place.home, tmp_path / name, {}, "linux"))
    one, two, three = places
    for there in (one, two):
        write(sdk, plan(sdk, VALUES, there))
    with pytest.raises(SetupError, match="not set up at") as error:
        undo(sdk, three)
    assert str(tmp_path / "one" / ".env") in error.value.hint
    assert undo(sdk, one) == [tmp_path / "one" / ".env"]
    assert (tmp_path / "one" / ".env").read_text() == "NAME=one\n"
    assert "OPENAI_BASE_URL" in (tmp_path / "two" / ".env").read_text()
    assert undo(sdk, three) == [tmp_path / "two" / ".env"]  # the only one that is left
    assert (tmp_path / "two" / ".env").read_text() == "NAME=two\n"
    assert not was_set_up(sdk)


def test_on_a_full_disk_nothing_is_half_done_and_nothing_is_left_to_undo(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    llm = find_client("llm")
    assert llm
    first, second = (path for path, _ in llm.files(place))
    put = replace_file

    def full(path: Path, content: bytes) -> None:
        if path == second:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        put(path, content)

    monkeypatch.setattr(change, "replace_file", full)
    with pytest.raises(SetupError, match="No space left") as error:
        write(llm, plan(llm, VALUES, place))
    assert error.value.hint == "Make room on the disk, then try again."
    assert not first.exists()
    assert not was_set_up(llm)


def test_what_cannot_be_placed_safely_is_left_alone_and_shown(place: Place) -> None:
    zed = find_client("Zed")
    assert zed
    path = place.home / ".config" / "zed" / "settings.json"
    path.parent.mkdir(parents=True)
    path.write_text('{ "theme": ')
    with pytest.raises(SetupError, match="cannot be changed safely") as error:
        plan(zed, VALUES, place)
    assert "openai_compatible" in error.value.hint
    assert path.read_text() == '{ "theme": '


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_a_link_stays_a_link(place: Place) -> None:
    aider = find_client("aider")
    assert aider
    real = place.working / "dotfiles.yml"
    real.write_text("vim: true\n")
    (place.home / ".aider.conf.yml").symlink_to(real)
    write(aider, plan(aider, VALUES, place))
    assert (place.home / ".aider.conf.yml").is_symlink()
    assert "openai-api-base" in real.read_text()
    real.unlink()
    undo(aider, place)
    assert real.read_text() == "vim: true\n"
    real.unlink()
    write(aider, plan(aider, VALUES, place))
    undo(aider, place)
    assert (place.home / ".aider.conf.yml").is_symlink()
    assert not real.exists()


@pytest.mark.parametrize(
    ("text", "path", "value", "after"),
    [
        ("", ("a",), 1, '{\n  "a": 1\n}\n'),
        ("// note\n", ("a",), 1, '// note\n{\n  "a": 1\n}\n'),
        ("{}", ("a", "b"), 1, '{\n  "a": {\n    "b": 1\n  }\n}'),
        ('{"a": 1}', ("a",), 2, '{"a": 2}'),
        ('{\n  "a": 1 // one\n}', ("b",), 2, '{\n  "a": 1,\n  "b": 2 // one\n}'),
        ('{\n\t"a": 1,\n}', ("b",), 2, '{\n\t"a": 1,\n\t"b": 2\n}'),
        ('{"x": {/* empty */}}', ("x", "y"), 2, '{"x": {/* empty */\n    "y": 2\n  }}'),
        ('[{"name": "A"}]', (("name", "A"),), {"name": "A", "b": 1}, '[{\n    "name": "A",\n    "b": 1\n  }]'),
    ],
)
def test_json_is_changed_in_place(text: str, path: tuple[Any, ...], value: Any, after: str) -> None:
    assert set_value(text, path, value) == after


@pytest.mark.parametrize("text", ["{", '{"a" 1}', '{"a": 1} x', '{"a": [1 2]}', '{"a": }', "[1"])
def test_json_that_is_broken_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        set_value(text, ("b",), 1)


def test_yaml_toml_and_env_are_changed_in_place() -> None:
    assert set_yaml_keys("a: 1 # one\r\n", {"a": "2", "b": "x y"}) == 'a: 2 # one\r\nb: "x y"\r\n'
    with pytest.raises(ValueError, match="several lines"):
        set_yaml_keys("a: |\n  text\n", {"a": "2"})
    assert set_yaml_item("models: []\n", "models", "name: T", ("x: 1",)) == "models:\n  - name: T\n    x: 1\n"
    with pytest.raises(ValueError, match="one item a line"):
        set_yaml_item("models: [a]\n", "models", "name: T", ())
    assert set_env("export A=1\n", {"A": "2", "B": "3"}) == "export A=2\nB=3\n"
    with pytest.raises(ValueError, match="line 1"):
        set_toml("a = ", {"a": 1})


ITEM = "- name: T\n  x: 1\n"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("---\n- name: a\n", "---\n- name: a\n" + ITEM),
        ("  - name: a\n", "  - name: a\n  - name: T\n    x: 1\n"),
        ('- name: "T" # mine\n  y: 2\n\n# of b\n- name: b\n', ITEM + "\n# of b\n- name: b\n"),
        ("- {name: T}\n- name: b\n...\n", ITEM + "- name: b\n...\n"),
        ("- y: 2\n  name: T\n- name: b\n", ITEM + "- name: b\n"),
    ],
)
def test_an_item_of_a_yaml_list_is_found_in_any_form(text: str, after: str) -> None:
    assert set_yaml_item(text, None, "name: T", ("x: 1",)) == after


@pytest.mark.parametrize("text", ["a: [\n", "[]\n", "a: 1\n", "null\n", "a: *b\n"])
def test_yaml_whose_edited_text_would_mean_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        set_yaml_item(text, None, "name: T", ("x: 1",))


@pytest.mark.parametrize("text", ["a: [\n", "{}\n", "- a\n", "a: 1\na: 2\n", "a:\n  1\n", "a: 1\n...\n"])
def test_yaml_keys_are_set_only_where_the_file_then_has_them(text: str) -> None:
    with pytest.raises(ValueError):
        set_yaml_keys(text, {"a": "3", "b": "4"})


def test_toml_with_dotted_keys_is_refused_and_windows_line_ends_stay() -> None:
    values = {"model": "sonnet", "providers": {"t": {"url": "x"}}}
    with pytest.raises(ValueError, match="edited in place"):
        set_toml('providers.mine.name = "x"\n', values)
    after = set_toml('model = "x" # old\r\n\r\n[tui]\r\na = 1\r\n', values)
    assert after.count("\n") == after.count("\r\n")
    assert "# old" in after


def test_env_keeps_its_comments_and_the_last_of_two_counts() -> None:
    assert set_env("A='x # y' # mine\n A=2\n", {"A": "3"}) == "A=3 # mine\n A=3\n"
    with pytest.raises(ValueError, match="several lines"):
        set_env('A="one\ntwo"\n', {"A": "3"})


def test_a_file_of_brackets_alone_is_refused(place: Place) -> None:
    zed = find_client("zed")
    assert zed
    path = place.home / ".config" / "zed" / "settings.json"
    path.parent.mkdir(parents=True)
    path.write_text("[" * 100_000)
    with pytest.raises(SetupError, match="cannot be changed safely"):
        plan(zed, VALUES, place)


def test_a_file_of_windows_keeps_its_line_ends() -> None:
    for before in ('{\r\n  "a": 1\r\n}\r\n', "{\r\n}\r\n", "// mine\r\n"):
        after = set_value(before, ["b", "c"], {"d": 2})
        assert after.count("\n") == after.count("\r\n") > before.count("\n")
        assert read(after)["b"] == {"c": {"d": 2}}
