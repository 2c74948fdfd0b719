"""Ray beside us: its own virtual environment, made when first needed, and its settings.

Owns what differs between the engines outside the workloads. The workloads know nothing of it.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import version
from typing import TYPE_CHECKING

from benches.figures import ROOT

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT_PATH = ROOT / ".venv-ray"
REQUIREMENT = "ray>=2.60"
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Unset, each start prints a warning about a default that will change.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


def interpreter(environment: Path, requirement: str, *, with_libraries: bool) -> Path:
    """Returns the interpreter that has Ray, installing the newest Ray if the environment is new.

    Args:
        environment: Where the environment is, or will be.
        requirement: Which Ray to install.
        with_libraries: Whether it must have the libraries that run on Ray, too, in the versions
            that aktis is tested with.

    Raises:
        subprocess.CalledProcessError: the environment could not be made; its output is on stderr.
    """
    python = environment.absolute() / "bin" / "python"
    if not python.exists():
        _run([sys.executable, "-m", "venv", str(environment)])
        _run([str(python), "-m", "pip", "install", "--quiet", f"pip=={version('pip')}"])
        # Git sees nothing of the environment, wherever in the tree it was put.
        (environment / ".gitignore").write_text("*\n")
    wanted = ["numpy", requirement]
    if with_libraries:
        wanted += _pins()
    if not _has(python, wanted):
        sys.stderr.write(f"installing {' '.join(wanted)} into {environment}\n")
        _run([str(python), "-m", "pip", "install", "--quiet", "--upgrade", *wanted])
    return python


def _pins() -> list[str]:
    """The libraries, each with its version."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    return list(groups["third-party"])


def _has(python: Path, wanted: list[str]) -> bool:
    """Whether the environment has all of it; of what is not pinned, any version."""
    look = """
import sys
from importlib.metadata import PackageNotFoundError, version
for wanted in sys.argv[1:]:
    name, _, pinned = wanted.partition("==")
    try:
        found = version(name.partition("[")[0].partition(">")[0])
    except PackageNotFoundError:
        sys.exit(1)
    if pinned not in ("", found):
        sys.exit(1)
"""
    found = subprocess.run([str(python), "-c", look, *wanted], check=False)  # noqa: S603 - own text
    return found.returncode == 0


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603 - fixed commands
