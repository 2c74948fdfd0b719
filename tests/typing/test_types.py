"""Type checkers see through `.remote`, `get` and `wait`: mypy, strict, and pyright agree.

Owns the running of checkers on the corpus. What is accepted and refused is in the corpus, where a
comment that silences an error is an error itself if there is nothing to silence.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).with_name("corpus")
SILENCED = "# type: ignore["
LIMIT_S = 240
# As a user would run them: without the settings of this repository.
COMMANDS = {
    "mypy": ["mypy", "--strict", "--config-file=", "--cache-dir={cache}", str(CORPUS)],
    "pyright": ["pyright", "--project", str(CORPUS), "--pythonpath", sys.executable],
}

pytestmark = pytest.mark.timeout(LIMIT_S)


@pytest.mark.parametrize("checker", COMMANDS)
def test_a_checker_accepts_what_is_right_and_refuses_what_is_wrong(
    checker: str, tmp_path: Path
) -> None:
    returncode, printed = checked(checker, CORPUS, cache=tmp_path)

    assert returncode == 0, printed


@pytest.mark.parametrize("checker", COMMANDS)
def test_a_checker_notices_when_nothing_is_wrong_any_more(checker: str, tmp_path: Path) -> None:
    for path in CORPUS.iterdir():
        text = path.read_text() if path.is_file() else ""
        (tmp_path / path.name).write_text(text.replace(SILENCED, "# was: ignore["))

    returncode, printed = checked(checker, tmp_path, cache=tmp_path / "cache")

    assert returncode != 0
    assert printed.count("refused.py") >= (CORPUS / "refused.py").read_text().count(SILENCED)


def checked(checker: str, directory: Path, *, cache: Path) -> tuple[int, str]:
    """The exit code of a checker, and what it printed."""
    options = [
        option.format(cache=cache).replace(str(CORPUS), str(directory))
        for option in COMMANDS[checker]
    ]
    sources = str(ROOT / "python")
    done = subprocess.run(
        [sys.executable, "-m", *options],
        cwd=directory,
        env={**os.environ, "MYPYPATH": sources, "PYTHONPATH": sources},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
