"""Runs programs as drivers of their own, in processes of their own.

Owns the file, the environment and the end of such a process. Knows nothing of sessions.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Driver:
    """What a finished driver left: its exit code and what it printed."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """Standard output, line by line."""
        return self.stdout.splitlines()

    @property
    def printed(self) -> str:
        """Both outputs together, for messages and for searching."""
        return self.stdout + self.stderr


def start_driver(
    program: str, *, directory: Path, env: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Starts `program` (indented source is fine) and returns at once."""
    script = directory / "driver.py"
    script.write_text(textwrap.dedent(program))
    return subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    )


def run_driver(
    program: str, *, directory: Path, env: dict[str, str] | None = None, timeout_s: float = 50.0
) -> Driver:
    """Runs `program` to its end; one that does not end in time is killed and fails the test."""
    process = start_driver(program, directory=directory, env=env)
    try:
        stdout, stderr = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        message = f"the driver did not end within {timeout_s:g} s:\n{stdout}\n{stderr}"
        raise AssertionError(message) from None
    return Driver(process.returncode, stdout, stderr)


def lines_of(driver: Driver) -> list[str]:
    """What a driver printed; one that failed or complained fails the test."""
    assert driver.returncode == 0, driver.printed
    assert driver.stderr == "", driver.stderr
    return driver.lines
