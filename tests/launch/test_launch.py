"""The changes to the process as a whole: made once, on the main thread before any other, and not by a restart."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tray_bridge.launch import PLAIN_VARIABLE

ONE_RUN = """
import gc, sys
from tray_bridge import launch
from tray_bridge.launch.collector import settle
launch.begin()
settle()
before = gc.get_freeze_count(), gc.get_threshold(), list(sys.meta_path)
kept = [[number] for number in range(1000)]
launch.begin()
settle()
print(before[0] > 0, before == (gc.get_freeze_count(), gc.get_threshold(), list(sys.meta_path)))
"""
WHERE = """
import threading
from tray_bridge import launch, main
begin = launch.begin
def noted():
    print(threading.active_count(), threading.current_thread() is threading.main_thread())
    begin()
launch.begin = noted
main.main(["--help"])
"""
DESCRIBED = """
from tray_bridge import launch
launch.begin()
launch.import_fastapi()
from fastapi import FastAPI
from fastapi.openapi.models import Contact
from pydantic import BaseModel
print(Contact.__pydantic_complete__, "defer_build" in BaseModel.model_config)
app = FastAPI(title="Described")
app.get("/here")(lambda: None)
print(app.openapi()["info"]["title"], *app.openapi()["paths"])
"""
OFF = "from tray_bridge import launch; launch.begin(); print(*sorted(t for t in launch.TRICKS if launch.is_used(t)))"


def run(program: str, plain: str = "") -> str:
    environment = {**os.environ, PLAIN_VARIABLE: plain}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment).stdout


def test_a_second_start_of_the_server_changes_nothing_more() -> None:
    assert run(ONE_RUN).split() == ["True", "True"]


def test_the_program_makes_them_on_the_main_thread_before_there_is_another() -> None:
    assert run(WHERE).splitlines()[0] == "1 True"


@pytest.mark.parametrize(
    ("plain", "used"),
    [("", "collector early-worker models sdk"), ("0", "collector early-worker models sdk"),
     ("sdk", "collector early-worker models"), ("sdk, collector", "early-worker models"), ("1", ""), ("yes", "")],
)  # fmt: skip
def test_the_variable_switches_off_all_of_them_or_those_that_it_names(plain: str, used: str) -> None:
    assert run(OFF, plain).strip() == used


def test_fastapis_models_are_built_when_a_description_is_wanted_and_no_other_model_is_concerned() -> None:
    assert run(DESCRIBED).split() == ["False", "False", "Described", "/here"]
    assert run(DESCRIBED, "models").split() == ["True", "False", "Described", "/here"]
