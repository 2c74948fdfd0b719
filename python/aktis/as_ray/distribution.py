"""Ray as an installed package: libraries look its version up before they import it.

Owns what `importlib.metadata` tells of it.
"""

from __future__ import annotations

from importlib.metadata import Distribution
from typing import TYPE_CHECKING

from aktis.as_ray import lookup
from aktis.as_ray.table import RAY_VERSION

if TYPE_CHECKING:
    import os
    from pathlib import Path

FILES = {
    "METADATA": f"Metadata-Version: 2.1\nName: {lookup.ROOT}\nVersion: {RAY_VERSION}\n",
    "top_level.txt": f"{lookup.ROOT}\n",
}


class RayDistribution(Distribution):
    """The package that `import ray` seems to come from: a name and a version, no files."""

    def read_text(self, filename: str) -> str | None:
        """The text of a file about the package, None if there is no such file."""
        return FILES.get(filename)

    def locate_file(self, path: str | os.PathLike[str]) -> Path:
        """Raises: there are no files."""
        message = f"ray is aktis here, and has no file {path}"
        raise FileNotFoundError(message)
