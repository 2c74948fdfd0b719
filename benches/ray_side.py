"""Ray beside us: its own virtual environment, made when first needed, and its settings.

Owns what differs between the engines outside the workloads. The workloads know nothing of it.
"""

from __future__ import annotations

import subprocess
import sys
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


def interpreter(environment: Path, requirement: str) -> Path:
    """Returns the interpreter that has Ray, installing the newest Ray if the environment is new.

    Raises:
        subprocess.CalledProcessError: the environment could not be made; its output is on stderr.
    """
    python = environment.absolute() / "bin" / "python"
    if python.exists() and _has_ray(python):
        return python
    sys.stderr.write(f"installing {requirement} into {environment}\n")
    install = [str(python), "-m", "pip", "install", "--quiet", "--upgrade", requirement, "numpy"]
    for command in ([sys.executable, "-m", "venv", str(environment)], install):
        subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603 - fixed commands
    # Git sees nothing of the environment, wherever in the tree it was put.
    (environment / ".gitignore").write_text("*\n")
    return python


def _has_ray(python: Path) -> bool:
    look = "from importlib.metadata import version; version('ray'); version('numpy')"
    found = subprocess.run(  # noqa: S603 - a fixed program
        [str(python), "-c", look], check=False, stderr=subprocess.DEVNULL
    )
    return found.returncode == 0
