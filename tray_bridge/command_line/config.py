"""`tray-bridge config`: read and change the settings file."""

from __future__ import annotations

import argparse
import json

from ..errors import SettingsError
from .terminal import write


def manage_config(arguments: argparse.Namespace) -> int:
    """Do what is asked; raises SettingsError."""
    from ..machine.paths import config_file
    from ..settings.schema import Settings, explain, load_settings, save_setting
    from ..settings.words import nearest

    if arguments.action == "path":
        write(f"{config_file()}\n")
        return 0
    if arguments.action == "set":
        save_setting(arguments.key, None if arguments.value == "" else _value(arguments.key, arguments.value))
        write(f"{arguments.key} = {json.dumps(_shown(getattr(load_settings(), arguments.key)))}\n")
        return 0
    settings = load_settings()
    if arguments.key:
        if arguments.key not in Settings.model_fields:
            problem = f"There is no setting `{arguments.key}`.{nearest(arguments.key, Settings.model_fields)}"
            raise SettingsError(problem, hint="`tray-bridge config` lists all.")
        write(f"{json.dumps(_shown(getattr(settings, arguments.key)))}\n")
        return 0
    if arguments.json:
        write(json.dumps({one.key: _shown(getattr(settings, one.key)) for one in explain()}) + "\n")
        return 0
    for one in explain():
        write(f"{one.key} = {json.dumps(_shown(getattr(settings, one.key)))}\n    {one.description}\n")
    return 0


def _value(key: str, text: str) -> object:
    """Give a value for the file, which needs numbers and booleans as such; other settings are read from text."""
    from ..settings.schema import Settings, checked_value

    return checked_value(key, text) if key in Settings.model_fields else text


def _shown(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, (bool, int, float, str, dict)) or value is None else str(value)
