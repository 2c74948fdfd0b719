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
    """Returns the interpreter that has Ray, installing into its environment what it lacks.

    Args:
        environment: Where the environment is, or will be.
        requirement: Which Ray it must have; where none is, the newest of these is installed.
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
    sys.stderr.write(f"{environment} must have {' '.join(wanted)}\n")
    _run([str(python), "-m", "pip", "install", "--quiet", *wanted])
    return python


def _pins() -> list[str]:
    """The libraries, each with its version."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    return list(groups["third-party"])


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603 - fixed commands
