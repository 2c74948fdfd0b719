"""The version that Python shows is the one the package is built with."""

from __future__ import annotations

import tomllib
from pathlib import Path

from aktis.version import __version__

ROOT = Path(__file__).resolve().parents[3]


def test_the_version_is_that_of_the_workspace() -> None:
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())

    assert __version__ == cargo["workspace"]["package"]["version"]
