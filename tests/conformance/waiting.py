"""Waits for what other processes do: a bounded `wait_for`, gates and tallies made of files.

Owns no process and no session. Light on purpose: workers import it to unpickle a gate.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

POLL_INTERVAL_S = 0.01
WAIT_S = 30.0


def wait_for(
    condition: Callable[[], object], *, timeout_s: float = WAIT_S, story: str = ""
) -> None:
    """Returns as soon as `condition()` is true.

    Raises:
        AssertionError: `timeout_s` passed; the message holds `story` and the last value seen.
    """
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not (seen := condition()):
        if time.monotonic() > deadline:
            name = story or getattr(condition, "__name__", repr(condition))
            message = f"not true after {timeout_s:g} s: {name} (last value: {seen!r})"
            raise AssertionError(message)
        pause.wait(POLL_INTERVAL_S)


@dataclass(frozen=True)
class Gate:
    """A file that is there or not: one process opens the gate, others wait for it."""

    path: Path

    def open(self) -> None:
        """Lets every process pass, now and later."""
        self.path.touch()

    def is_open(self) -> bool:
        """Whether some process has opened the gate."""
        return self.path.exists()

    def wait(self, timeout_s: float = 60.0) -> None:
        """Returns once the gate is open."""
        wait_for(self.is_open, timeout_s=timeout_s, story=f"gate {self.path.name} is open")

    async def wait_async(self, timeout_s: float = 60.0) -> None:
        """Returns once the gate is open, and lets others run on the loop meanwhile."""
        async with asyncio.timeout(timeout_s):
            # Nothing in this process opens the gate, so there is no event to wait for.
            while not self.is_open():  # noqa: ASYNC110
                await asyncio.sleep(POLL_INTERVAL_S)


@dataclass(frozen=True)
class Tally:
    """A count that many processes add to and that outlives each of them."""

    path: Path

    def add(self) -> int:
        """Adds one and returns the new count."""
        descriptor = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, b"|")
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def count(self) -> int:
        """How often `add` was called so far, in all processes."""
        return self.path.stat().st_size if self.path.exists() else 0


def process_is_gone(pid: int) -> bool:
    """Whether no process with this id runs; a zombie counts as gone."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"
