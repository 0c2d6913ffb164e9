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
from collections.abc import Iterator
from pathlib import Path

import tomlkit
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
VERSIONS = ("lowest", "newest")


def lowest() -> Iterator[str]:
    """Give a constraint for each direct dependency: the lowest version that pyproject.toml allows."""
    project = tomlkit.parse((ROOT / "pyproject.toml").read_text("utf-8")).unwrap()["project"]
    for line in project["dependencies"]:
        needed = Requirement(line)
        least = next(part.version for part in needed.specifier if part.operator in (">=", "=="))
        yield f"{needed.name}=={least}" + (f"; {needed.marker}" if needed.marker else "")


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


def attempt(python: str, versions: str, pytest_arguments: list[str]) -> str:
    """Install and test one combination; gives an empty text if all is well, else what failed."""
    with tempfile.TemporaryDirectory(prefix="tray-bridge-versions-") as folder:
        environment = Path(folder, "venv")
        subprocess.run([python, "-m", "venv", environment], check=True)
        own = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        constraints = Path(folder, "constraints.txt")
        constraints.write_text("\n".join(lowest()) if versions == "lowest" else "", "utf-8")
        install: list[str | Path] = [own, "-m", "pip", "install", "-q", "-c", constraints, "-e", f"{ROOT}[test]"]
        if subprocess.run(install, check=False).returncode:
            return "it cannot be installed"
        subprocess.run([own, "-m", "pip", "check"], check=False)
        done = subprocess.run([own, "-m", "pytest", "-q", *pytest_arguments], check=False, cwd=ROOT)
        return "tests failed" if done.returncode else ""


def main() -> int:
    """Try every combination and print one line for each; gives 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", action="append", help="one combination, such as 3.10-lowest; may be repeated")
    arguments, rest = parser.parse_known_args()
    results = {}
    for version, python in installed_pythons().items():
        for versions in VERSIONS:
            name = f"{version}-{versions}"
            if not arguments.only or name in arguments.only:
                results[name] = attempt(python, versions, rest)
    for name, problem in results.items():
        sys.stdout.write(f"{name:<12} {problem or 'passed'}\n")
    missing = [version for version in PYTHONS if version not in installed_pythons()]
    sys.stdout.write(f"not here: {', '.join(missing) or 'none'}\n")
    return 1 if any(results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
