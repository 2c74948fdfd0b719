"""Writes objects to disk and reads them back, on a thread of the daemon beside its loop.

Owns: the files of spilled objects. Does not own: which objects, or when (the node), nor the pipes
seen from the loop (`crates/shell/runtime/src/spill.rs`, which says what is told by them).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mmap import mmap
    from pathlib import Path

JOB = struct.Struct("=28sQQQ")
SPILL, RESTORE, DELETE = 1, 2, 3
# Room for twenty thousand jobs.
JOBS_BYTES = 1 << 20
# The longest message that a pipe keeps apart from others.
OUTCOME_BYTES_MAX = 4096
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Pipes(NamedTuple):
    """The loop's ends: where it tells jobs, and hears of outcomes. Neither blocks."""

    jobs_fd: int
    outcomes_fd: int


def start(arena: mmap, directory: str) -> tuple[threading.Thread, Pipes]:
    """Starts the thread, which ends when the loop has closed its ends.

    Args:
        arena: the memory of all objects.
        directory: where files lie; made when it is first needed.
    """
    jobs_fd, loop_jobs_fd = os.pipe()
    loop_outcomes_fd, outcomes_fd = os.pipe2(os.O_CLOEXEC | os.O_DIRECT)
    with contextlib.suppress(PermissionError):
        fcntl.fcntl(loop_jobs_fd, fcntl.F_SETPIPE_SZ, JOBS_BYTES)
    os.set_blocking(loop_jobs_fd, False)
    os.set_blocking(loop_outcomes_fd, False)
    arguments = (Files(arena, directory), jobs_fd, outcomes_fd)
    thread = threading.Thread(target=serve, args=arguments, name="aktis-spill", daemon=True)
    thread.start()
    return thread, Pipes(loop_jobs_fd, loop_outcomes_fd)


def serve(files: Files, jobs_fd: int, outcomes_fd: int) -> None:
    """Does jobs in their order, and tells what became of each, until the loop hangs up."""
    with (
        contextlib.suppress(BrokenPipeError),
        open(jobs_fd, "rb", buffering=0) as jobs,
        open(outcomes_fd, "wb", buffering=0) as outcomes,
    ):
        while job := jobs.read(JOB.size):
            identifier, kind, offset, size = JOB.unpack(job)
            path = files.path(identifier)
            if kind == DELETE:
                # What cannot be removed now goes with the session's directory.
                with contextlib.suppress(OSError):
                    path.unlink()
                continue
            act = files.spill if kind == SPILL else files.restore
            outcome = identifier + act(path, offset, size).encode()
            outcomes.write(outcome[:OUTCOME_BYTES_MAX])


class Files:
    """The files of spilled objects; what is done with one fails with a sentence, or "" if not."""

    def __init__(self, arena: mmap, directory: str) -> None:
        self.arena = memoryview(arena)
        self.directory = directory

    def path(self, identifier: bytes) -> Path:
        """Where an object lies."""
        from pathlib import Path  # its cost matters at the start, not here

        return Path(self.directory, f"object-{identifier.hex()}")

    def spill(self, path: Path, offset: int, size: int) -> str:
        """Writes a part of the arena to a new file."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.write(self.arena[offset : offset + size])
        except OSError as error:
            # Half a file takes space that is short already; the error told is the one that matters.
            with contextlib.suppress(OSError):
                path.unlink()
            is_full = error.errno in DISK_FULL
            what = "disk full while spilling" if is_full else "cannot spill"
            return f"{what} to {self.directory}: {error.strerror}"
        return ""

    def restore(self, path: Path, offset: int, size: int) -> str:
        """Reads a file back into the arena.

        The kernel does it, so that memory which cannot be had is an error and ends no process.
        """
        try:
            with path.open("rb") as file:
                read = file.readinto(self.arena[offset : offset + size])
        except OSError as error:
            return f"cannot read {path}: {error.strerror}"
        return "" if read == size else f"cannot read {path}: it has {read} bytes of {size}"
