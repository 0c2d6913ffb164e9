"""constraints.txt pins what pyproject.toml asks for, once for each Python and platform, and names no registry."""

from __future__ import annotations

import re
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PLATFORMS = {
    "linux": {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux", "platform_machine": "x86_64"},
    "mac": {"sys_platform": "darwin", "os_name": "posix", "platform_system": "Darwin", "platform_machine": "arm64"},
    "intel-mac": {
        "sys_platform": "darwin",
        "os_name": "posix",
        "platform_system": "Darwin",
        "platform_machine": "x86_64",
    },
    "windows": {"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows", "platform_machine": "AMD64"},
}


def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def environment(platform: str, minor: int) -> dict[str, str]:
    full = f"3.{minor}.11"
    implementation = {"platform_python_implementation": "CPython", "implementation_name": "cpython"}
    return {**PLATFORMS[platform], **implementation, "python_version": f"3.{minor}", "python_full_version": full}


@pytest.mark.parametrize("minor", [10, 11, 12, 13])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_package_has_one_exact_version(platform: str, minor: int) -> None:
    here = environment(platform, minor)
    chosen = [pin.name for pin in pins() if pin.marker is None or pin.marker.evaluate(here)]
    assert len(chosen) == len(set(chosen)), sorted(name for name in chosen if chosen.count(name) > 1)
    assert len(chosen) > 90
    assert all(re.fullmatch(r"==[\d.]+(post\d+)?", str(pin.specifier)) for pin in pins())


def test_all_that_the_tests_run_with_has_its_pinned_version() -> None:
    """Follows what each installed package asks for, from the project on."""
    pinned = {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pins()
        if pin.marker is None or pin.marker.evaluate()
    }
    waiting, different = [("tray-bridge", "test")], {}
    seen = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        for line in requires(name) or ():
            wanted = Requirement(line)
            if wanted.marker and not wanted.marker.evaluate({"extra": extra}):
                continue
            found = canonicalize_name(wanted.name)
            assert found in pinned, f"{found}, which {name} needs, is not pinned"
            if version(found) != pinned[found]:
                different[found] = version(found)
            new = {(str(found), extra) for extra in wanted.extras or {""}} - seen
            seen |= new
            waiting += new
    assert len(seen) > 60
    assert not different, "not installed as pinned: pip install -c constraints.txt -e '.[test]'"


def test_no_address_of_a_registry_is_kept() -> None:
    for path in (ROOT / "constraints.txt", *(ROOT / "tests").glob("clients*.txt")):
        assert not re.search(r"://|^--", path.read_text("utf-8"), re.MULTILINE), path
