"""Type checkers see through `.remote`, `get` and `wait`: mypy, strict, and pyright agree.

Owns the running of checkers on the folders beside it. What is accepted and refused is there, where
a comment that silences an error is an error itself if there is nothing to silence.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).parent
SILENCED = "# type: ignore["
LIMIT_S = 240
# As users would run them: without the settings of this repository. Each checks a folder.
COMMANDS = {
    "mypy": ("corpus", ["mypy", "--strict", "--config-file=", "--cache-dir={cache}", "."]),
    "mypy with the plugin": (
        "plugin",
        ["mypy", "--strict", "--config-file=mypy.ini", "--cache-dir={cache}", "."],
    ),
    "pyright": ("corpus", ["pyright", "--project", ".", "--pythonpath", sys.executable]),
}

pytestmark = pytest.mark.timeout(LIMIT_S)


@pytest.mark.parametrize("checker", COMMANDS)
def test_a_checker_accepts_what_is_right_and_refuses_what_is_wrong(
    checker: str, tmp_path: Path
) -> None:
    corpus, command = COMMANDS[checker]

    returncode, printed = checked(command, FOLDER / corpus, cache=tmp_path)

    assert returncode == 0, printed


@pytest.mark.parametrize("checker", COMMANDS)
def test_a_checker_notices_when_nothing_is_wrong_any_more(checker: str, tmp_path: Path) -> None:
    corpus, command = COMMANDS[checker]
    errors = 0
    for path in (FOLDER / corpus).iterdir():
        text = path.read_text() if path.is_file() else ""
        errors += text.count(SILENCED)
        (tmp_path / path.name).write_text(text.replace(SILENCED, "# was: ignore["))

    returncode, printed = checked(command, tmp_path, cache=tmp_path / "cache")

    assert returncode != 0
    assert errors > 0
    assert printed.count("error:") >= errors, printed


def checked(command: list[str], directory: Path, *, cache: Path) -> tuple[int, str]:
    """The exit code of a checker, and what it printed."""
    sources = str(ROOT / "python")
    done = subprocess.run(
        [sys.executable, "-m", *(part.format(cache=cache) for part in command)],
        cwd=directory,
        env={**os.environ, "MYPYPATH": sources, "PYTHONPATH": sources},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
