"""Reads what the kernel says of processes, and ends those a trial left behind.

Owns the reading of `/proc`. Only Linux has it; so have the figures that need it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PR_SET_CHILD_SUBREAPER = 36
STAT_PARENT = 1
# How the kernel packs "processor time of process id" into the id of a clock.
CLOCK_ID_SHIFT, CLOCK_SCHEDULER = 3, 2
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SWEEPS_MAX = 100


@dataclass(frozen=True, slots=True)
class Process:
    """A process by its id; what it used is read anew each time and is 0 once it has ended."""

    id: int

    def title(self) -> str:
        """Returns the command line as the process shows it."""
        return self._read("cmdline").replace("\0", " ").strip()

    def name(self) -> str:
        """Returns the short name that the kernel keeps."""
        return self._read("comm").strip()

    def cpu_s(self) -> float:
        """Returns the processor time used so far, ended threads included."""
        # The clock counts nanoseconds; the ticks of `/proc` are coarser than an idle process.
        try:
            return time.clock_gettime(~self.id << CLOCK_ID_SHIFT | CLOCK_SCHEDULER)
        except OSError:
            return 0.0

    def pss_bytes(self) -> int:
        """Returns the memory used, a page that n processes share counted as 1/n."""
        for line in self._read("smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
        return 0

    def rss_bytes(self) -> int:
        """Returns the memory that is mapped and present, shared pages in full."""
        fields = self._read("statm").split()
        return int(fields[1]) * PAGE_BYTES if fields else 0

    def parent(self) -> int:
        """Returns the parent's id, 0 once the process has ended."""
        # The name stands in brackets and may itself hold brackets and blanks.
        fields = self._read("stat").rpartition(")")[2].split()
        return int(fields[STAT_PARENT]) if fields else 0

    def _read(self, file: str) -> str:
        try:
            return Path("/proc", str(self.id), file).read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""


def adopt_orphans() -> None:
    """Makes this process the parent of every descendant whose own parent ends."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel refused to make this process a reaper")


def descendants(ancestor: int) -> list[Process]:
    """Returns the processes below `ancestor`, nearest first."""
    children: dict[int, list[Process]] = {}
    for process in _all_processes():
        children.setdefault(process.parent(), []).append(process)
    found: list[Process] = []
    generation = [ancestor]
    while generation:
        below = [child for parent in generation for child in children.get(parent, [])]
        found.extend(below)
        generation = [process.id for process in below]
    return found


def end_descendants() -> int:
    """Kills every process below this one and returns how many there were."""
    killed: set[int] = set()
    # A process may fork between the look and the kill, so look until none is left.
    for _ in range(SWEEPS_MAX):
        left = descendants(os.getpid())
        if not left:
            return len(killed)
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process.id, signal.SIGKILL)
            killed.add(process.id)
        _reap_children()
    message = f"{len(left)} processes outlived {SWEEPS_MAX} kills"
    raise RuntimeError(message)


def _reap_children() -> None:
    # Killed children end without delay; orphans among them reach this process as children.
    with suppress(ChildProcessError):
        os.waitpid(-1, 0)
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _all_processes() -> Iterator[Process]:
    return (Process(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
