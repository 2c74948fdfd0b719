"""What a worker process writes: its lines are told to be those of what runs here.

Owns the two standard outputs of a worker. Does not own the way of lines (the node), nor how they
are shown (`aktis._kernel.logs`).
"""

from __future__ import annotations

import io
import os
import sys

from aktis import _core
from aktis._kernel import context

STDOUT_FD = 1
STDERR_FD = 2


def put_into_use(engine: _core.Engine) -> None:
    """Replaces both outputs of this process."""
    sys.stdout = _NamingOutput(engine, STDOUT_FD)
    sys.stderr = _NamingOutput(engine, STDERR_FD)


def write_line(engine: _core.Engine, line: bytes) -> None:
    """Writes a line past `sys.stdout`, which the user may have turned elsewhere."""
    _name_lines(engine)
    os.write(STDOUT_FD, line)


class _NamingOutput(io.TextIOWrapper):
    """Says whose lines are written before they are."""

    def __init__(self, engine: _core.Engine, descriptor: int) -> None:
        # Opened anew: what was below the descriptor when the process began was something else.
        below = open(descriptor, "wb", closefd=False)  # noqa: SIM115 - it stays open
        super().__init__(below, encoding="utf-8", errors="backslashreplace", line_buffering=True)
        self._engine = engine

    def write(self, text: str) -> int:
        """Writes, on behalf of what runs here."""
        _name_lines(self._engine)
        return super().write(text)


def _name_lines(engine: _core.Engine) -> None:
    execution = _core.execution_here()
    if execution is not None and context.hosted() is None and execution.name != _named[-1]:
        _named[:] = [execution.name]
        engine.set_title(execution.name)
        engine.flush()


# What the node was last told to call this process.
_named: list[str] = [""]
