"""A real XFCE panel on a virtual screen: what a person would see of the tray, and a mouse to click it with.

Needs the Debian packages xvfb, openbox, xfce4-panel and dbus.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest

from tests.commands import ROOT, StartedCommand, start_command

NEEDED = ("Xvfb", "dbus-daemon", "openbox", "xfce4-panel")
PANEL_HEIGHT = 30
BACKGROUND = 0x5B7FA6
TRAY_END = 66  # pixels at the right end that the clock takes

SETTINGS = """\
<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="{dark}"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="{height}"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/>
        <value type="int" value="2"/>
        <value type="int" value="3"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-2" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
      <property name="icon-size" type="int" value="0"/>
    </property>
    <property name="plugin-3" type="string" value="clock"/>
  </property>
</channel>
"""


class RealPanel:
    """Use it in a `with`. `environment` is what programs on this desktop get."""

    def __init__(self, folder: Path, *, dark: bool = False, scale: int = 1, size: str = "1000x700") -> None:
        folder.mkdir()
        self._folder = folder
        self.errors = folder / "stderr"
        self._scale = scale
        self._size = size
        self._programs: list[subprocess.Popen[Any] | StartedCommand] = []
        self.environment = {
            **os.environ,
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_RUNTIME_DIR": str(folder),
            "GDK_SCALE": str(scale),
            "NO_AT_BRIDGE": "1",
        }
        channel = folder / "config" / "xfce4" / "xfconf" / "xfce-perchannel-xml" / "xfce4-panel.xml"
        channel.parent.mkdir(parents=True)
        channel.write_text(SETTINGS.format(dark="true" if dark else "false", height=PANEL_HEIGHT))

    @staticmethod
    def is_available() -> bool:
        return all(map(shutil.which, NEEDED))

    def __enter__(self) -> RealPanel:
        reading, writing = os.pipe()
        self._start(
            "Xvfb",
            "-displayfd",
            str(writing),
            "-screen",
            "0",
            f"{self._size}x24",
            "-nolisten",
            "tcp",
            pass_fds=(writing,),
        )
        os.close(writing)
        with os.fdopen(reading) as numbers:
            self.environment["DISPLAY"] = f":{numbers.readline().strip()}"
        # The panel's settings daemon is started by the bus: this one knows the system's services.
        address = f"unix:path={self._folder / 'bus'}"
        self._start("dbus-daemon", "--session", "--nofork", f"--address={address}")
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = address
        until_there(self._folder / "bus")
        self.display = Display(self.environment["DISPLAY"])
        self.display.screen().root.change_attributes(background_pixel=BACKGROUND)
        self.display.screen().root.clear_area()
        self._start("openbox")
        self._start("xfce4-panel", "--disable-wm-check")
        self._wait_for_tray()
        return self

    def __exit__(self, *_: object) -> None:
        self.display.close()
        for program in reversed(self._programs):
            program.send_signal(signal.SIGTERM)
            try:
                program.wait(30)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()

    def start_python(
        self, module: str, *words: str, environment: Mapping[str, str] = {}
    ) -> subprocess.Popen[Any] | StartedCommand:
        """Starts `python -m MODULE WORDS` on this desktop, which ends with it."""
        variables = {**self.environment, "PYTHONPATH": str(ROOT), **environment}
        with self.errors.open("a") as errors, Path(os.devnull).open("w") as nothing:
            program = start_command(words, variables, output=nothing, errors=errors, module=module)
        self._programs.append(program)
        return program

    def picture(self) -> Image.Image:
        """The whole screen."""
        self.display.sync()
        geometry = self.display.screen().root.get_geometry()
        size = (geometry.width, geometry.height)
        raw = self.display.screen().root.get_image(0, 0, *size, X.ZPixmap, 0xFFFFFFFF)
        return Image.frombytes("RGB", size, raw.data, "raw", "BGRX")

    def panel_picture(self) -> Image.Image:
        """The panel, without its clock."""
        whole = self.picture()
        return whole.crop((0, 0, whole.width - TRAY_END * self._scale, PANEL_HEIGHT * self._scale))

    def icon_places(self) -> list[tuple[int, int]]:
        """The middle of each icon in the tray, from left to right."""
        panel = self.panel_picture()
        background = panel.getpixel((2, 2))
        used = [
            any(panel.getpixel((x, y)) != background for y in range(3, panel.height - 3)) for x in range(panel.width)
        ]
        places, start = [], None
        for x, on in enumerate([*used, False]):
            if on and start is None:
                start = x
            elif not on and start is not None:
                if x - start > 10:
                    places.append(((start + x) // 2, panel.height // 2))
                start = None
        return places

    def click(self, place: tuple[int, int], button: int = 1) -> None:
        self.move(place)
        xtest.fake_input(self.display, X.ButtonPress, button)
        xtest.fake_input(self.display, X.ButtonRelease, button)
        self.display.sync()

    def move(self, place: tuple[int, int]) -> None:
        xtest.fake_input(self.display, X.MotionNotify, x=place[0], y=place[1])
        self.display.sync()
        time.sleep(0.2)

    def _start(
        self, *command: str, environment: Mapping[str, str] = {}, pass_fds: tuple[int, ...] = ()
    ) -> subprocess.Popen[Any]:
        program = subprocess.Popen(
            command,
            env={**self.environment, **environment},
            cwd=self._folder,
            pass_fds=pass_fds,
            stdout=subprocess.DEVNULL,
            stderr=self.errors.open("a"),
        )
        self._programs.append(program)
        return program

    def _wait_for_tray(self) -> None:
        from tray_bridge.desktop import tray_host

        before = {name: os.environ.get(name) for name in ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY")}
        os.environ.update({name: self.environment[name] for name in before})
        try:
            end = time.monotonic() + 60
            while tray_host.probe().kind != "status_notifier":
                assert time.monotonic() < end, "the panel shows no tray"
                time.sleep(0.1)
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def until_there(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.02)
