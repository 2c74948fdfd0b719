"""What this process is called in `ps`.

Owns the memory behind `/proc/self/cmdline`, which the kernel set up when the program began. Does
not own the titles themselves.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

# Which fields of `/proc/self/stat`, counted from 0 behind the program's name, tell where the
# arguments lie.
ARGUMENTS_START, ARGUMENTS_END = 45, 46


def set_title(title: str) -> None:
    """Calls this process `title`, cut to the length of the command line that it was started with.

    Where the kernel does not let a process write there, it keeps its name.
    """
    with contextlib.suppress(OSError):
        # The name in brackets may hold anything, brackets and blanks too.
        fields = Path("/proc/self/stat").read_bytes().rpartition(b") ")[2].split()
        start, end = int(fields[ARGUMENTS_START]), int(fields[ARGUMENTS_END])
        shown = title.encode()[: end - start - 1].ljust(end - start, b"\0")
        with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
            memory.seek(start)
            memory.write(shown)
