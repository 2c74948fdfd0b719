"""Programs that run in a terminal, and what a user sees there.

Owns the pseudo-terminal and its reading, by pyte. Knows nothing of sessions.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

ROWS, COLUMNS = 24, 100
HISTORY = 1_000
READ_BYTES = 1 << 16
SEEN_S = 30.0


class Terminal:
    """A program in a terminal of its own; it has ended when the `with` block has."""

    def __init__(self, program: str, *, directory: Path) -> None:
        script = directory / "in_terminal.py"
        script.write_text(textwrap.dedent(program))
        self._screen = pyte.HistoryScreen(COLUMNS, ROWS, history=HISTORY)
        self._stream = pyte.ByteStream(self._screen)
        self._end, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, str(script)], stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._end)

    def lines(self) -> list[str]:
        """All lines that can be seen, those that were scrolled away too, without empty ones."""
        rows = [*self._screen.history.top, *(self._screen.buffer[row] for row in range(ROWS))]
        lines = ["".join(row[column].data for column in range(COLUMNS)).rstrip() for row in rows]
        return [line for line in lines if line]

    def wait_until(self, seen: Callable[[list[str]], object]) -> list[str]:
        """Returns the lines as soon as they are as wanted."""
        deadline = time.monotonic() + SEEN_S
        while not seen(self.lines()):
            assert time.monotonic() < deadline, "\n".join(
                ["never seen so; at last:", *self.lines()]
            )
            assert self._read(), "\n".join(["the program ended before:", *self.lines()])
        return self.lines()

    def end(self) -> list[str]:
        """Waits until the program has ended well, and returns the lines that it left."""
        while self._read():
            pass
        assert self._process.wait(SEEN_S) == 0, "\n".join(self.lines())
        return self.lines()

    def _read(self) -> bool:
        """Takes what was written; false once nobody writes any more."""
        readable, _, _ = select.select([self._end], [], [], SEEN_S)
        if not readable:
            return True
        try:
            data = os.read(self._end, READ_BYTES)
        except OSError:
            # So the kernel says that the other end is closed.
            return False
        self._stream.feed(data)
        return bool(data)
