"""Processes that this one started or adopted: how they end and are taken leave of.

Owns: the system calls. Does not own: whose process is which.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

# A grandchild's adoption raises no signal.
RECHECK_S = 0.005


def kill_group(pid: int) -> None:
    """Ends a process and all of its group at once."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def reap() -> tuple[int, int, int] | None:
    """Takes leave of a child that ended and of its group, or of none if all are alive.

    Returns:
        Its process id, its wait status, and the most memory that it held, in bytes.

    Raises:
        ChildProcessError: there is none.
    """
    ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is None:
        return None
    # Until it is reaped its number cannot name another group.
    kill_group(ended.si_pid)
    pid, status, usage = os.wait4(ended.si_pid, 0)
    return pid, status, usage.ru_maxrss * 1024


def await_end(patience_s: float) -> None:
    """Takes leave of all children, until none is left or the time is up."""
    deadline = time.monotonic() + patience_s
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if reap() is None:
                time.sleep(RECHECK_S)
