"""Lists the files of the repository, as git sees them, for the tests about the repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def listed(*patterns: str) -> list[Path]:
    """The files that git tracks or would add and that match, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.check_output(command, cwd=ROOT, text=True).splitlines()
    return sorted({Path(name) for name in names if (ROOT / name).is_file()})


def text_of(path: Path) -> str:
    """The text of a listed file."""
    return (ROOT / path).read_text(encoding="utf-8")


def is_test(path: Path) -> bool:
    """Whether the file holds tests rather than the product."""
    return path.parts[0] == "tests" or "tests" in path.parts or path.stem == "tests"
