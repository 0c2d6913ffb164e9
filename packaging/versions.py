"""Try every Python that is here with the lowest and the newest version of every dependency.

`python packaging/versions.py` installs the project into a fresh environment for each combination, in a temporary
folder, and runs the default tests there. Other arguments are passed to pytest, such as `tests/bridge` for a quick look.
`--only 3.10-lowest` tries one combination. Each takes about a gigabyte while it runs.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
VERSIONS = ("lowest", "newest")
PINNED = "tests/packaging/test_constraints.py::test_all_that_the_tests_run_with_has_its_pinned_version"
PROGRAMS = "Scripts" if sys.platform == "win32" else "bin"


def installed_pythons() -> dict[str, str]:
    """Find the interpreters by version; a name that does not start (a shim of pyenv) does not count."""
    found = {}
    for version in PYTHONS:
        on_path = shutil.which(f"python{version}")
        pyenv = Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python")
        for place in [*([on_path] if on_path else ()), *map(str, pyenv)]:
            if subprocess.run([place, "-c", ""], capture_output=True, check=False).returncode == 0:
                found[version] = place
                break
    return found


def install_uv(folder: Path) -> Path:
    """Install uv, whose resolver knows how to choose the lowest versions; gives its program."""
    subprocess.run([sys.executable, "-m", "venv", folder / "tools"], check=True)
    programs = folder / "tools" / PROGRAMS
    subprocess.run([programs / "python", "-m", "pip", "install", "-q", "uv"], check=True)
    return programs / "uv"


def attempt(uv: Path, python: str, versions: str, pytest_arguments: list[str], folder: Path) -> str:
    """Install and test one combination; gives an empty text if all is well, else what failed."""
    own = folder / "venv" / PROGRAMS / "python"
    pins = folder / "pins.txt"
    subprocess.run([python, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    resolve: list[str | Path] = [uv, "pip", "compile", "-q", "pyproject.toml", "--python", own, "-o", pins]
    if versions == "lowest":  # of what the app itself needs; the tests' tools are the newest in any case
        resolve += ["--resolution", "lowest-direct"]
    if subprocess.run(resolve, check=False, cwd=ROOT).returncode:
        return "no versions fit together"
    install: list[str | Path] = [uv, "pip", "install", "-q", "--compile-bytecode", "--python", own, "-c", pins]
    install += ["-e", f"{ROOT}[test]"]
    if subprocess.run(install, check=False).returncode:
        return "it cannot be installed"
    # Versions differ from the pins here on purpose.
    tests: list[str | Path] = [own, "-m", "pytest", "-q", "--deselect", PINNED, *pytest_arguments]
    done = subprocess.run(tests, check=False, cwd=ROOT)
    return "tests failed" if done.returncode else ""


def main() -> int:
    """Try every combination and print one line for each; gives 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", action="append", help="one combination, such as 3.10-lowest; may be repeated")
    arguments, rest = parser.parse_known_args()
    pythons, results = installed_pythons(), {}
    with tempfile.TemporaryDirectory(prefix="tray-bridge-versions-") as folder:
        uv = install_uv(Path(folder))
        for version, python in pythons.items():
            for versions in VERSIONS:
                name = f"{version}-{versions}"
                if not arguments.only or name in arguments.only:
                    place = Path(folder, name)
                    place.mkdir()
                    results[name] = attempt(uv, python, versions, rest, place)
                    shutil.rmtree(place)
    for name, problem in results.items():
        sys.stdout.write(f"{name:<12} {problem or 'passed'}\n")
    missing = [version for version in PYTHONS if version not in pythons]
    sys.stdout.write(f"not here: {', '.join(missing) or 'none'}\n")
    return 1 if any(results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
